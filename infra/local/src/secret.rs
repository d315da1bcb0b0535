//! Secrets in files of the data folder: made once, readable by their owner only, and never seen half written.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

/// The fewest hexadecimal digits of a secret: 32 bytes.
const MIN_DIGITS: usize = 64;

/// Reads the secret of a file, which is made where absent: at least 64 hexadecimal digits.
///
/// # Errors
/// A file that cannot be read or made, or that does not hold a secret of that length.
pub fn secret(file: &Path) -> Result<String> {
    let text = match read(file)? {
        Some(text) => text,
        None => make(file, &format!("{}\n", random_hex::<32>()))?,
    };
    let digits = text.trim();
    if digits.len() < MIN_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!(
            "the key file {} has to hold at least {MIN_DIGITS} hexadecimal digits, and does not: restore it from a copy; \
             only where nothing depends on the old key, delete the file, and a new key is made",
            file.display()
        );
    }
    Ok(digits.to_owned())
}

/// The text of a private file; `None` where there is none.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the key file {}", file.display())),
    }
}

/// Makes a private file that holds `text`, by a temporary file that is synced and then takes the name.
/// Where another process makes it at the same time, one of them wins; the winner's text is returned.
///
/// # Errors
/// A file that cannot be made.
pub(crate) fn make(file: &Path, text: &str) -> Result<String> {
    let unmade = || format!("cannot make the key file {}", file.display());
    let folder = file.parent().with_context(unmade)?;
    // Its mode is 600 from the start.
    let mut temporary = NamedTempFile::new_in(folder).with_context(unmade)?;
    temporary.write_all(text.as_bytes()).and_then(|()| temporary.as_file().sync_all()).with_context(unmade)?;
    match temporary.persist_noclobber(file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            return read(file)?.with_context(unmade);
        }
        Err(error) => return Err(error.error).with_context(unmade),
    }
    // The name is part of what must outlive a power cut.
    fs::File::open(folder).and_then(|folder| folder.sync_all()).with_context(unmade)?;
    Ok(text.to_owned())
}

/// So many random bytes, as hexadecimal digits.
pub(crate) fn random_hex<const BYTES: usize>() -> String
where
    rand::distr::StandardUniform: rand::distr::Distribution<[u8; BYTES]>,
{
    hex::encode(rand::random::<[u8; BYTES]>())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.key");
        let made = secret(&file).unwrap();
        assert_eq!((made.len(), secret(&file).unwrap()), (64, made));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn an_empty_or_short_secret_is_refused_by_the_name_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.key");
        for text in ["", "\n", "ab", &"ab".repeat(31), &"zz".repeat(32)] {
            fs::write(&file, text).unwrap();
            let error = secret(&file).unwrap_err().to_string();
            assert!(error.contains("auth.key") && error.contains("64 hexadecimal digits"), "{text:?}: {error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "it is left as it is");
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(secret(&file).unwrap_err().to_string().contains("cannot read the key file"));
    }

    #[test]
    fn makers_at_the_same_time_agree() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.key");
        let made: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| secret(&file).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(made.iter().all(|secret| *secret == made[0]), "{made:?}");
    }
}
