//! How often each of some things is there, and how often the most frequent.

use std::collections::HashMap;

/// A multiset that knows its largest count; adding and removing take constant time.
#[derive(Debug, Default)]
pub struct Tally {
    counts: HashMap<u64, usize>,
    /// How many things are there exactly so often, by that number.
    things_with: Vec<usize>,
    most: usize,
}

impl Tally {
    pub fn add(&mut self, thing: u64) {
        let count = self.counts.entry(thing).or_default();
        *count += 1;
        let count = *count;
        if count >= self.things_with.len() {
            self.things_with.resize(count + 1, 0);
        }
        if count > 1 {
            self.things_with[count - 1] -= 1;
        }
        self.things_with[count] += 1;
        self.most = self.most.max(count);
    }

    /// Removes a thing that was added.
    pub fn remove(&mut self, thing: u64) {
        let Some(count) = self.counts.get_mut(&thing) else { return };
        let before = *count;
        *count -= 1;
        self.things_with[before] -= 1;
        if before == 1 {
            self.counts.remove(&thing);
        } else {
            self.things_with[before - 1] += 1;
        }
        if self.things_with[before] == 0 && self.most == before {
            self.most = before - 1;
        }
    }

    /// How often the most frequent thing is there.
    pub fn most(&self) -> usize {
        self.most
    }

    pub fn distinct(&self) -> usize {
        self.counts.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_knows_what_a_recount_would_say(things in proptest::collection::vec(0..5u64, 0..60), left in 0..60usize) {
            let mut tally = Tally::default();
            for thing in &things {
                tally.add(*thing);
            }
            let gone = left.min(things.len());
            for thing in &things[..gone] {
                tally.remove(*thing);
            }
            let mut counts = HashMap::<u64, usize>::new();
            for thing in &things[gone..] {
                *counts.entry(*thing).or_default() += 1;
            }
            prop_assert_eq!(tally.most(), counts.values().copied().max().unwrap_or_default());
            prop_assert_eq!(tally.distinct(), counts.len());
        }
    }
}
