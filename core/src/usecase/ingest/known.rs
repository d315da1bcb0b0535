//! What is known of users before they are written to, and what of it this process
//! remembers.
//!
//! Histories that are sufficient never change, and nobody moves to a segment that
//! they were in before. Of everything else, the condition on its revision tells when
//! what is remembered is stale; of the erased, the condition on the tombstone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::plan::Candidate;
use crate::event::UserId;
use crate::store::{Batch, EventLog, HistoryEntry, MembershipEntry, Standing};

/// Users who are remembered; about 200 bytes each.
const REMEMBERED: usize = 50_000;

/// The users whose history or segment a batch may change.
#[derive(Clone, Debug, Default)]
pub struct Changing {
    histories: BTreeSet<UserId>,
    memberships: BTreeSet<UserId>,
}

impl Changing {
    pub fn by(candidates: &[Candidate]) -> Self {
        let mut changing = Self::default();
        for candidate in candidates {
            let user = candidate.stored.event.user;
            if candidate.in_history() {
                changing.histories.insert(user);
            }
            if candidate.membership().is_some() {
                changing.memberships.insert(user);
            }
        }
        changing
    }
}

/// What is known of the users of a batch.
#[derive(Debug, Default)]
pub struct Known {
    pub histories: HashMap<UserId, HistoryEntry>,
    pub memberships: HashMap<UserId, MembershipEntry>,
    pub erased: BTreeSet<UserId>,
}

/// Users as last seen by this process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    histories: HashMap<UserId, HistoryEntry>,
    memberships: HashMap<UserId, MembershipEntry>,
}

impl Seen {
    fn is_sufficient(&self, user: UserId) -> bool {
        self.histories.get(&user).is_some_and(|entry| entry.history.sufficient_since.is_some())
    }
}

impl Memory {
    /// Those of whom it is not known that their history stays as it is.
    pub fn unsettled(&self, changing: &Changing) -> BTreeSet<UserId> {
        let seen = self.seen();
        let histories = changing.histories.iter().filter(|user| !seen.is_sufficient(**user));
        histories.chain(&changing.memberships).copied().collect()
    }

    /// What is known of them, and whether the `suspects` are erased; read where it is
    /// not remembered.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn of(&self, changing: Changing, suspects: &BTreeSet<UserId>, log: &EventLog) -> Result<Known> {
        let mut known = Known::default();
        let Changing { mut histories, mut memberships } = changing;
        histories.extend(suspects);
        {
            let seen = self.seen();
            histories.retain(|user| !recall(*user, &seen.histories, &mut known.histories));
            memberships.retain(|user| !recall(*user, &seen.memberships, &mut known.memberships));
        }
        if histories.is_empty() && memberships.is_empty() {
            return Ok(known);
        }
        let read = log.of_users(&histories, &memberships).await?;
        known.memberships.extend(read.memberships);
        for (user, standing) in read.standings {
            match standing {
                Standing::Known(entry) => {
                    known.histories.insert(user, entry);
                }
                Standing::Erased => {
                    known.erased.insert(user);
                }
            }
        }
        Ok(known)
    }

    /// Remembers what a batch has written.
    pub fn remember(&self, written: &Batch<'_>) {
        let mut seen = self.seen();
        if seen.histories.len() + written.histories.len() > REMEMBERED {
            seen.histories.clear();
        }
        if seen.memberships.len() + written.memberships.len() > REMEMBERED {
            seen.memberships.clear();
        }
        seen.histories.extend(written.histories.iter().copied());
        seen.memberships.extend(written.memberships.iter().cloned());
    }

    pub fn forget(&self, user: UserId) {
        let mut seen = self.seen();
        seen.histories.remove(&user);
        seen.memberships.remove(&user);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A memory that a panic left behind is still a memory.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a user is among the `seen`, and so is among the `known` now.
fn recall<T: Clone>(user: UserId, seen: &HashMap<UserId, T>, known: &mut HashMap<UserId, T>) -> bool {
    let entry = seen.get(&user).cloned();
    entry.map(|entry| known.insert(user, entry)).is_some()
}
