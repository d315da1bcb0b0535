//! Train, validation, test: each user is on one side, the same in every version.

use serde::{Deserialize, Serialize};

use super::pseudonym::keyed_hash;
use crate::dataset::settings::PseudonymKey;
use crate::event::UserId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// 80, 10 and 10 users of a hundred, by a keyed hash of the user alone: more
    /// users and more versions move nobody.
    pub fn of(key: &PseudonymKey, user: UserId) -> Self {
        let [a, b, ..] = keyed_hash(key, "split", user, "");
        match u32::from(u16::from_be_bytes([a, b])) * 100 / 65_536 {
            0..80 => Split::Train,
            80..90 => Split::Validation,
            _ => Split::Test,
        }
    }
}
