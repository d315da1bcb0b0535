//! Surrogates: what an id that looks like personal data is replaced by. Equal ids get
//! equal surrogates however they are spelled, different ids different ones; and
//! without the key nobody can try which card a surrogate stands for.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::text::Kind;

/// Hexadecimal digits of a surrogate: 128 bits.
const DIGITS: usize = 32;

/// The redaction key is a secret of at least 32 bytes. It never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactionKey(Vec<u8>);

impl RedactionKey {
    /// The surrogate of an id in its canonical spelling: `card:` and 32 hexadecimal
    /// digits of its HMAC-SHA-256.
    pub fn surrogate(&self, kind: Kind, canonical: &[u8]) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return kind.mask().to_owned() };
        mac.update(kind.name().as_bytes());
        mac.update(b":");
        mac.update(canonical);
        let digits = hex::encode(mac.finalize().into_bytes());
        format!("{}:{}", kind.name(), &digits[..DIGITS])
    }
}

/// Whether a text is a surrogate: it is kept as it is.
pub fn is_one(text: &str) -> bool {
    if !(DIGITS + 4..DIGITS + 9).contains(&text.len()) {
        return false;
    }
    let Some((kind, digits)) = text.split_once(':') else { return false };
    digits.len() == DIGITS
        && Kind::ALL.iter().any(|known| known.name() == kind)
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
