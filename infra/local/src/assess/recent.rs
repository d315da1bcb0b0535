//! Event ids that came lately. A sender that repeats an event mostly does so at
//! once; that a line may be a repetition is then known before it is judged.

use std::sync::atomic::{AtomicU64, Ordering};

use learning_core::event::{EventId, UserId};

/// A table of fixed size: each id has one place, and is forgotten when another one
/// takes it. It may be wrong either way; who uses it has to make sure.
pub struct Recent(Vec<AtomicU64>);

const PLACES: usize = 1 << 16;

impl Recent {
    pub fn new() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether the id seems to have come already.
    pub fn has_seen(&self, user: UserId, event: EventId) -> bool {
        let mixed = event.0.as_u128() ^ user.0.as_u128().rotate_left(64);
        let print = (mixed as u64 ^ (mixed >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.0[(print >> 40) as usize % PLACES].swap(print, Ordering::Relaxed) == print
    }
}
