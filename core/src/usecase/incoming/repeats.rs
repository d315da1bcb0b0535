//! Which contents of a file come more than once, in memory that does not grow with it.
//!
//! A Bloom filter of fixed size holds every content; one that seems to be in it already
//! is noted as repeated. No repeated content escapes. One that is noted by mistake costs
//! an entry and nothing else: the ingestion counts noted contents from the beginning of
//! the file, so that the filter decides no id.

use std::collections::HashSet;

use fastbloom::BloomFilter;

use crate::event::identity::ContentDigest;

/// Bytes of the largest filter: of 20 million contents some 6,000 are noted by mistake.
const MAX_BYTES: usize = 32 * 1024 * 1024;
const MIN_BYTES: usize = 4 * 1024;
/// Bytes of the file per byte of the filter: 16 bits per event of 100 bytes.
const SPARSENESS: u64 = 50;
const HASHES: u32 = 6;
/// Repeated contents that are counted: 12 MB of a checkpoint.
const MAX_REPEATED: usize = 500_000;

pub struct Repeats {
    filter: BloomFilter,
    pub repeated: HashSet<ContentDigest>,
    max: usize,
    /// Events of contents that would be noted, had so many others not been.
    pub beyond: u64,
}

impl std::fmt::Debug for Repeats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repeats({} repeated, {} beyond)", self.repeated.len(), self.beyond)
    }
}

impl Repeats {
    /// For a file of so many bytes; `None` where nobody knows.
    pub fn new(file_bytes: Option<u64>) -> Self {
        let bytes = file_bytes.map_or(MAX_BYTES, |bytes| usize::try_from(bytes / SPARSENESS).unwrap_or(MAX_BYTES));
        let words = bytes.clamp(MIN_BYTES, MAX_BYTES) / 8;
        Self::restore(vec![0; words], HashSet::new(), 0)
    }

    /// As it was written.
    pub fn restore(words: Vec<u64>, repeated: HashSet<ContentDigest>, beyond: u64) -> Self {
        // Contents are digests: they need no seed against chosen collisions.
        let filter = BloomFilter::from_vec(words).seed(&0).hashes(HASHES);
        Self { filter, repeated, max: MAX_REPEATED, beyond }
    }

    /// The filter's content.
    pub fn words(&self) -> &[u64] {
        self.filter.as_slice()
    }

    pub fn note(&mut self, content: ContentDigest) {
        let [first, ..] = content.0.as_chunks::<8>().0 else { return };
        if !self.filter.insert_hash(u64::from_le_bytes(*first)) || self.repeated.contains(&content) {
            return;
        }
        if self.repeated.len() < self.max {
            self.repeated.insert(content);
        } else {
            self.beyond += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn content(n: u64) -> ContentDigest {
        let digest = Sha256::digest(n.to_le_bytes());
        ContentDigest(std::array::from_fn(|at| digest[at]))
    }

    proptest! {
        #[test]
        fn every_repeated_content_is_noted_wherever_the_work_is_interrupted(
            numbers in prop::collection::vec(0u64..60, 0..120),
            cuts in prop::collection::vec(0usize..120, 0..4),
        ) {
            let mut repeats = Repeats::new(Some(0));
            for (at, number) in numbers.iter().enumerate() {
                if cuts.contains(&at) {
                    let Repeats { repeated, beyond, .. } = &repeats;
                    repeats = Repeats::restore(repeats.words().to_vec(), repeated.clone(), *beyond);
                }
                repeats.note(content(*number));
            }
            for number in 0..60 {
                let times = numbers.iter().filter(|other| **other == number).count();
                prop_assert_eq!(repeats.repeated.contains(&content(number)), times > 1);
            }
        }
    }

    #[test]
    fn few_contents_are_noted_by_mistake_and_memory_is_bounded() {
        let events = 200_000;
        let mut repeats = Repeats::new(Some(events * 100));
        (0..events).for_each(|number| repeats.note(content(number)));
        assert!(repeats.repeated.len() < 400, "{repeats:?}");
        assert_eq!(Repeats::new(Some(u64::MAX)).words().len() * 8, MAX_BYTES);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let mut repeats = Repeats { max: 2, ..Repeats::new(Some(0)) };
        for number in [1, 2, 3, 1, 2, 3, 3, 1] {
            repeats.note(content(number));
        }
        assert_eq!((repeats.repeated.len(), repeats.beyond), (2, 2));
    }
}
