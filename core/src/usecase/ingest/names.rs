//! Names that senders choose, and counter shards count by: of segments and of unknown
//! event types.

use std::collections::BTreeSet;

use crate::dataset::membership::OTHER;

/// Segments that a counter shard counts apart.
const SEGMENTS: usize = 64;
/// Unknown event types that a counter shard counts apart.
const UNKNOWN_TYPES: usize = 16;

/// The names that a shard holds, and how many it may hold: a shard is one item. What
/// is beyond that is counted as `other`.
#[derive(Clone, Debug)]
pub struct CountedNames {
    names: BTreeSet<String>,
    max: usize,
}

impl CountedNames {
    pub fn segments(held: impl IntoIterator<Item = String>) -> Self {
        Self { names: held.into_iter().collect(), max: SEGMENTS }
    }

    pub fn unknown_types(held: impl IntoIterator<Item = String>) -> Self {
        Self { names: held.into_iter().collect(), max: UNKNOWN_TYPES }
    }

    /// The name that one of this name is counted under.
    pub fn counted<'a>(&self, name: &'a str) -> &'a str {
        if self.names.contains(name) || self.names.len() < self.max { name } else { OTHER }
    }

    /// As [`CountedNames::counted`]; the name is held from then on.
    pub fn count<'a>(&mut self, name: &'a str) -> &'a str {
        let counted = self.counted(name);
        self.names.insert(counted.to_owned());
        counted
    }

    pub fn learn<'a>(&mut self, names: impl IntoIterator<Item = &'a String>) {
        self.names.extend(names.into_iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_apart_until_there_are_too_many() {
        let mut segments = CountedNames::segments([]);
        assert_eq!(segments.counted("savers"), "savers");
        let names: Vec<String> = (0..SEGMENTS).map(|n| n.to_string()).collect();
        segments.learn(&names);
        assert_eq!(segments.counted("7"), "7");
        assert_eq!(segments.counted("savers"), OTHER);
    }

    #[test]
    fn names_of_one_batch_are_bounded_too() {
        let mut types = CountedNames::unknown_types([]);
        let counted: BTreeSet<String> = (0..100).map(|n| types.count(&format!("type{n}")).to_owned()).collect();
        assert_eq!(counted.len(), UNKNOWN_TYPES + 1);
        assert_eq!(types.count("type3"), "type3");
    }
}
