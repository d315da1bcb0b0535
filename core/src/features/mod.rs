//! What models know of a user at a moment: computed *as of* it, from nothing
//! that happened later.
//!
//! A [`Ledger`] puts a user's transactions in order and applies their corrections;
//! [`Window`] folds over it and keeps what the last 30 days hold; [`financial()`]
//! reads the 35 features from that. Both training rows and the serving API go
//! through them, so they cannot drift apart.

pub mod chain;
mod correction;
mod currency;
mod financial;
mod fixed;
mod goal;
mod held;
mod ledger;
mod local;
#[cfg(test)]
mod naive;
mod sorted;
mod tally;
#[cfg(test)]
mod tests;
mod transaction;
mod window;

use sha2::{Digest, Sha256};

pub use correction::{TransactionKey, Void};
pub use currency::Currency;
pub use financial::{FEATURES, Features, financial};
pub use goal::{GOAL_FEATURES, GoalFeatures, GoalStanding, goal};
pub use ledger::{Corrections, Ledger};
pub use local::{LocalTime, date_of};
pub use transaction::{CategoryGiven, Transaction, Unreadable};
pub use window::{WINDOW_DAYS, Window};

/// Raised whenever the same transactions would give other features.
const DEFINITION: u32 = 2;

/// Identifies the feature set: hexadecimal SHA-256 over the names in their order
/// and the revision of their definitions. A model that was trained under one hash
/// must not be served under another.
pub fn feature_set_hash() -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{DEFINITION}\n{WINDOW_DAYS}\n{}\n{}\n", FEATURES.join(","), GOAL_FEATURES.join(",")));
    hex::encode(hash.finalize())
}
