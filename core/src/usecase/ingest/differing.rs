use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names that are counted; the fields of further ones are not.
const MAX_FIELDS: usize = 50;

/// Duplicates whose content is not that of the event which stands: their sender uses an
/// id for two events, or changes what it reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    pub events: u64,
    /// How many differ in a field, e.g. `data.amount`. At most 50 fields.
    pub fields: BTreeMap<String, u64>,
}

impl Differing {
    pub fn is_none(&self) -> bool {
        self.events == 0
    }

    /// Counts a duplicate that differs in these fields; one that differs in none is equal.
    pub fn add(&mut self, differences: &[String]) {
        self.events += u64::from(!differences.is_empty());
        differences.iter().for_each(|field| self.count(field, 1));
    }

    pub fn merge(&mut self, other: &Differing) {
        self.events += other.events;
        other.fields.iter().for_each(|(field, count)| self.count(field, *count));
    }

    fn count(&mut self, field: &str, more: u64) {
        if let Some(count) = self.fields.get_mut(field) {
            *count += more;
        } else if self.fields.len() < MAX_FIELDS {
            self.fields.insert(field.to_owned(), more);
        }
    }

    /// The fields, those in which most events differ first: `data.amount (3), occurred_at (1)`.
    pub fn names(&self) -> String {
        let mut fields: Vec<_> = self.fields.iter().collect();
        fields.sort_by_key(|(field, count)| (std::cmp::Reverse(**count), *field));
        let named: Vec<String> = fields.iter().take(5).map(|(field, count)| format!("{field} ({count})")).collect();
        let more = if fields.len() > named.len() { ", …" } else { "" };
        named.join(", ") + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_duplicates_do_not_count_and_fields_are_bounded() {
        let mut differing = Differing::default();
        differing.add(&[]);
        assert!(differing.is_none());
        differing.add(&["occurred_at".to_owned(), "data.amount".to_owned()]);
        let mut other = Differing::default();
        other.add(&["data.amount".to_owned()]);
        differing.merge(&other);
        assert_eq!((differing.events, differing.names().as_str()), (2, "data.amount (2), occurred_at (1)"));
        (0..100).for_each(|n| differing.add(&[format!("data.{n}")]));
        assert_eq!((differing.events, differing.fields.len()), (102, MAX_FIELDS));
    }
}
