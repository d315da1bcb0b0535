//! The data folder, which one process uses at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

/// The data folder, ours until this is dropped.
pub(super) struct Folder {
    root: PathBuf,
    /// The lock belongs to the open file: the system takes it back when the
    /// process ends, even when it is killed, so no stale lock can remain.
    _lock: File,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).map_err(|e| unusable(root, &e))?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join("lock"))
            .map_err(|e| unusable(root, &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(in_use(root, &mut lock)),
            Err(TryLockError::Error(e)) => return Err(unusable(root, &e)),
        }
        // Who holds it, for whoever finds it locked.
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(|e| unusable(root, &e))?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

fn unusable(root: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow!("the data folder {} cannot be used ({error}): choose another with --data-dir", root.display())
}

fn in_use(root: &Path, lock: &mut File) -> String {
    let mut holder = String::new();
    // Where the system does not let a locked file be read, the number is left out.
    let process = match lock.read_to_string(&mut holder) {
        Ok(_) if !holder.is_empty() => format!("process {holder}"),
        _ => "another process".to_owned(),
    };
    format!(
        "the data folder {} is in use by {process}: stop it, or choose another folder with --data-dir",
        root.display()
    )
}
