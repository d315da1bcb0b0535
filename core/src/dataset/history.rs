//! A user's transaction history in summary: just enough to tell when it becomes
//! sufficient for segmentation.

use chrono::{DateTime, Utc};

use super::Epoch;

/// When a history suffices: enough transactions over enough time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sufficiency {
    pub transactions: u64,
    /// Whole days between the first and the last transaction.
    pub days: i64,
}

/// All transactions of a user, whatever the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    pub transactions: u64,
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
    /// The segmentation epoch in which it became sufficient; from then on it is
    /// complete for its purpose and is not kept up any more.
    pub sufficient_since: Option<Epoch>,
}

impl History {
    /// The history of a user known only by transactions at `times`; `None` for none.
    pub fn of(times: impl IntoIterator<Item = DateTime<Utc>>) -> Option<Self> {
        times
            .into_iter()
            .map(|time| History { transactions: 1, first: time, last: time, sufficient_since: None })
            .reduce(History::merge)
    }

    pub fn merge(self, other: History) -> History {
        History {
            transactions: self.transactions + other.transactions,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            sufficient_since: self.sufficient_since.or(other.sufficient_since),
        }
    }

    pub fn suffices(&self, rule: &Sufficiency) -> bool {
        self.transactions >= rule.transactions && (self.last - self.first).num_days() >= rule.days
    }
}
