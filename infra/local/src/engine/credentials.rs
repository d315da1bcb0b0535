//! The access key and the secret of a data folder, which its S3, DynamoDB and bus know.
//!
//! They lie in one file, in the format of AWS's shared credentials file, so that
//! `AWS_SHARED_CREDENTIALS_FILE` can name it as well.

use std::path::Path;

use anyhow::{Context, Result};

use crate::secret;

/// The file in the data folder.
pub const FILE: &str = "credentials";

/// An access key and its secret. The secret never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, …)", self.access_key)
    }
}

impl Credentials {
    /// Reads the credentials of a data folder, which are made where absent.
    ///
    /// # Errors
    /// A file that cannot be read or made, or that holds no credentials.
    pub(crate) fn of(data_dir: &Path) -> Result<Self> {
        let file = data_dir.join(FILE);
        let text = match secret::read(&file)? {
            Some(text) => text,
            None => secret::make(&file, &Self::random().profile())?,
        };
        Self::parse(&text, &file)
    }

    /// Reads the credentials of a data folder that a service has been started on.
    ///
    /// # Errors
    /// A folder without credentials, or a file that holds none.
    pub fn existing(data_dir: &Path) -> Result<Self> {
        let file = data_dir.join(FILE);
        let text = secret::read(&file)?.with_context(|| {
            format!(
                "there are no credentials in {}: start the service on this folder first, or name another with --data-dir",
                data_dir.display()
            )
        })?;
        Self::parse(&text, &file)
    }

    fn random() -> Self {
        let access_key = format!("FINCOACH{}", secret::random_hex::<6>().to_uppercase());
        Self { access_key, secret_key: secret::random_hex::<32>() }
    }

    fn profile(&self) -> String {
        let Self { access_key, secret_key } = self;
        format!("[default]\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n")
    }

    fn parse(text: &str, file: &Path) -> Result<Self> {
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
        };
        let found = value("aws_access_key_id").zip(value("aws_secret_access_key"));
        let (access_key, secret_key) =
            found.filter(|(access, secret)| access.len() >= 16 && secret.len() >= 32).with_context(|| {
                format!(
                    "the file {} holds no access key of 16 and secret of 32 characters: delete it, and new ones are made",
                    file.display()
                )
            })?;
        Ok(Self { access_key, secret_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_has_its_own_and_keeps_them() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(Credentials::existing(one.path()).unwrap_err().to_string().contains("start the service"));
        let made = Credentials::of(one.path()).unwrap();
        assert_eq!(Credentials::of(one.path()).unwrap(), made);
        assert_eq!(Credentials::existing(one.path()).unwrap(), made);
        let others = Credentials::of(other.path()).unwrap();
        assert!(others.access_key != made.access_key && others.secret_key != made.secret_key);
        assert!(!format!("{made:?}").contains(&made.secret_key));
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = [
            "",
            "[default]\n",
            "aws_access_key_id = test\naws_secret_access_key = test\n",
            "aws_access_key_id = FINCOACH1234567890AB",
        ];
        for text in damaged {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert!(Credentials::of(folder.path()).unwrap_err().to_string().contains("delete it"), "{text:?}");
        }
    }
}
