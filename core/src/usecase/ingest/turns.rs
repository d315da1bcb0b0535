//! Taking turns: within this process, one transaction at a time writes the
//! history of a user.
//!
//! The condition on a history's revision keeps it right without this. But a
//! transaction that fails on it was sent in vain, and requests that report on the
//! same users at the same time would fail one another most of the time.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::event::UserId;

#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<UserId, Weak<Turn<()>>>>);

impl Turns {
    /// Waits until nobody else is at these users. They are taken in order, so
    /// that no two wait for each other.
    pub async fn take(&self, users: BTreeSet<UserId>) -> Vec<OwnedMutexGuard<()>> {
        let turns: Vec<_> = {
            // A panic elsewhere leaves the map whole: each change is one call.
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            users.into_iter().map(|user| turn_of(&mut turns, user)).collect()
        };
        let mut taken = Vec::with_capacity(turns.len());
        for turn in turns {
            taken.push(turn.lock_owned().await);
        }
        taken
    }
}

fn turn_of(turns: &mut HashMap<UserId, Weak<Turn<()>>>, user: UserId) -> Arc<Turn<()>> {
    if let Some(turn) = turns.get(&user).and_then(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::new(Turn::new(()));
    turns.insert(user, Arc::downgrade(&turn));
    turn
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn users(numbers: &[u128]) -> BTreeSet<UserId> {
        numbers.iter().map(|number| UserId(Uuid::from_u128(*number))).collect()
    }

    #[tokio::test]
    async fn who_shares_a_user_waits_and_who_does_not_goes_on() {
        let turns = Turns::default();
        let first = turns.take(users(&[1, 2])).await;
        turns.take(users(&[3])).await;
        let wait = Duration::from_millis(20);
        assert!(tokio::time::timeout(wait, turns.take(users(&[2, 3]))).await.is_err());
        drop(first);
        turns.take(users(&[2, 3])).await;
        assert_eq!(turns.0.lock().unwrap().len(), 2, "only what was taken last is remembered, until the next look");
    }

    #[tokio::test]
    async fn many_with_overlapping_users_all_get_their_turn() {
        let turns = Arc::new(Turns::default());
        let waiting = (0..50u128).map(|number| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let _taken = turns.take(users(&[number % 7, number % 5, number % 3])).await;
                tokio::task::yield_now().await;
            })
        });
        for done in waiting {
            tokio::time::timeout(Duration::from_secs(5), done).await.unwrap().unwrap();
        }
    }
}
