//! Subjects: users under a keyed pseudonym, stable within a deployment and
//! useless outside it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::dataset::settings::PseudonymKey;
use crate::event::UserId;

/// HMAC-SHA-256 of a user; shown as 64 hexadecimal digits, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject([u8; 32]);

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

pub fn subject(key: &PseudonymKey, user: UserId) -> Subject {
    Subject(keyed_hash(key, "subject", user))
}

/// HMAC-SHA-256 of a user for one purpose: hashes for different purposes tell
/// nothing of one another.
pub(super) fn keyed_hash(key: &PseudonymKey, purpose: &str, user: UserId) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(user.0.as_bytes());
    mac.finalize().into_bytes().into()
}
