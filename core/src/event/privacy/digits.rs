//! Numbers made of groups of digits: payment cards, US social security numbers,
//! telephone numbers.

use std::ops::Range;

/// A run of digits, and what stands between it and the group before it.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub start: usize,
    pub end: usize,
    /// The first byte of the separator before it; 0 where the chain begins.
    before: u8,
}

impl Group {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// A payment card's number by itself: 13 to 19 digits of a network that issues
/// cards, with Luhn's check digit.
pub fn is_card(digits: &[u8]) -> bool {
    let network = match digits {
        [b'3'..=b'6', ..] => true,
        // Mastercard's second range.
        [b'2', b'2'..=b'7', ..] => digits.len() == 16,
        _ => false,
    };
    network && (13..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match place % 2 {
                0 => digit,
                _ => digit * 2 - if digit > 4 { 9 } else { 0 },
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The chain of groups that begins at `start`, a digit that no digit precedes.
pub fn chain(text: &[u8], start: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let (mut at, mut before) = (start, 0);
    loop {
        let begin = at;
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        groups.push(Group { start: begin, end: at, before });
        let gap = separator(&text[at..]);
        if gap == 0 || !text.get(at + gap).is_some_and(u8::is_ascii_digit) {
            return groups;
        }
        before = text[at];
        at += gap;
    }
}

/// The length of what may stand between two groups of one number, at most two
/// characters: blanks, also those that do not break, hyphens, dots, brackets.
fn separator(text: &[u8]) -> usize {
    let mut length = 0;
    for _ in 0..2 {
        length += match &text[length..] {
            [b' ' | b'-' | b'.' | b'/' | b'(' | b')', ..] => 1,
            [0xc2, 0xa0, ..] => 2,
            [0xe2, 0x80, 0x8b..=0x95 | 0xaf, ..] => 3,
            _ => break,
        };
    }
    length
}

/// The digits of some groups, or `None` for more than 19.
fn joined(text: &[u8], groups: &[Group]) -> Option<([u8; 19], usize)> {
    let mut digits = [0; 19];
    let mut length = 0;
    for group in groups {
        let part = &text[group.start..group.end];
        digits.get_mut(length..length + part.len())?.copy_from_slice(part);
        length += part.len();
    }
    Some((digits, length))
}

/// A card among `groups`, beginning with the first: whole, or in groups as cards are printed.
pub fn card(text: &[u8], groups: &[Group]) -> Option<Range<usize>> {
    (1..=groups.len().min(7)).rev().find_map(|count| {
        let groups = &groups[..count];
        let printed = count == 1 || groups.iter().all(|group| (2..=7).contains(&group.len()));
        let (digits, length) = joined(text, groups)?;
        (printed && is_card(&digits[..length])).then(|| span(groups))
    })
}

/// A social security number: three, two and four digits, or nine after the word.
pub fn ssn(text: &[u8], groups: &[Group]) -> Option<Range<usize>> {
    let groups = match groups {
        [a, b, c, ..] if (a.len(), b.len(), c.len()) == (3, 2, 4) => &groups[..3],
        [nine, ..] if nine.len() == 9 && is_announced(&text[..nine.start]) => &groups[..1],
        _ => return None,
    };
    let (digits, length) = joined(text, groups)?;
    let digits = &digits[..length];
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..]);
    let issued = area != b"000" && area != b"666" && area[0] != b'9' && group != b"00" && serial != b"0000";
    issued.then(|| span(groups))
}

fn is_announced(before: &[u8]) -> bool {
    let tail = before[before.len().saturating_sub(24)..].to_ascii_lowercase();
    [&b"ssn"[..], b"social"].iter().any(|word| tail.windows(word.len()).any(|part| part == *word))
}

/// A telephone number that begins with the first of `groups`: international (`+`
/// or 00), North American, or national with a leading 0. Others cannot be told
/// from other numbers.
pub fn phone(text: &[u8], groups: &[Group]) -> Option<Range<usize>> {
    let first = groups.first()?;
    let plus = first.start > 0 && text[first.start - 1] == b'+';
    let digits = &text[first.start..first.end];
    let found = if plus || digits.starts_with(b"00") && digits.get(2) != Some(&b'0') && first.before == 0 {
        longest(groups, if plus { 8..=15 } else { 10..=17 })
    } else if digits[0] == b'0' && digits.get(1).is_some_and(|digit| *digit != b'0') && matches!(first.before, 0 | b' ')
    {
        if is_date(text, groups) {
            return None;
        }
        longest(groups, 10..=12).filter(|groups| groups.iter().all(|group| group.len() >= 2))
    } else {
        north_american(text, groups)
    }?;
    let mut span = span(found);
    if plus || (span.start > 0 && text[span.start - 1] == b'(') {
        span.start -= 1;
    }
    Some(span)
}

/// The longest beginning of `groups` whose number of digits is among `lengths`.
fn longest(groups: &[Group], lengths: std::ops::RangeInclusive<usize>) -> Option<&[Group]> {
    (1..=groups.len().min(8)).rev().map(|count| &groups[..count]).find(|groups| {
        let digits: usize = groups.iter().map(Group::len).sum();
        lengths.contains(&digits)
    })
}

/// Day, month and year, in one order or the other.
fn is_date(text: &[u8], groups: &[Group]) -> bool {
    match groups {
        [a, b, c, ..] if (a.len(), b.len(), c.len()) == (2, 2, 4) => {
            [a, b].iter().all(|group| text[group.start..group.end] <= b"31"[..])
        }
        _ => false,
    }
}

/// Area and exchange begin with 2 to 9; a leading 1 may stand before them.
fn north_american<'a>(text: &[u8], groups: &'a [Group]) -> Option<&'a [Group]> {
    (1..=groups.len().min(4)).find_map(|count| {
        let groups = &groups[..count];
        let (digits, length) = joined(text, groups)?;
        let digits = &digits[..length];
        let lengths: Vec<usize> = groups.iter().map(Group::len).collect();
        let national = match lengths.as_slice() {
            [10] | [3, 7] | [3, 3, 4] | [6, 4] => digits,
            [11] | [1, 10] | [1, 3, 7] | [1, 3, 3, 4] if digits[0] == b'1' => &digits[1..],
            _ => return None,
        };
        (national[0] >= b'2' && national[3] >= b'2').then_some(groups)
    })
}

fn span(groups: &[Group]) -> Range<usize> {
    groups[0].start..groups[groups.len() - 1].end
}
