//! Numbers are written as groups of digits. A window holds the groups from one on, as
//! far as the longest number that is looked for reaches.

use std::ops::{Range, RangeInclusive};

use super::work;

/// Groups of the longest number: 19 digits, one by one, and one more to see that it ends.
const GROUPS: usize = 20;
/// Digits after which no number that is looked for goes on.
const DIGITS: usize = 40;
/// Bytes that may stand between two groups of one number.
const GAP: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
pub struct Group {
    pub start: usize,
    pub end: usize,
}

impl Group {
    pub fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Groups of digits one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    pub end: usize,
    pub digits: usize,
}

impl Chain {
    /// The chain at `start`, which is the first digit of a group.
    pub fn new(text: &[u8], start: usize) -> Self {
        let mut chain = Self { end: start, digits: 0 };
        loop {
            let begin = chain.end;
            while text.get(chain.end).is_some_and(u8::is_ascii_digit) {
                chain.end += 1;
            }
            chain.digits += chain.end - begin;
            let gap = gap(&text[chain.end..]);
            work::add(chain.end - begin + GAP);
            if gap > GAP || !text.get(chain.end + gap).is_some_and(u8::is_ascii_digit) {
                return chain;
            }
            chain.end += gap;
        }
    }
}

/// The length of what separates two groups, as far as that matters.
fn gap(text: &[u8]) -> usize {
    text.iter().take(GAP + 1).take_while(|byte| is_separator(**byte)).count()
}

/// The groups of digits from a position on.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    pub text: &'a [u8],
    groups: [Group; GROUPS],
    count: usize,
}

impl<'a> Window<'a> {
    /// The window at `start`, which is the first digit of a group.
    pub fn new(text: &'a [u8], start: usize) -> Self {
        let mut window = Self { text, groups: [Group::default(); GROUPS], count: 0 };
        let (mut at, mut digits) = (start, 0);
        while window.count < GROUPS {
            let begin = at;
            while text.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            work::add(at - begin + GAP);
            window.groups[window.count] = Group { start: begin, end: at };
            window.count += 1;
            digits += at - begin;
            let gap = gap(&text[at..]);
            if gap > GAP || digits > DIGITS || !text.get(at + gap).is_some_and(u8::is_ascii_digit) {
                break;
            }
            at += gap;
        }
        window
    }

    pub fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    /// What stands between the group at `place` and the next one.
    pub fn gap(&self, place: usize) -> &'a [u8] {
        &self.text[self.groups[place].end..self.groups[place + 1].start]
    }

    /// The byte before the first group; 0 where the text begins.
    pub fn before(&self) -> u8 {
        self.groups[0].start.checked_sub(1).map_or(0, |at| self.text[at])
    }

    /// The byte after the first `count` groups; 0 where the text ends.
    pub fn after(&self, count: usize) -> u8 {
        self.text.get(self.groups[count - 1].end).copied().unwrap_or(0)
    }

    /// Whether all gaps of the first `count` groups are equal, and made of `signs`.
    pub fn is_evenly_apart(&self, count: usize, signs: &[u8]) -> bool {
        (0..count.saturating_sub(1)).all(|place| self.gap(place) == self.gap(0))
            && (count < 2 || self.gap(0).iter().all(|byte| signs.contains(byte)))
    }

    pub fn span(&self, count: usize) -> Range<usize> {
        self.groups[0].start..self.groups[count - 1].end
    }

    pub fn digits(&self, count: usize) -> usize {
        self.groups()[..count].iter().map(Group::len).sum()
    }

    /// How many groups, from the first one on, have so many digits together.
    pub fn counts_of(&self, digits: RangeInclusive<usize>) -> Range<usize> {
        let (mut first, mut end, mut sum) = (0, 0, 0);
        for (place, group) in self.groups().iter().enumerate() {
            sum += group.len();
            if sum < *digits.start() {
                first = place + 1;
            }
            if sum <= *digits.end() {
                end = place + 1;
            }
        }
        first + 1..end + 1
    }

    /// The digits of the first `count` groups; `None` for more than 19.
    pub fn number(&self, count: usize) -> Option<Number> {
        let mut number = Number { digits: [0; 19], len: 0 };
        for group in &self.groups()[..count] {
            let part = &self.text[group.start..group.end];
            number.digits.get_mut(number.len..number.len + part.len())?.copy_from_slice(part);
            number.len += part.len();
            work::add(part.len());
        }
        Some(number)
    }
}

/// Up to 19 digits.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    digits: [u8; 19],
    len: usize,
}

impl Number {
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// What may stand between two groups of a number of any kind.
fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\n'
            | b'\r'
            | b'-'
            | b'_'
            | b'.'
            | b','
            | b':'
            | b'|'
            | b'+'
            | b'/'
            | b'*'
            | b'('
            | b')'
            | b'='
    )
}
