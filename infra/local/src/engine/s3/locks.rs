//! A lock per path, there as long as somebody holds or awaits it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::RwLock;

#[derive(Default)]
pub(super) struct Locks(Mutex<HashMap<String, Weak<RwLock<()>>>>);

impl Locks {
    pub(super) fn of(&self, path: &str) -> Arc<RwLock<()>> {
        // A panic elsewhere leaves the map whole: each change is one call.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as there are requests under way, so few.
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(RwLock::new(()));
        locks.insert(path.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_has_one_lock_and_another_path_another() {
        let locks = Locks::default();
        let (a, also_a, b) = (locks.of("/a"), locks.of("/a"), locks.of("/b"));
        assert!(Arc::ptr_eq(&a, &also_a));
        assert!(!Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn a_lock_that_nobody_holds_takes_no_room() {
        let locks = Locks::default();
        for i in 0..100 {
            drop(locks.of(&format!("/{i}")));
        }
        let _held = locks.of("/held");
        assert_eq!(locks.0.lock().unwrap().len(), 1);
    }
}
