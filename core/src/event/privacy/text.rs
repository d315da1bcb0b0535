//! Masking inside strings, and cutting them.

use std::ops::Range;

use uuid::Uuid;

use super::{Rules, TRUNCATED, digits, iban};

pub const CARD: &str = "[card]";
const IBAN: &str = "[iban]";
const SSN: &str = "[ssn]";
const EMAIL: &str = "[email]";
const PHONE: &str = "[phone]";

/// No number that is looked for has fewer digits.
const LEAST_DIGITS: usize = 7;

/// Whether [`mask`] has to look closer. Most texts have neither digits nor an
/// at-sign; and the digits of a UUID are no number's, if it is the whole text.
pub fn may_hold_something(text: &str) -> bool {
    let (digits, at_sign) = signs(text.as_bytes());
    (digits >= LEAST_DIGITS || at_sign) && !(text.len() == 36 && is_uuid(text))
}

/// How many digits there are, and whether there is an at-sign. Looks at every byte
/// alike, so that many are looked at together.
fn signs(text: &[u8]) -> (usize, bool) {
    text.iter().fold((0, false), |(digits, at_sign), byte| {
        (digits + usize::from(byte.is_ascii_digit()), at_sign | (*byte == b'@') | (*byte == b'%'))
    })
}

struct Finding {
    span: Range<usize>,
    mask: &'static str,
}

/// `text` with everything sensitive masked, and how much that was; `None` where
/// there is nothing. An identifier's digits are never taken for a phone number.
pub fn mask(text: &str, rules: &Rules, identifier: bool) -> Option<(String, u32)> {
    let mut count = 0;
    let mut masked: Option<String> = None;
    // What is masked may uncover what stood too close to it; every round leaves
    // fewer digits and at-signs, so this ends.
    loop {
        let current = masked.as_deref().unwrap_or(text);
        let findings = find(current, rules, identifier);
        if findings.is_empty() {
            return masked.map(|masked| (masked, count));
        }
        count += findings.len() as u32;
        masked = Some(replaced(current, &findings));
    }
}

/// Masks that name no kind: in a key, `[ssn]` would be a sensitive word itself.
pub fn neutral(masked: &str) -> String {
    [CARD, IBAN, SSN, EMAIL, PHONE].iter().fold(masked.to_owned(), |text, mask| text.replace(mask, "[masked]"))
}

fn replaced(text: &str, findings: &[Finding]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for Finding { span, mask } in findings {
        out.push_str(&text[at..span.start]);
        out.push_str(mask);
        at = span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// What there is to mask, in order, without overlaps.
fn find(text: &str, rules: &Rules, identifier: bool) -> Vec<Finding> {
    let bytes = text.as_bytes();
    let (digits, at_sign) = signs(bytes);
    let mut findings = Vec::new();
    if at_sign && rules.emails {
        emails(bytes, &mut findings);
    }
    if digits >= LEAST_DIGITS {
        if rules.ibans {
            ibans(bytes, &mut findings);
        }
        numbers(bytes, rules, identifier, &mut findings);
    }
    if findings.len() > 1 {
        findings.sort_by_key(|finding| (finding.span.start, std::cmp::Reverse(finding.span.end)));
        let mut end = 0;
        findings.retain(|finding| {
            let free = finding.span.start >= end;
            if free {
                end = finding.span.end;
            }
            free
        });
    }
    findings
}

/// `local@domain.tld`, also as it is written in URLs (`%40`).
fn emails(text: &[u8], findings: &mut Vec<Finding>) {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-'!#$&*/=?^`{|}~".contains(byte) || *byte >= 0x80;
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte) || *byte >= 0x80;
    for at in 0..text.len() {
        let sign = match &text[at..] {
            [b'@', ..] => 1,
            [b'%', b'4', b'0', ..] => 3,
            _ => continue,
        };
        // In a URL the address begins after the last = & ? or /.
        let begins = |byte: &u8| sign == 3 && b"=&?/#".contains(byte);
        let local = text[..at].iter().rev().take_while(|byte| is_local(byte) && !begins(byte)).count();
        let domain = text[at + sign..].iter().take_while(|byte| is_domain(byte)).count();
        let name = &text[at + sign..at + sign + domain];
        let has_top_level = name
            .windows(3)
            .skip(1)
            .any(|part| part[0] == b'.' && part[1..].iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80));
        if local > 0 && has_top_level {
            findings.push(Finding { span: at - local..at + sign + domain, mask: EMAIL });
        }
    }
}

fn ibans(text: &[u8], findings: &mut Vec<Finding>) {
    let mut at = 0;
    while at + 15 <= text.len() {
        // Cheapest first: the check digits.
        if text[at + 2].is_ascii_digit()
            && text[at + 3].is_ascii_digit()
            && let Some(end) = iban::end(text, at)
        {
            findings.push(Finding { span: at..end, mask: IBAN });
            at = end;
        } else {
            at += 1;
        }
    }
}

fn numbers(text: &[u8], rules: &Rules, identifier: bool, findings: &mut Vec<Finding>) {
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let chain = digits::chain(text, at);
        at = chain[chain.len() - 1].end;
        let mut first = 0;
        while first < chain.len() {
            let groups = &chain[first..];
            let found = None
                .or_else(|| rules.cards.then(|| digits::card(text, groups)).flatten().map(|span| (span, CARD)))
                .or_else(|| rules.ssns.then(|| digits::ssn(text, groups)).flatten().map(|span| (span, SSN)))
                .or_else(|| {
                    (rules.phones && !identifier)
                        .then(|| digits::phone(text, groups))
                        .flatten()
                        .map(|span| (span, PHONE))
                })
                .filter(|(span, _)| !is_in_identifier(text, span));
            match found {
                Some((span, mask)) => {
                    first += groups.iter().take_while(|group| group.start < span.end).count();
                    findings.push(Finding { span, mask });
                }
                None => first += 1,
            }
        }
    }
}

/// Whether the digits are part of a UUID, or of a hash in hexadecimal.
fn is_in_identifier(text: &[u8], span: &Range<usize>) -> bool {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let start = span.start - text[..span.start].iter().rev().take_while(|byte| part(byte)).count();
    let end = span.end + text[span.end..].iter().take_while(|byte| part(byte)).count();
    let Ok(token) = std::str::from_utf8(&text[start..end]) else { return false };
    let (from, to) = (span.start - start, span.end - start);
    let is_uuid = (0..token.len().saturating_sub(35)).any(|at| {
        at <= from && to <= at + 36 && token.is_char_boundary(at) && token.get(at..at + 36).is_some_and(is_uuid)
    });
    is_uuid || (token.len() >= 32 && is_hash(token))
}

fn is_uuid(text: &str) -> bool {
    text.as_bytes()[8] == b'-' && Uuid::try_parse(text).is_ok()
}

fn is_hash(token: &str) -> bool {
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    letters >= 6 && token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Cuts `text` to `most` characters, the marker included, where it has more.
pub fn truncate(text: &mut String, most: usize) -> bool {
    // A string has at most as many characters as bytes.
    if text.len() <= most || text.chars().count() <= most {
        return false;
    }
    let kept = most.saturating_sub(TRUNCATED.chars().count());
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text.push_str(TRUNCATED);
    true
}
