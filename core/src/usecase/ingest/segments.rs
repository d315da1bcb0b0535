//! The names under which users are counted by segment.

use std::collections::BTreeSet;

use crate::dataset::membership::OTHER;

/// Names that a counter shard counts apart. Senders may name segments as they
/// like, a shard is one item: what is beyond this is counted as `other`.
const NAMES: usize = 64;

/// The names that a shard is known to hold.
#[derive(Clone, Debug, Default)]
pub struct Segments(BTreeSet<String>);

impl Segments {
    pub fn new(known: impl IntoIterator<Item = String>) -> Self {
        Self(known.into_iter().collect())
    }

    /// What a user in the segment of this name is counted under.
    pub fn counted<'a>(&self, name: &'a str) -> &'a str {
        if self.0.contains(name) || self.0.len() < NAMES { name } else { OTHER }
    }

    pub fn learn<'a>(&mut self, names: impl IntoIterator<Item = &'a String>) {
        self.0.extend(names.into_iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_apart_until_there_are_too_many() {
        let mut segments = Segments::default();
        assert_eq!(segments.counted("savers"), "savers");
        let names: Vec<String> = (0..NAMES).map(|n| n.to_string()).collect();
        segments.learn(&names);
        assert_eq!(segments.counted("7"), "7");
        assert_eq!(segments.counted("savers"), OTHER);
    }
}
