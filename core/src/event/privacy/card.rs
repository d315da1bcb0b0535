//! Payment cards: ISO/IEC 7812, by the ranges of the networks and Luhn's check digit.

use std::ops::{Range, RangeInclusive};

use super::groups::{Group, Window};

/// Prefixes of card numbers and the lengths that are issued with them. From the
/// networks' own publications and the table of the npm package `credit-card-type`.
const RANGES: &[(RangeInclusive<u32>, RangeInclusive<usize>)] = &[
    // Visa, Visa Electron, Switch, Dankort, Elo.
    (4000..=4999, 16..=16),
    (4000..=4999, 13..=13),
    (4000..=4999, 18..=19),
    // Mastercard, Diners Club in North America, Bankcard.
    (5100..=5599, 16..=16),
    (2221..=2720, 16..=16),
    (5610..=5610, 16..=16),
    // American Express.
    (3400..=3499, 15..=15),
    (3700..=3799, 15..=15),
    // Diners Club.
    (3000..=3059, 14..=19),
    (3095..=3095, 14..=19),
    (3600..=3699, 14..=19),
    (3800..=3999, 14..=19),
    // JCB, Hipercard, RuPay.
    (3528..=3589, 16..=19),
    (2131..=2131, 15..=15),
    (1800..=1800, 15..=15),
    (3841..=3841, 13..=19),
    // Discover, UnionPay, Maestro, Troy, RuPay, Elo, InterPayment, Laser, Verve.
    (6000..=6999, 16..=19),
    (8100..=8199, 16..=19),
    (8200..=8299, 16..=16),
    (9792..=9792, 16..=16),
    (5000..=5099, 16..=19),
    (5600..=5999, 16..=19),
    // Maestro, of any length.
    (5018..=5020, 12..=15),
    (5038..=5038, 12..=15),
    (5600..=5899, 12..=15),
    (6304..=6304, 12..=15),
    (6333..=6334, 12..=15),
    (6390..=6390, 12..=15),
    (6700..=6799, 12..=15),
    (604..=604, 12..=19),
    // Mir, Borica.
    (2200..=2205, 16..=19),
    // Humo, Uzcard.
    (9860..=9860, 16..=16),
    (8600..=8600, 16..=16),
    // UATP, enRoute.
    (1000..=1999, 15..=15),
    (2014..=2014, 15..=15),
    (2149..=2149, 15..=15),
];

/// Whether the digits are a payment card's number.
pub fn is_card(digits: &[u8]) -> bool {
    (12..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) && is_issued(digits) && luhn(digits)
}

fn is_issued(digits: &[u8]) -> bool {
    let prefix = digits[..4].iter().fold(0, |prefix, digit| prefix * 10 + u32::from(digit - b'0'));
    RANGES.iter().any(|(prefixes, lengths)| prefixes.contains(&prefix) && lengths.contains(&digits.len()))
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

/// A card that begins with the first group: glued, or in groups as cards are written.
pub fn find(window: &Window<'_>) -> Option<Range<usize>> {
    if is_fraction(window) {
        return None;
    }
    let found = window.counts_of(12..=19).rev().find(|count| {
        window.number(*count).is_some_and(|number| is_card(number.digits())) && is_written_so(window, *count)
    });
    found.map(|count| window.span(count)).or_else(|| with_expiry(window)).or_else(|| scientific(window))
}

/// Whether the groups are those of a card: fours, as the networks print them, or evenly apart.
fn is_written_so(window: &Window<'_>, count: usize) -> bool {
    let groups = &window.groups()[..count];
    if count == 1 {
        return true;
    }
    let lens = |expected: &[usize]| groups.iter().map(Group::len).eq(expected.iter().copied());
    let (last, others) = groups.split_last().unwrap_or((&groups[0], &[]));
    let in_fours = others.iter().all(|group| group.len() == 4) && last.len() <= 4;
    if in_fours || lens(&[4, 6, 5]) || lens(&[4, 6, 4]) || lens(&[8, 8]) || lens(&[6, 13]) || lens(&[4, 5, 6]) {
        return true;
    }
    let one_by_one = groups.iter().all(|group| group.len() == 1);
    let in_parts = count == 2 || groups.iter().all(|group| (2..=7).contains(&group.len()));
    one_by_one && window.is_evenly_apart(count, b" -._,\t\n") || in_parts && window.is_evenly_apart(count, b" -_\t\n")
}

/// Whether the group is what follows a decimal point: 0.4111111111111111.
fn is_fraction(window: &Window<'_>) -> bool {
    let start = window.groups()[0].start;
    let point = start > 1 && window.text[start - 1] == b'.' && window.text[start - 2].is_ascii_digit();
    let whole = window.text[..start.saturating_sub(1)].iter().rev().take(4).take_while(|byte| byte.is_ascii_digit());
    point && window.groups()[0].len() > 5 && whole.count() < 4
}

/// A card with month and year glued to it.
fn with_expiry(window: &Window<'_>) -> Option<Range<usize>> {
    let group = window.groups()[0];
    let digits = &window.text[group.start..group.end];
    let (card, expiry) = match digits.len() {
        20 => digits.split_at(16),
        19 if matches!(digits, [b'3', b'4' | b'7', ..]) => digits.split_at(15),
        _ => return None,
    };
    let number = |two: &[u8]| (two[0] - b'0') * 10 + two[1] - b'0';
    let (one, other) = (number(&expiry[..2]), number(&expiry[2..]));
    let is_expiry = |month: u8, year: u8| (1..=12).contains(&month) && (20..45).contains(&year);
    (is_card(card) && (is_expiry(one, other) || is_expiry(other, one))).then_some(group.start..group.end)
}

/// `4.111111111111111e15`: what programs make of a column of numbers with a gap.
fn scientific(window: &Window<'_>) -> Option<Range<usize>> {
    let groups = window.groups();
    let (whole, fraction) = (groups.first()?, groups.get(1)?);
    if whole.len() != 1 || window.gap(0) != b"." || !(2..=18).contains(&fraction.len()) {
        return None;
    }
    let exponent = exponent(&window.text[fraction.end..])?;
    let mut digits = Vec::with_capacity(19);
    digits.push(window.text[whole.start]);
    digits.extend_from_slice(&window.text[fraction.start..fraction.end]);
    let wanted = exponent.0 + 1;
    if digits.len() > wanted && digits[wanted..].iter().any(|digit| *digit != b'0') {
        return None;
    }
    digits.resize(wanted, b'0');
    is_card(&digits).then_some(whole.start..fraction.end + exponent.1)
}

/// The exponent at the beginning of `text`, from 11 to 18, and its length.
fn exponent(text: &[u8]) -> Option<(usize, usize)> {
    let sign = text.first().filter(|byte| matches!(byte, b'e' | b'E')).map(|_| 1)?;
    let start = sign + usize::from(text.get(sign) == Some(&b'+'));
    let digits = text[start..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&text[start..start + digits]).ok()?.parse().ok()?;
    (11..=18).contains(&value).then_some((value, start + digits))
}

/// The digits of a JSON number, however it is spelled, where it is whole and has 12
/// to 19 of them: `4111111111111111.0`, `4.111111111111111e15`, a negative one.
pub fn whole_number(number: &str) -> Option<Vec<u8>> {
    let number = number.strip_prefix('-').unwrap_or(number);
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    if mantissa.len() > 64 || exponent.abs() > 32 {
        return None;
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let point = whole.len() as i32 + exponent;
    let point = usize::try_from(point).ok().filter(|point| *point <= 64)?;
    if digits.iter().skip(point).any(|digit| *digit != b'0') {
        return None;
    }
    digits.resize(point, b'0');
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.drain(..leading);
    (4..=19).contains(&digits.len()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published test numbers of the networks.
    #[test]
    fn cards_of_every_network_are_known() {
        for card in [
            "4111111111111111",
            "4012888888881881",
            "4222222222222",
            "4000000000000000006",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "371449635398431",
            "30569309025904",
            "36227206271667",
            "38520000023237",
            "6011111111111117",
            "6500000000000002",
            "3530111333300000",
            "3566002020360505",
            "6200000000000005",
            "6205500000000000004",
            "6759649826438453",
            "6799990100000000019",
            "501800000009",
            "2200770212727079",
            "135412345678911",
        ] {
            assert!(is_card(card.as_bytes()), "{card}");
        }
        for other in ["4111111111111112", "123456789012", "0000000000000000", "1706695200000000", "352099001761481"] {
            assert!(!is_card(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_spelled() {
        for number in [
            "4111111111111111",
            "-4111111111111111",
            "4111111111111111.0",
            "4.111111111111111e15",
            "41111111111111110e-1",
        ] {
            assert_eq!(whole_number(number).as_deref(), Some(&b"4111111111111111"[..]), "{number}");
        }
        for other in ["0.4111111111111111", "4111111111111111.5", "12", "1e400", "1e-400"] {
            assert_eq!(whole_number(other), None, "{other}");
        }
    }
}
