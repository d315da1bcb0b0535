//! What a killed process leaves in the folder of the S3 engine.
//!
//! s3s-fs writes an object to `.tmp.N.internal.part` and renames it when it is
//! complete, so no half of one is ever visible; it clears these away itself.
//! But the hidden file with the object's ETag and checksums follows after the
//! rename. A process killed in between leaves the new object with the old
//! checksum, and every SDK would refuse to read it from then on.

use std::ffi::OsStr;
use std::fs::DirEntry;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Removes the uploads in parts that were under way, since nobody is left who
/// would complete them, and the hidden files of objects that are gone or newer.
/// Without them the engine computes the ETag from the object itself.
pub(super) fn clear(root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if is_upload(&entry.file_name()) || describes_another(root, &entry)? {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// `.upload-ID.json`, `.upload_id-ID.part-N`, `.bucket-B.object-K.upload-ID.metadata.json`.
fn is_upload(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(".upload-")
        || name.starts_with(".upload_id-")
        || (name.starts_with(".bucket-") && name.contains(".upload-"))
}

fn describes_another(root: &Path, hidden: &DirEntry) -> Result<bool> {
    let Some((object, part)) = described(root, &hidden.file_name()) else { return Ok(false) };
    match std::fs::metadata(object) {
        Ok(object) => Ok(part == Part::Checksums && object.modified()? > hidden.metadata()?.modified()?),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(true),
        Err(e) => Err(e),
    }
}

#[derive(PartialEq)]
enum Part {
    /// Written after the object, always.
    Checksums,
    /// Written before the object where that was uploaded in parts.
    Metadata,
}

/// The object that a hidden file describes: `.bucket-B.object-K.internal.json`
/// or `….metadata.json`, where B and K are the bucket and the key in base64.
fn described(root: &Path, name: &OsStr) -> Option<(PathBuf, Part)> {
    let (bucket, rest) = name.to_str()?.strip_prefix(".bucket-")?.split_once(".object-")?;
    let (key, part) = match rest.strip_suffix(".internal.json") {
        Some(key) => (key, Part::Checksums),
        None => (rest.strip_suffix(".metadata.json")?, Part::Metadata),
    };
    Some((root.join(decoded(bucket)?).join(decoded(key)?), part))
}

fn decoded(name: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(name).ok()?).ok()
}
