//! Another DynamoDB than the embedded one, such as DynamoDB Local: one switch in
//! the environment, so that every stack, in a test or a program, takes it.

use std::path::Path;

use anyhow::{Result, bail};

use super::Credentials;
use crate::secret::secret;

/// Names the URL of the DynamoDB to use, without a path. Not one of the service's
/// settings: only the local stack knows it.
pub const VARIABLE: &str = "FINCOACH_DYNAMODB";

/// Where an access key of this data folder's own is kept. DynamoDB Local keeps
/// the tables of each access key apart (without `-sharedDb`), so that stacks on
/// one engine do not see one another, and a folder finds its tables again.
const KEY_FILE: &str = "dynamodb.key";

/// What requests to it are signed with: an access key of this data folder's own, and a secret that such
/// an engine does not verify.
///
/// # Errors
/// A key file that cannot be read or made.
pub(super) fn credentials(data_dir: &Path) -> Result<Credentials> {
    Ok(Credentials { access_key: secret(&data_dir.join(KEY_FILE))?, secret_key: "test".to_owned() })
}

/// Whether the environment names another engine.
pub fn is_set() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The URL that the environment names; `None`: the embedded engine.
///
/// # Errors
/// Something that is no URL of a server.
pub(super) fn url() -> Result<Option<String>> {
    let Ok(url) = std::env::var(VARIABLE) else { return Ok(None) };
    check(&url)?;
    Ok(Some(url))
}

fn check(url: &str) -> Result<()> {
    let server = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match server {
        Some(server) if !server.is_empty() && !server.contains('/') => Ok(()),
        _ => bail!("{VARIABLE} is {url:?}: it has to be a URL without a path, such as http://127.0.0.1:8000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_is_taken_and_nothing_else() {
        check("http://127.0.0.1:8000").unwrap();
        for wrong in ["", "127.0.0.1:8000", "http://", "http://localhost:8000/", "ftp://localhost"] {
            assert!(check(wrong).unwrap_err().to_string().contains(VARIABLE), "{wrong}");
        }
    }
}
