//! Finding what must not be kept in a text, replacing it, and cutting long texts.

use std::ops::Range;

use uuid::Uuid;

use super::fold::Folded;
use super::groups::{Chain, Window};
use super::pair::Pairs;
use super::{Config, Place, TRUNCATED, card, email, iban, phone, ssn, token, work};

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Card,
    Iban,
    Ssn,
    Email,
    Phone,
    /// A token of a provider, a key, credentials.
    Secret,
    /// A value of a sensitive name.
    Dropped,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Kind::Card, Kind::Iban, Kind::Ssn, Kind::Email, Kind::Phone, Kind::Secret, Kind::Dropped];

    pub fn name(self) -> &'static str {
        let mask = self.mask();
        &mask[1..mask.len() - 1]
    }

    /// What stands in a text instead.
    pub fn mask(self) -> &'static str {
        match self {
            Kind::Card => "[card]",
            Kind::Iban => "[iban]",
            Kind::Ssn => "[ssn]",
            Kind::Email => "[email]",
            Kind::Phone => "[phone]",
            Kind::Secret => "[secret]",
            Kind::Dropped => "[dropped]",
        }
    }
}

/// Something that must not be kept, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub range: Range<usize>,
    pub kind: Kind,
    /// An id in the spelling that all its spellings have in common.
    pub canonical: Vec<u8>,
    /// Whether the text holds nothing else.
    pub is_whole: bool,
}

/// No number that is looked for in a text has fewer digits.
const MIN_DIGITS: usize = 5;
/// Of an IBAN, the check digits may be the only ones.
const MIN_IBAN_DIGITS: usize = 2;
const MIN_IBAN: usize = 15;
/// Under the key of a telephone number.
const MIN_PHONE_DIGITS: usize = 4;
/// The shortest run of letters and digits that may be a token.
const MIN_TOKEN: usize = 8;

/// What the bytes of a text make it worth to look for.
#[derive(Clone, Copy, Debug)]
struct Signs {
    digits: usize,
    longest_run: usize,
    classes: u8,
}

const DIGIT: u8 = 1;
const TOKEN: u8 = 2;
const AT: u8 = 4;
const PAIR: u8 = 8;
const BLANK: u8 = 16;
/// To be folded before it can be judged.
const ODD: u8 = 32;
const DASHES: u8 = 64;

const CLASSES: [u8; 256] = {
    let mut classes = [0u8; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT | TOKEN,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => TOKEN,
            b'-' => TOKEN | DASHES,
            b'@' => AT,
            b':' | b'=' => PAIR,
            b' ' => BLANK,
            b'\t' | b'\n' | b'\r' => 0,
            b'%' | b'&' | 0..=0x1f | 0x7f..=0xff => ODD,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

impl Signs {
    fn of(text: &[u8]) -> Self {
        work::add(text.len());
        let (mut signs, mut run) = (Self { digits: 0, longest_run: 0, classes: 0 }, 0usize);
        for byte in text {
            let class = CLASSES[*byte as usize];
            signs.classes |= class;
            signs.digits += usize::from(class & DIGIT);
            run = if class & TOKEN > 0 { run + 1 } else { 0 };
            signs.longest_run = signs.longest_run.max(run);
        }
        signs
    }

    fn has(self, class: u8) -> bool {
        self.classes & class > 0
    }

    /// Whether the text may hold something.
    fn are_suspicious(self, place: Place, bytes: usize) -> bool {
        self.has(AT | PAIR | ODD)
            || self.may_be_iban(bytes)
            || self.may_be_number(place)
            || self.longest_run >= MIN_TOKEN
    }

    fn may_be_iban(self, bytes: usize) -> bool {
        self.digits >= MIN_IBAN_DIGITS && bytes >= MIN_IBAN
    }

    fn may_be_number(self, place: Place) -> bool {
        self.digits >= if place == Place::Phone { MIN_PHONE_DIGITS } else { MIN_DIGITS }
    }
}

/// Whether there are three letters in a row: more than a unit, an exponent or a zone.
fn has_word(text: &[u8]) -> bool {
    text.windows(3).any(|three| three.iter().all(u8::is_ascii_alphabetic))
}

/// What there is to find in a text, in order, without overlaps.
pub fn find(text: &str, place: Place, config: &Config) -> Vec<Finding> {
    let signs = Signs::of(text.as_bytes());
    if !signs.are_suspicious(place, text.len()) || is_plainly_harmless(text.as_bytes()) {
        return Vec::new();
    }
    let folded = if signs.has(ODD) { Folded::new(text) } else { Folded::plain(text) };
    let signs = if signs.has(ODD) { Signs::of(&folded.bytes) } else { signs };
    // A sentence under the key of an amount is no amount.
    let place = if place == Place::Numbering && has_word(text.as_bytes()) { Place::Text } else { place };
    let mut scan = Scan { folded, place, config, hits: Vec::new() };
    scan.run(signs);
    scan.findings()
}

/// The barrier stands where something was found: no later finding reaches across, as
/// none reaches across the mask that will stand there.
const BARRIER: u8 = b']';

struct Scan<'a> {
    folded: Folded<'a>,
    place: Place,
    config: &'a Config,
    hits: Vec<(Range<usize>, Kind, Vec<u8>)>,
}

impl Scan<'_> {
    fn run(&mut self, signs: Signs) {
        let rules = &self.config.rules;
        if rules.tokens && signs.longest_run >= MIN_TOKEN {
            self.secrets(signs);
        }
        if signs.longest_run >= UUID {
            self.hide_uuids();
        }
        if rules.keys {
            self.pairs(signs);
        }
        if signs.has(AT) && rules.emails {
            self.emails();
        }
        if signs.may_be_iban(self.folded.bytes.len()) && rules.ibans && self.place != Place::Phone {
            self.ibans();
        }
        if signs.may_be_number(self.place) {
            self.numbers();
        }
    }

    /// A UUID is kept: nothing is looked for in it.
    fn hide_uuids(&mut self) {
        let mut at = 0;
        while at + UUID <= self.folded.bytes.len() {
            let Some(dash) = memchr::memchr(b'-', &self.folded.bytes[at..]) else { break };
            work::add(dash + 4);
            let sign = at + dash;
            at = sign + 1;
            if let Some(start) = sign.checked_sub(8)
                && self.folded.bytes.get(start..start + UUID).is_some_and(is_uuid)
            {
                at = start + UUID;
                self.folded.bytes.to_mut()[start..at].fill(BARRIER);
            }
        }
    }

    fn take(&mut self, range: Range<usize>, kind: Kind, canonical: Vec<u8>) {
        self.folded.bytes.to_mut()[range.clone()].fill(BARRIER);
        self.hits.push((range, kind, canonical));
    }

    fn secrets(&mut self, signs: Signs) {
        let mut at = 0;
        while signs.has(DASHES)
            && let Some(range) = token::private_key(&self.folded.bytes, at)
        {
            at = range.end;
            self.take(range, Kind::Secret, Vec::new());
        }
        at = 0;
        while signs.longest_run >= token::SHORT
            && let Some(range) = token::next(&self.folded.bytes, at)
        {
            at = range.end;
            self.take(range, Kind::Secret, Vec::new());
        }
        if signs.has(BLANK | PAIR) {
            self.credentials();
        }
    }

    /// What follows `Bearer` and `Basic`.
    fn credentials(&mut self) {
        let mut at = 0;
        while let Some(found) = memchr::memchr2(b' ', b':', &self.folded.bytes[at..]) {
            work::add(found + 1);
            at += found + 1;
            if let Some(range) = token::credentials(&self.folded.bytes, at - 1) {
                at = range.end;
                self.take(range, Kind::Secret, Vec::new());
            }
        }
    }

    fn pairs(&mut self, signs: Signs) {
        let extra = &self.config.extra_keys;
        let mut at = 0;
        while signs.has(PAIR)
            && let Some(range) = (Pairs { folded: &self.folded, extra }).next(at)
        {
            at = range.end;
            self.take(range, Kind::Dropped, Vec::new());
        }
        at = 0;
        while signs.has(BLANK)
            && let Some(range) = (Pairs { folded: &self.folded, extra }).next_in_prose(at)
        {
            at = range.end;
            self.take(range, Kind::Dropped, Vec::new());
        }
    }

    fn emails(&mut self) {
        let mut at = 0;
        while let Some(found) = memchr::memchr(b':', &self.folded.bytes[at..]) {
            work::add(found + 3);
            at += found + 1;
            if !self.folded.bytes[at..].starts_with(b"//") {
                continue;
            }
            at += 2;
            if let Some(range) = email::user_info(&self.folded.bytes, at) {
                at = range.end;
                self.take(range, Kind::Secret, Vec::new());
            }
        }
        at = 0;
        while let Some(found) = memchr::memchr(b'@', &self.folded.bytes[at..]) {
            work::add(found + 1);
            let sign = at + found;
            at = sign + 1;
            if let Some(range) = email::around(&self.folded.bytes, sign) {
                at = range.end;
                let canonical = self.folded.bytes[range.clone()].to_ascii_lowercase();
                self.take(range, Kind::Email, canonical);
            }
        }
    }

    fn ibans(&mut self) {
        let mut at = 0;
        while at + 15 <= self.folded.bytes.len() {
            work::add(1);
            let bytes = &self.folded.bytes;
            // Cheapest first: the check digits.
            let head =
                bytes[at + 2].is_ascii_digit() && bytes[at + 3].is_ascii_digit() && bytes[at].is_ascii_alphabetic();
            if head
                && let Some(found) = iban::find(bytes, at).filter(|found| !is_in_identifier(bytes, &(at..found.end)))
            {
                let range = at..found.end;
                at = found.end;
                self.take(range, Kind::Iban, found.canonical().to_vec());
            } else {
                at += 1;
            }
        }
    }

    fn numbers(&mut self) {
        let (mut at, mut chain_end) = (0, 0);
        while at < self.folded.bytes.len() {
            work::add(1);
            if !self.folded.bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            if is_date(&self.folded.bytes[at..]) {
                at += DATE;
                continue;
            }
            if at >= chain_end {
                let chain = Chain::new(&self.folded.bytes, at);
                chain_end = chain.end;
                if chain.digits < if self.place == Place::Phone { MIN_PHONE_DIGITS } else { MIN_DIGITS } {
                    at = chain.end;
                    continue;
                }
            }
            let window = Window::new(&self.folded.bytes, at);
            let next = window.groups()[0].end;
            match self.number(&window) {
                Some((range, kind)) => {
                    at = range.end.max(next);
                    let digits = self.folded.bytes[range.clone()].iter().copied().filter(u8::is_ascii_digit).collect();
                    self.take(range, kind, digits);
                }
                None => at = next,
            }
        }
    }

    /// A number that begins with the first group of the window.
    fn number(&self, window: &Window<'_>) -> Option<(Range<usize>, Kind)> {
        let rules = &self.config.rules;
        let found = None
            .or_else(|| rules.cards.then(|| card::find(window)).flatten().map(|range| (range, Kind::Card)))
            .or_else(|| rules.ssns.then(|| ssn::find(window)).flatten().map(|range| (range, Kind::Ssn)))
            .or_else(|| {
                rules.phones.then(|| phone::find(window, self.place)).flatten().map(|range| (range, Kind::Phone))
            })?;
        let hidden = is_in_identifier(window.text, &found.0);
        let is_card = found.1 == Kind::Card && matches!(found.0.len(), 15 | 16) && !is_in_uuid(window.text, &found.0);
        (!hidden || is_card).then_some(found)
    }

    /// The hits, as they stand in the original text.
    fn findings(self) -> Vec<Finding> {
        let Self { folded, mut hits, .. } = self;
        hits.sort_by_key(|(range, ..)| range.start);
        let blank = |bytes: &[u8]| bytes.iter().all(|byte| b" \t\n\r()".contains(byte));
        let only = hits.len() == 1;
        let found = hits.into_iter().map(|(range, kind, canonical)| {
            let is_whole = only && blank(&folded.bytes[..range.start]) && blank(&folded.bytes[range.end..]);
            Finding { range: folded.original(&range), kind, canonical, is_whole }
        });
        found.collect()
    }
}

/// Bytes of a UUID.
const UUID: usize = 36;
/// Bytes of a date: 2026-01-31.
const DATE: usize = 10;

/// Whether a text begins with a date of this or the last century, which is a part of no number.
fn is_date(text: &[u8]) -> bool {
    let Some(date) = text.get(..DATE) else { return false };
    let is_day = |two: &[u8]| two.iter().all(u8::is_ascii_digit) && (two[0] - b'0') * 10 + two[1] - b'0' <= 31;
    let is_year = |four: &[u8]| matches!(four[..2], [b'1', b'9'] | [b'2', b'0']) && four.iter().all(u8::is_ascii_digit);
    let is_apart =
        |first: usize, second: usize| date[first] == date[second] && matches!(date[first], b'-' | b'/' | b'.');
    let year_first = is_apart(4, 7) && is_year(&date[..4]) && is_day(&date[5..7]) && is_day(&date[8..]);
    let year_last = is_apart(2, 5) && is_day(&date[..2]) && is_day(&date[3..5]) && is_year(&date[6..]);
    (year_first || year_last) && !text.get(DATE).is_some_and(u8::is_ascii_digit)
}

/// Bytes around digits that are looked at for an identifier.
const AROUND: usize = 64;

/// Whether the digits are part of a UUID, or of a hash in hexadecimal.
fn is_in_identifier(text: &[u8], span: &Range<usize>) -> bool {
    let hex = |byte: &&u8| byte.is_ascii_hexdigit();
    let before = text[span.start.saturating_sub(AROUND)..span.start].iter().rev().take_while(hex).count();
    let after = text[span.end..text.len().min(span.end + AROUND)].iter().take_while(hex).count();
    work::add(before + after + span.len());
    let token = &text[span.start - before..span.end + after];
    let letters = token.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let is_hash = token.len() >= 32 && letters >= 4 && token.iter().all(u8::is_ascii_hexdigit);
    is_hash || is_in_uuid(text, span)
}

/// Whether the text is a UUID or a time, as most texts with many digits are.
fn is_plainly_harmless(text: &[u8]) -> bool {
    match text.len() {
        UUID => is_uuid(text),
        20..=32 => {
            let (date, time) = text.split_at(11);
            let is_date = date.iter().enumerate().all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                10 => *byte == b'T',
                _ => byte.is_ascii_digit(),
            });
            is_date
                && time.len() >= 9
                && time[2] == b':'
                && time[5] == b':'
                && matches!(time[8], b'.' | b'Z' | b'+' | b'-')
                && time.iter().all(|byte| byte.is_ascii_digit() || b":.Z+-".contains(byte))
        }
        _ => false,
    }
}

fn is_in_uuid(text: &[u8], span: &Range<usize>) -> bool {
    let first = (span.end + 1).saturating_sub(37);
    (first..=span.start).any(|start| {
        work::add(1);
        text.get(start..start + 36).is_some_and(is_uuid)
    })
}

fn is_uuid(text: &[u8]) -> bool {
    text[8] == b'-' && text[13] == b'-' && std::str::from_utf8(text).is_ok_and(|text| Uuid::try_parse(text).is_ok())
}

/// Cuts `text` to `max` characters, the marker included, where it has more.
pub fn truncate(text: &mut String, max: usize) -> bool {
    // A string has at most as many characters as bytes.
    if text.len() <= max || text.chars().count() <= max {
        return false;
    }
    let kept = max.saturating_sub(TRUNCATED.chars().count());
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text.push_str(TRUNCATED);
    true
}
