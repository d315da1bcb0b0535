//! Sentinels: values that stand for the absence of one, such as "?" or "n/a". They
//! are populated, and lower no score, but are counted apart, wherever in `data`
//! they stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judgement::Draft;
use super::record::Record;
use super::{Metric, Rules};
use crate::event::cell::Cell;
use crate::event::schema::Kind;

/// In lower case, without blanks around them.
const TEXTS: [&str; 15] = [
    "?",
    "-",
    "--",
    "n/a",
    "na",
    "#n/a",
    "null",
    "nil",
    "none",
    "unknown",
    "undefined",
    "missing",
    "not available",
    "tbd",
    "xxx",
];
/// Those that are also names: Namibia's code, a surname, a town in Piedmont. In a
/// declared name they are values.
const NAMES: [&str; 5] = ["na", "null", "nil", "none", "xxx"];
const NUMBERS: [&str; 4] = ["-999", "-9999", "-99999", "999999999"];

/// Size: a count by path and sentinel. Paths are the senders': once there are more
/// than 1,000 of them, none is told, since which came first must not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sentinels {
    paths: BTreeMap<String, BTreeMap<String, u64>>,
    too_many: bool,
}

const PATHS: usize = 1_000;

impl Metric for Sentinels {
    fn observe(&mut self, _rules: &Rules, record: &Record<'_>) {
        let declared = record.schema.fields.iter().zip(&record.fields);
        let declared =
            declared.map(|(field, reading)| (field.name, &reading.cell, matches!(field.kind, Kind::Name(_))));
        let others = record.others.iter().map(|(key, cell)| (key.as_ref(), cell, false));
        for (key, cell, is_name) in declared.chain(others) {
            match cell {
                Cell::Text(text) if is_name && is_listed(&NAMES, text) => {}
                Cell::Text(text) => self.text(text, &[key]),
                Cell::Number(number) => self.number(number, &[key]),
                Cell::Nested(value) => self.nested(value, &mut vec![key]),
                Cell::Absent | Cell::Null | Cell::Bool(_) => {}
            }
        }
    }

    fn merge(&mut self, _rules: &Rules, other: Self) {
        if other.too_many {
            *self = other;
            return;
        }
        for (path, counts) in other.paths {
            for (sentinel, count) in counts {
                self.add(path.clone(), &sentinel, count);
            }
        }
    }

    fn report(&self, _rules: &Rules, draft: &mut Draft) {
        draft.sentinels = self.paths.clone();
    }
}

impl Sentinels {
    fn nested<'a>(&mut self, value: &'a Value, path: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => self.text(text, path),
            Value::Number(number) => self.number(number.as_str(), path),
            Value::Array(items) => {
                path.push("[]");
                items.iter().for_each(|item| self.nested(item, path));
                path.pop();
            }
            Value::Object(object) => {
                for (key, value) in object {
                    path.push(key);
                    self.nested(value, path);
                    path.pop();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, text: &str, path: &[&str]) {
        // Hardly any value gets beyond its first letter.
        if let Some(first) = text.as_bytes().first()
            && first.is_ascii_graphic()
            && !matches!(first | 0x20, b'?' | b'-' | b'#' | b'n' | b'u' | b'm' | b't' | b'x')
        {
            return;
        }
        let text = text.trim();
        if text.len() <= 13
            && let Some(sentinel) = TEXTS.iter().find(|sentinel| text.eq_ignore_ascii_case(sentinel))
        {
            self.add(path.join("."), sentinel, 1);
        }
    }

    fn number(&mut self, number: &str, path: &[&str]) {
        if matches!(number.as_bytes(), [b'-' | b'9', b'9', b'9', ..])
            && let Some(sentinel) = NUMBERS.iter().find(|sentinel| **sentinel == number)
        {
            self.add(path.join("."), sentinel, 1);
        }
    }

    fn add(&mut self, path: String, sentinel: &str, times: u64) {
        if self.too_many {
            return;
        }
        *self.paths.entry(path).or_default().entry(sentinel.to_owned()).or_default() += times;
        if self.paths.len() > PATHS {
            *self = Self { paths: BTreeMap::new(), too_many: true };
        }
    }
}

fn is_listed(texts: &[&str], text: &str) -> bool {
    let text = text.trim();
    text.len() <= 4 && texts.iter().any(|listed| text.eq_ignore_ascii_case(listed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentinel_is_found() {
        let mut found = Sentinels::default();
        TEXTS.iter().for_each(|text| found.text(&format!(" {} ", text.to_uppercase()), &["text"]));
        NUMBERS.iter().for_each(|number| found.number(number, &["number"]));
        found.text("nobody", &["text"]);
        found.number("-99.5", &["number"]);
        let count = |path: &str| found.paths[path].values().sum::<u64>();
        assert_eq!((count("text"), count("number")), (TEXTS.len() as u64, NUMBERS.len() as u64));
    }
}
