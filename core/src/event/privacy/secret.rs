//! The secret under which ids that look like personal data are replaced.

use std::fmt;
use std::str::FromStr;

/// A secret of at least 32 bytes. It never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactionKey(Vec<u8>);

impl RedactionKey {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedactionKey(…)")
    }
}

impl FromStr for RedactionKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match hex::decode(text) {
            Ok(bytes) if bytes.len() >= 32 => Ok(Self(bytes)),
            _ => Err("not 64 or more hexadecimal digits (make one with `openssl rand -hex 32`)"),
        }
    }
}
