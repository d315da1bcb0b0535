//! Edits of a string value: masks for what was found in it, a surrogate for an id, and
//! the same inside of JSON that a string holds.

use std::borrow::Cow;
use std::ops::Range;

use super::text::{self, Kind};
use super::{Config, Place, Redactions, card, record, surrogate};

/// A part of a text that is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub with: Cow<'static, str>,
}

/// JSON in a string in a string, and so on: so deep it is read.
pub const NESTED: usize = 4;

/// What of a string value is replaced.
pub fn of_text(text: &str, place: Place, nested: usize, config: &Config, done: &mut Redactions) -> Vec<Edit> {
    if surrogate::is_one(text) {
        return Vec::new();
    }
    if nested > 0 && record::may_be_json(text) {
        let edits = record::edits(text, nested - 1, config, done);
        if !edits.is_empty() {
            return edits;
        }
    }
    let findings = text::find(text, place, config);
    if findings.is_empty() {
        return Vec::new();
    }
    if place == Place::Id
        && let Some(key) = &config.key
    {
        let first = &findings[0];
        let whole = card::whole_number(text.trim()).filter(|digits| card::is_card(digits));
        let (kind, canonical) = match whole {
            Some(digits) => (Kind::Card, digits),
            None if first.is_whole && !first.canonical.is_empty() => (first.kind, first.canonical.clone()),
            None => (first.kind, text.trim().as_bytes().to_vec()),
        };
        done.masked += 1;
        return vec![Edit { range: 0..text.len(), with: key.surrogate(kind, &canonical).into() }];
    }
    let mut edits = Vec::with_capacity(findings.len());
    for finding in findings {
        match finding.kind {
            Kind::Dropped => done.dropped += 1,
            _ => done.masked += 1,
        }
        edits.push(Edit { range: finding.range, with: finding.kind.mask().into() });
    }
    edits
}

/// What replaces a JSON number, if anything.
pub fn of_number(number: &str, place: Place, config: &Config, done: &mut Redactions) -> Option<String> {
    if number.len() < 4 {
        return None;
    }
    let digits = card::whole_number(number)?;
    let is_card = config.rules.cards && card::is_card(&digits);
    let is_phone = config.rules.phones && place == Place::Phone && (4..=15).contains(&digits.len());
    let kind = if is_card { Kind::Card } else { Kind::Phone };
    if !is_card && !is_phone {
        return None;
    }
    done.masked += 1;
    Some(match &config.key {
        Some(key) if place == Place::Id => key.surrogate(kind, &digits),
        _ => kind.mask().to_owned(),
    })
}

/// The text with edits that are in order and do not overlap.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits.iter().filter(|edit| edit.range.start <= edit.range.end) {
        if edit.range.start < at {
            continue;
        }
        out.push_str(&text[at..edit.range.start]);
        out.push_str(&edit.with);
        at = edit.range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The mask in a key, where `[ssn]` would be a sensitive word itself.
pub const NEUTRAL: &str = "[masked]";

/// Masks that name no kind.
pub fn neutral(edits: &mut [Edit]) {
    for edit in edits {
        edit.with = NEUTRAL.into();
    }
}
