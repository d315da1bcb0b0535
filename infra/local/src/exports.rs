//! The environment variables by which AWS's tools and SDKs reach the engines of a stack.

use anyhow::{Result, bail};

use crate::command::URL;
use crate::engine::{Credentials, Endpoints, REGION, elsewhere};

/// The lines that a shell evaluates. Where DynamoDB is another engine's, it is left out: it has credentials
/// of its own, and these variables hold those of S3 and the bus.
pub fn exports(api: &str, at: &Endpoints) -> String {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", at.credentials.access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &at.credentials.secret_key),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ENDPOINT_URL_S3", &at.s3),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &at.bus),
    ];
    if at.dynamodb_credentials == at.credentials {
        variables.push(("AWS_ENDPOINT_URL_DYNAMODB", &at.dynamodb));
        variables.push(("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &at.dynamodb));
    }
    // polars and delta-rs want to be told that there is no TLS.
    variables.extend([("AWS_ALLOW_HTTP", "true"), (URL, api)]);
    let lines: Vec<String> = variables.iter().map(|(name, value)| format!("export {name}={value}")).collect();
    lines.join("\n")
}

/// The lines for the stack that serves on this port and the three after it.
///
/// # Errors
/// A port that leaves no room for the others.
pub fn exports_at(port: u16, credentials: Credentials) -> Result<String> {
    if port == 0 || port.checked_add(3).is_none() {
        bail!("--port has to name the port on which the service runs, not {port}");
    }
    let url = |after: u16| format!("http://127.0.0.1:{}", port + after);
    let dynamodb_credentials = match elsewhere::is_set() {
        true => Credentials { access_key: String::new(), secret_key: String::new() },
        false => credentials.clone(),
    };
    let at = Endpoints { dynamodb: url(2), dynamodb_credentials, s3: url(1), bus: url(3), credentials };
    Ok(exports(&url(0), &at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_variable_that_a_shell_takes_as_it_is() {
        let credentials = Credentials { access_key: "FINCOACH0123456789AB".to_owned(), secret_key: "ab".repeat(32) };
        let lines = exports_at(9_000, credentials.clone()).unwrap();
        for line in lines.lines() {
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            assert!(
                name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit()),
                "{line}"
            );
            assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte)), "{line}");
        }
        assert!(lines.contains("export AWS_ENDPOINT_URL_S3=http://127.0.0.1:9001\n"), "{lines}");
        for port in [0, 65_533] {
            assert!(exports_at(port, credentials.clone()).is_err());
        }
    }
}
