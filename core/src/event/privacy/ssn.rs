//! Social security numbers of the United States, and the tax numbers of those who
//! have none (ITIN).

use std::ops::Range;

use super::context;
use super::groups::Window;

const WORDS: [&[u8]; 6] = [b"ssn", b"ssns", b"social", b"security", b"itin", b"tin"];

/// Three, two and four digits evenly apart; or nine after the word.
pub fn find(window: &Window<'_>) -> Option<Range<usize>> {
    let before = window.before();
    if before.is_ascii_alphanumeric() || matches!(before, b'-' | b'.' | b'_') {
        return None;
    }
    let groups = window.groups();
    let count = match groups {
        [a, b, c, ..] if (a.len(), b.len(), c.len()) == (3, 2, 4) && is_apart(window) => 3,
        [nine, ..] if nine.len() == 9 && context::words_before(window.text, nine.start).any_of(&WORDS) => 1,
        _ => return None,
    };
    let number = window.number(count)?;
    let after = window.after(count);
    (is_issued(number.digits()) && !after.is_ascii_alphanumeric()).then(|| window.span(count))
}

fn is_apart(window: &Window<'_>) -> bool {
    window.is_evenly_apart(3, b"- ._") && window.gap(0).len() == 1
}

fn is_issued(digits: &[u8]) -> bool {
    let (area, group, serial) = (&digits[..3], &digits[3..5], &digits[5..]);
    if area[0] == b'9' {
        // An ITIN.
        let group = (group[0] - b'0') * 10 + group[1] - b'0';
        return matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    }
    area != b"000" && area != b"666" && group != b"00" && serial != b"0000"
}
