//! E-mail addresses, and names and passwords in front of the host of a URL.

use std::ops::Range;

use super::{fold, work};

/// Characters of a local part: RFC 5321, section 4.5.3.1.1.
const LOCAL: usize = 64;
/// Characters of a domain: RFC 5321, section 4.5.3.1.2.
const DOMAIN: usize = 255;
/// Characters of names and passwords in a URL that are looked at.
const USER_INFO: usize = 128;

/// The address around the at-sign at `sign`.
pub fn around(text: &[u8], sign: usize) -> Option<Range<usize>> {
    let end = domain_end(text, sign + 1)?;
    let before = &text[sign.saturating_sub(LOCAL)..sign];
    let local = quoted(before).or_else(|| local(before))?;
    Some(sign - local..end)
}

/// The length of the local part at the end of `before`. Signs that separate the parts
/// of a URL belong to it only where it has no others.
fn local(before: &[u8]) -> Option<usize> {
    let of = |belongs: fn(u8) -> bool| {
        let length = before.iter().rev().take_while(|byte| belongs(**byte)).count();
        work::add(length + 1);
        let part = &before[before.len() - length..];
        let leading = part.iter().take_while(|byte| matches!(byte, b'.' | b'\'' | b'-')).count();
        Some(length - leading).filter(|length| *length > 0)
    };
    of(is_plain).or_else(|| of(|byte| is_plain(byte) || b"#&/=?`{|}".contains(&byte)))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._%+-'!*$^~".contains(&byte) || byte == fold::LETTER
}

/// The length of a local part in quotes.
fn quoted(before: &[u8]) -> Option<usize> {
    let (last, rest) = before.split_last()?;
    if *last != b'"' {
        return None;
    }
    work::add(rest.len());
    let inside = rest.iter().rev().take_while(|byte| **byte != b'"' && **byte != b'\n').count();
    if inside == 0 || inside == rest.len() {
        return None;
    }
    // With the backslash before it, where the text is JSON itself.
    let opening = rest.len().checked_sub(inside + 2).map(|at| rest[at]);
    let escaped = usize::from(opening == Some(b'\\') && rest.last() == Some(&b'\\'));
    Some(inside + 2 + escaped)
}

/// Where the domain that begins at `start` ends: at its last label that is a top-level
/// domain, or after an address in brackets.
fn domain_end(text: &[u8], start: usize) -> Option<usize> {
    let after = &text[start..text.len().min(start + DOMAIN)];
    if let [b'[', rest @ ..] = after {
        let length =
            rest.iter().take(48).take_while(|byte| byte.is_ascii_hexdigit() || b".:IPv".contains(byte)).count();
        work::add(length);
        return (length >= 3 && rest.get(length) == Some(&b']')).then_some(start + length + 2);
    }
    let length = after.iter().take_while(|byte| is_label(**byte) || **byte == b'.').count();
    work::add(length + 1);
    let (mut end, mut at, mut labels) = (None, 0, 0);
    for label in after[..length].split(|byte| *byte == b'.') {
        at += label.len();
        // A domain ends where a label is missing, as at the end of a sentence.
        if label.is_empty() {
            break;
        }
        labels += 1;
        if labels > 1 && is_top_level(label) {
            end = Some(start + at - label.iter().rev().take_while(|byte| **byte == b'-').count());
        }
        at += 1;
    }
    end
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == fold::LETTER
}

fn is_top_level(label: &[u8]) -> bool {
    let letters = label.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == fold::LETTER).count();
    letters >= 2 || label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--")
}

/// Name and password between `//`, which end at `start`, and the host of a URL.
pub fn user_info(text: &[u8], start: usize) -> Option<Range<usize>> {
    let after = &text[start..text.len().min(start + USER_INFO)];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"/?#@\"'<>[]".contains(byte);
    let length = after.iter().position(ends)?;
    work::add(length);
    (length > 0 && after[length] == b'@' && after[..length].contains(&b':')).then_some(start..start + length)
}
