//! Subjects: users under a keyed pseudonym, stable within a deployment and
//! useless outside it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::dataset::settings::PseudonymKey;
use crate::event::UserId;

/// HMAC-SHA-256 of a user; shown as 64 hexadecimal digits, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject([u8; 32]);

impl Subject {
    /// The place of the subject among `parts` equal ranges of all subjects, where
    /// `parts` is a power of two: its leading bits.
    pub(super) fn part(self, parts: u32) -> u32 {
        let [a, b, c, d, ..] = self.0;
        let leading = u64::from(u32::from_be_bytes([a, b, c, d]));
        ((leading * u64::from(parts)) >> 32) as u32
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

pub fn subject(key: &PseudonymKey, user: UserId) -> Subject {
    Subject(keyed_hash(key, "subject", user, ""))
}

/// The pseudonym of something of a user's that its sender named, of 32 digits.
pub(super) fn pseudonym(key: &PseudonymKey, purpose: &str, subject: Subject, name: &str) -> String {
    hex::encode(&mac(key, purpose, &subject.0, name)[..16])
}

/// HMAC-SHA-256 of a user for one purpose: hashes for different purposes tell
/// nothing of one another.
pub(super) fn keyed_hash(key: &PseudonymKey, purpose: &str, user: UserId, name: &str) -> [u8; 32] {
    mac(key, purpose, user.0.as_bytes(), name)
}

fn mac(key: &PseudonymKey, purpose: &str, owner: &[u8], name: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(owner);
    mac.update(name.as_bytes());
    mac.finalize().into_bytes().into()
}
