//! Event ids that came lately. A sender that repeats an event mostly does so at
//! once; that a line may be a repetition is then known before it is judged.

use std::sync::atomic::{AtomicU64, Ordering};

use learning_core::event::{EventId, UserId};

/// A table of fixed size: each id has a set of places, which it shares with the ids
/// that came before it there, and is forgotten when as many others have come. It
/// may be wrong either way; who uses it has to make sure.
pub struct Recent(Vec<[AtomicU64; PLACES]>);

const SETS: usize = 1 << 14;
const PLACES: usize = 4;

impl Recent {
    pub fn new() -> Self {
        Self((0..SETS).map(|_| Default::default()).collect())
    }

    /// Whether the id seems to have come already.
    pub fn has_seen(&self, user: UserId, event: EventId) -> bool {
        let mixed = event.0.as_u128() ^ user.0.as_u128().rotate_left(64);
        let print = (mixed as u64 ^ (mixed >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let set = &self.0[(print >> 40) as usize % SETS];
        if set.iter().any(|place| place.load(Ordering::Relaxed) == print) {
            return true;
        }
        // The latest comes first. Where two threads do so at once, one id more is forgotten.
        let mut moved = print;
        for place in set {
            let before = place.load(Ordering::Relaxed);
            place.store(moved, Ordering::Relaxed);
            moved = before;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_id_that_comes_again_at_once_is_noticed() {
        let recent = Recent::new();
        let seen = |n: u128| {
            let id = Uuid::from_u128(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            recent.has_seen(UserId(Uuid::nil()), EventId(id))
        };
        for n in (1..100_000).step_by(PLACES) {
            let others = n + 1..n + PLACES as u128;
            assert!(!seen(n));
            others.for_each(|other| assert!(!seen(other)));
            assert!(seen(n));
        }
    }
}
