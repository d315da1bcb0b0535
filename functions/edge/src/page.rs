//! Listings come in pages: how many entries are asked for, and from where on.

use crate::{Problem, Request};

/// Entries of a page unless asked otherwise, and the most that may be asked for.
pub const DEFAULT_LIMIT: usize = 20;
pub const MOST: usize = 100;

/// A page of a listing, as `?limit=&cursor=` ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub limit: usize,
    /// The key at which the page before ended.
    pub from: Option<String>,
}

impl Request {
    /// The page that is asked for, of records whose keys begin with `prefix`.
    ///
    /// # Errors
    /// 400 for a limit out of range, and for a cursor that no answer held.
    pub fn page(&self, prefix: &str) -> Result<PageRequest, Problem> {
        self.page_of(prefix, DEFAULT_LIMIT, MOST)
    }

    /// As [`Request::page`], of other lengths: `default` unless asked otherwise, and at most `most`.
    ///
    /// # Errors
    /// See [`Request::page`].
    pub fn page_of(&self, prefix: &str, default: usize, most: usize) -> Result<PageRequest, Problem> {
        let limit = self.limit(default, most)?;
        let from = self.query("cursor").map(|cursor| key_of(&cursor, prefix)).transpose()?;
        Ok(PageRequest { limit, from })
    }
}

/// The cursor of a key. It is opaque to callers.
pub fn cursor(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Cursors are checked: they become keys.
fn key_of(cursor: &str, prefix: &str) -> Result<String, Problem> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = cursor.as_bytes().chunks(2).map(byte).collect();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|key| key.starts_with(prefix) && key.len() <= 256)
        .ok_or_else(|| Problem::malformed("cursor must be the `next` of an earlier answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_anything_else_is_refused() {
        let key = "change#0000000007#0";
        assert_eq!(key_of(&cursor(key), "change#").unwrap(), key);
        for wrong in ["", "zz", "a", "€", &cursor("head"), &cursor(&format!("change#{}", "0".repeat(300)))] {
            assert_eq!(key_of(wrong, "change#").unwrap_err().status(), 400, "{wrong:?}");
        }
    }
}
