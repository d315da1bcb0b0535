//! Telephone numbers. International ones are known by `+` or 00 and the lengths of
//! their country. National ones are not told from other numbers by their digits: they
//! count under a key or after a word that says so, or when they are grouped as
//! national numbers are written.

use std::ops::Range;

use super::groups::{Group, Window};
use super::{Place, calling, context};

/// Digits of a national number.
const NATIONAL: std::ops::RangeInclusive<usize> = 7..=13;

/// No number has fewer digits.
const MIN_DIGITS: usize = 4;

const PHONE_WORDS: [&[u8]; 32] = [
    b"phone",
    b"phones",
    b"telephone",
    b"tel",
    b"telefon",
    b"telefono",
    b"telephon",
    b"tlf",
    b"mobile",
    b"mobil",
    b"movil",
    b"cell",
    b"cellphone",
    b"celular",
    b"cel",
    b"fax",
    b"whatsapp",
    b"sms",
    b"call",
    b"called",
    b"calling",
    b"dial",
    b"ring",
    b"text",
    b"contact",
    b"hotline",
    b"landline",
    b"handy",
    b"portable",
    b"ph",
    b"mob",
    b"viber",
];

/// Words before a number of something else.
const OTHER_WORDS: [&[u8]; 41] = [
    b"order",
    b"orders",
    b"sku",
    b"invoice",
    b"inv",
    b"ref",
    b"reference",
    b"no",
    b"nr",
    b"num",
    b"id",
    b"code",
    b"item",
    b"art",
    b"article",
    b"part",
    b"serial",
    b"sn",
    b"imei",
    b"isbn",
    b"ean",
    b"upc",
    b"gtin",
    b"version",
    b"ticket",
    b"tickets",
    b"case",
    b"batch",
    b"lot",
    b"model",
    b"account",
    b"acct",
    b"po",
    b"tracking",
    b"parcel",
    b"booking",
    b"receipt",
    b"trx",
    b"txn",
    b"transaction",
    b"geo",
];

/// A telephone number that begins with the first group.
pub fn find(window: &Window<'_>, place: Place) -> Option<Range<usize>> {
    let run = Run::new(window);
    if run.is_decimal() || run.is_coordinate() {
        return None;
    }
    if window.before() == b'+' {
        return run.international(0).map(|count| run.span(count));
    }
    if matches!(place, Place::Id | Place::Numbering) {
        return None;
    }
    if run.total() < MIN_DIGITS {
        return None;
    }
    let words = context::words_before(window.text, run.start());
    let announced = place == Place::Phone || words.any_of(&PHONE_WORDS);
    let count = if announced {
        run.exit_code().or_else(|| run.grouped()).or_else(|| run.any(place))
    } else if OTHER_WORDS.contains(&words.nearest()) || window.before() == b'#' || is_glued(window.before()) {
        None
    } else {
        run.exit_code().or_else(|| run.grouped())
    }?;
    Some(run.span(count))
}

/// Whether digits after this byte are the rest of something else.
fn is_glued(before: u8) -> bool {
    before.is_ascii_alphanumeric() || matches!(before, b'.' | b'-' | b'_' | b'$') || before >= 0x80
}

/// The groups that are apart as those of a telephone number.
struct Run<'a> {
    window: &'a Window<'a>,
    count: usize,
}

impl<'a> Run<'a> {
    fn new(window: &'a Window<'a>) -> Self {
        let last = window.groups().len();
        let count = (1..last).find(|count| !is_gap(window.gap(count - 1))).unwrap_or(last);
        Self { window, count }
    }

    fn groups(&self) -> &[Group] {
        &self.window.groups()[..self.count]
    }

    fn lens(&self, count: usize) -> impl Iterator<Item = usize> {
        self.groups()[..count].iter().map(Group::len)
    }

    fn total(&self) -> usize {
        self.lens(self.count).sum()
    }

    fn start(&self) -> usize {
        self.groups()[0].start
    }

    /// With the plus or bracket before it.
    fn span(&self, count: usize) -> Range<usize> {
        let mut span = self.window.span(count);
        for _ in 0..2 {
            if span.start > 0 && matches!(self.window.text[span.start - 1], b'+' | b'(') {
                span.start -= 1;
            }
        }
        span
    }

    /// Two groups around a point, which are a number with a fraction.
    fn is_decimal(&self) -> bool {
        self.count == 2 && self.window.gap(0) == b"." && !(self.groups()[0].len() >= 3 && self.groups()[1].len() == 4)
    }

    /// Latitude and longitude in one: `+40.7127753-074.0059728`.
    fn is_coordinate(&self) -> bool {
        self.count >= 4
            && self.window.gap(0) == b"."
            && matches!(self.window.gap(1), b"-" | b"+")
            && self.window.gap(2) == b"."
            && self.groups()[0].len() <= 3
    }

    /// A number with its calling code, which begins after the first `skip` digits.
    fn international(&self, skip: usize) -> Option<usize> {
        let mut digits = [0u8; 40];
        let mut len = 0;
        let mut ends = [0usize; 20];
        for (place, group) in self.groups().iter().enumerate() {
            let part = &self.window.text[group.start..group.end];
            let Some(to) = digits.get_mut(len..len + part.len()) else { break };
            to.copy_from_slice(part);
            len += part.len();
            ends[place] = len;
        }
        let digits = &digits[skip.min(len)..len];
        // Of a calling code that is not known, nothing but the length of the whole is.
        let (code, lengths) = calling::split(digits).unwrap_or_default();
        let trunk = digits.get(code) == Some(&b'0');
        let is_possible = |count: usize| {
            let length = ends[count - 1].saturating_sub(skip + code);
            let has = |length: usize| length < 32 && lengths & (1 << length) != 0;
            has(length) || trunk && length > 0 && has(length - 1)
        };
        let counted = ends[..self.count].iter().filter(|end| **end > 0).count();
        let rest = |count: usize| ends[counted - 1] - ends[count - 1];
        let longest = (1..=counted).rev().find(|count| is_possible(*count) && (rest(*count) == 0 || rest(*count) >= 7));
        let longest = longest.or_else(|| (1..=counted).rev().find(|count| is_possible(*count)));
        // Of a country that has other lengths, as far as a number may go.
        longest.or_else(|| (1..=counted).rev().find(|count| (skip + 10..=skip + 15).contains(&ends[count - 1])))
    }

    /// A number after 00 or 011.
    fn exit_code(&self) -> Option<usize> {
        let first = &self.window.text[self.groups()[0].start..self.groups()[0].end];
        let skip = match first {
            [b'0', b'1', b'1'] => 3,
            [b'0', b'0'] | [b'0', b'0', b'1'..=b'9', ..] => 2,
            _ => return None,
        };
        let count = self.international(skip)?;
        (self.window.digits(count) >= 10).then_some(count)
    }

    /// A national number in groups.
    fn grouped(&self) -> Option<usize> {
        if self.is_date() || self.is_address() {
            return None;
        }
        let total = self.total();
        for count in (2..=self.count.min(6)).rev() {
            let digits = self.window.digits(count);
            let ends = total == digits || total - digits >= 7;
            if ends
                && NATIONAL.contains(&digits)
                && self.is_national(count)
                && !self.window.after(count).is_ascii_alphanumeric()
            {
                return Some(count);
            }
        }
        None
    }

    fn is_national(&self, count: usize) -> bool {
        let text = self.window.text;
        let groups = &self.groups()[..count];
        let first = &groups[0];
        if self.window.before() == b'(' && self.window.gap(0).first() == Some(&b')') {
            return (1..=5).contains(&first.len())
                && !is_year(text, first)
                && self.lens(count).skip(1).all(|len| len >= 2);
        }
        if self.window.before() == b'(' && count > 2 && self.window.gap(1).first() == Some(&b')') {
            return true;
        }
        let lens: [usize; 6] = std::array::from_fn(|place| groups.get(place).map_or(0, Group::len));
        if lens[..4] == [3, 2, 4, 0] {
            return false;
        }
        if text[first.start] == b'0' {
            let digits = self.window.digits(count);
            return digits >= if first.len() == 3 { 7 } else { 8 }
                && (first.len() >= 2 || digits >= 9)
                && self.lens(count).skip(1).all(|len| len >= 2);
        }
        if let [1, code, rest @ ..] = lens
            && self.window.gap(0).contains(&b'(')
        {
            return code >= 2 && rest[0] >= 1;
        }
        if groups[count - 1].len() == 3 && text[groups[count - 1].start..groups[count - 1].end] == *b"000" {
            return false;
        }
        match count {
            2 => {
                let years = groups.iter().all(|group| is_year(text, group));
                let alone =
                    self.count == 2 && !self.follows_digits() && matches!(self.window.gap(0), b" " | b"-" | b".");
                let pair =
                    matches!(lens, [1, 6 | 7, ..] | [2, 5..=7, ..] | [3, 4..=7, ..] | [4, 4..=6, ..] | [5, 4..=6, ..]);
                alone && pair && !years
            }
            _ if self.window.digits(count) < 10 && self.follows_digits() => false,
            _ => matches!(
                lens,
                [3, 3, 4, 0, ..]
                    | [3, 3, 3, 0, ..]
                    | [3, 4, 4, 0, ..]
                    | [3, 2, 2, 0, ..]
                    | [3, 2, 3, 0, ..]
                    | [3, 2, 2, 2, 0, _]
                    | [3, 3, 2, 2, 0, _]
                    | [2, 3, 2, 2, 0, _]
                    | [2, 2, 2, 2, 0, _]
                    | [2, 3, 3, 0, ..]
                    | [2, 3, 4, 0, ..]
                    | [2, 4, 4, 0, ..]
                    | [2, 3, 3, 3, 0, _]
                    | [2, 2, 2, 1, 5, _]
                    | [2, 2, 1, 5, 0, _]
                    | [2, 2, 4, 0, ..]
                    | [1, 2, 6, 0, ..]
                    | [4, 3, 3, 0, ..]
                    | [4, 3, 4, 0, ..]
                    | [4, 2, 4, 0, ..]
                    | [4, 2, 5, 0, ..]
                    | [4, 4, 3, 0, ..]
                    | [4, 3, 3, 3, 0, _]
                    | [4, 1, 3, 4, 0, _]
                    | [3, 1, 3, 4, 0, _]
                    | [3, 2, 3, 3, 0, _]
                    | [1, 3, 3, 4, 0, _]
                    | [1, 3, 4, 0, ..]
                    | [1, 2, 2, 2, 2, 0]
                    | [1, 4, 2, 2, 2, 0]
                    | [1, 3, 3, 2, 2, 0]
                    | [1, 3, 3, 3, 0, _]
                    | [1, 3, 2, 4, 0, _]
            ),
        }
    }

    /// Whether the groups go on from others.
    fn follows_digits(&self) -> bool {
        let before = &self.window.text[self.start().saturating_sub(3)..self.start()];
        before.iter().rev().skip_while(|byte| b" -./".contains(byte)).take(1).any(u8::is_ascii_digit)
    }

    /// Day, month and year, in one order or the other.
    fn is_date(&self) -> bool {
        let value = |place: usize| {
            let group = &self.groups()[place];
            self.window.text[group.start..group.end].iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
        };
        let lens = |place: usize| self.groups()[place].len();
        if self.count < 3 {
            return false;
        }
        let is_day = |place: usize| lens(place) <= 2 && value(place) <= 31;
        (is_day(0) && is_day(1) && lens(2) == 4 && (1900..2100).contains(&value(2)))
            || (lens(0) == 4 && (1900..2100).contains(&value(0)) && is_day(1) && is_day(2))
    }

    /// Four short groups around points: an IP address, or a version.
    fn is_address(&self) -> bool {
        self.count >= 4 && (0..3).all(|place| self.window.gap(place) == b".") && self.lens(4).all(|len| len <= 3)
    }

    /// Any digits, where it is known that a number follows.
    fn any(&self, place: Place) -> Option<usize> {
        let (under_key, min) = (place == Place::Phone, if place == Place::Phone { 4 } else { 5 });
        let possible = (1..=self.count).rev().find(|count| (min..=15).contains(&self.window.digits(*count)))?;
        let is_other = self.is_date() || self.window.after(possible).is_ascii_alphabetic();
        (under_key || !is_other).then_some(possible)
    }
}

fn is_year(text: &[u8], group: &Group) -> bool {
    group.len() == 4 && matches!(text[group.start..group.start + 2], [b'1', b'9'] | [b'2', b'0'])
}

/// What stands between two groups of a telephone number.
fn is_gap(gap: &[u8]) -> bool {
    matches!(
        gap,
        b" " | b"-"
            | b"."
            | b"/"
            | b"  "
            | b") "
            | b")"
            | b" ("
            | b"("
            | b" - "
            | b")-"
            | b"-("
            | b" / "
            | b". "
            | b" )"
            | b".("
            | b"_"
    )
}
