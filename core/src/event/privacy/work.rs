//! The work counter counts the steps of the scanner, so that a test can assert a
//! bound that is linear in the input. It exists in test builds only.

/// Counts steps of the scanner; nothing outside of test builds.
#[cfg(not(test))]
#[inline(always)]
pub fn add(_steps: usize) {}

#[cfg(test)]
pub use counter::{add, take};

#[cfg(test)]
mod counter {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    pub fn add(steps: usize) {
        STEPS.with(|count| count.set(count.get() + steps as u64));
    }

    /// The steps since the last call.
    pub fn take() -> u64 {
        STEPS.with(|count| count.replace(0))
    }
}
