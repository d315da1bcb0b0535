//! That the splits do not leak: checked while the rows are written, one by one. A
//! version whose rows fail a check is not written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::pseudonym::Subject;
use super::{HORIZON_DAYS, PreparationError, Split};

/// What was checked, and how often; it stands in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub split_by: String,
    /// Each came once, with all its rows, and went to one side.
    pub subjects: u64,
    pub subjects_by_split: BTreeMap<Split, u64>,
    /// Rows whose features were made from nothing later than their moment.
    pub rows_with_features_as_of: u64,
    /// Rows whose label happened after their moment.
    pub rows_with_later_label: u64,
    /// The column that parts a series in time, where there is one.
    pub split_in_time_by: Option<String>,
    pub horizon_days: Option<u32>,
}

/// The checks of one preparation.
#[derive(Debug, Default)]
pub struct Checks {
    last: Option<Subject>,
    /// Whether the current subject has a row.
    counted: bool,
    split: Option<Split>,
    subjects: BTreeMap<Split, u64>,
    features: u64,
    labels: u64,
}

impl Checks {
    /// A user begins: after all earlier ones, so none comes twice.
    pub fn begin(&mut self, subject: Subject, split: Split) -> Result<(), PreparationError> {
        if self.last.is_some_and(|last| last >= subject) {
            return Err(PreparationError::OverlappingSegments);
        }
        self.last = Some(subject);
        self.split = Some(split);
        self.counted = false;
        Ok(())
    }

    pub fn rows(&mut self, subject: Subject) {
        if !self.counted
            && self.last == Some(subject)
            && let Some(split) = self.split
        {
            self.counted = true;
            *self.subjects.entry(split).or_default() += 1;
        }
    }

    pub fn features(&mut self, as_of: DateTime<Utc>, newest: Option<DateTime<Utc>>) -> Result<(), PreparationError> {
        if newest.is_some_and(|newest| newest > as_of) {
            return Err(PreparationError::Leak("a feature was made from an event after its row's moment"));
        }
        self.features += 1;
        Ok(())
    }

    pub fn label(&mut self, as_of: DateTime<Utc>, label: DateTime<Utc>) -> Result<(), PreparationError> {
        if label <= as_of {
            return Err(PreparationError::Leak("a label was known at its row's moment"));
        }
        self.labels += 1;
        Ok(())
    }

    pub fn subjects(&self, split: Split) -> u64 {
        self.subjects.get(&split).copied().unwrap_or_default()
    }

    pub fn certificate(&self, split_in_time_by: Option<&str>) -> Certificate {
        Certificate {
            split_by: "keyed hash of the user".to_owned(),
            subjects: self.subjects.values().sum(),
            subjects_by_split: Split::ALL.map(|split| (split, self.subjects(split))).into(),
            rows_with_features_as_of: self.features,
            rows_with_later_label: self.labels,
            split_in_time_by: split_in_time_by.map(str::to_owned),
            horizon_days: split_in_time_by.map(|_| HORIZON_DAYS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UserId;

    fn time(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_leak_is_an_error() {
        let mut checks = Checks::default();
        assert!(checks.features(time(10), Some(time(10))).is_ok() && checks.features(time(10), None).is_ok());
        assert!(matches!(checks.features(time(10), Some(time(11))), Err(PreparationError::Leak(_))));
        assert!(checks.label(time(10), time(11)).is_ok());
        assert!(matches!(checks.label(time(10), time(10)), Err(PreparationError::Leak(_))));
        let key = "ab".repeat(32).parse().unwrap();
        let subject = crate::preparation::subject(&key, UserId(uuid::Uuid::nil()));
        checks.begin(subject, Split::Train).unwrap();
        assert!(matches!(checks.begin(subject, Split::Test), Err(PreparationError::OverlappingSegments)));
        let certificate = checks.certificate(None);
        assert_eq!((certificate.rows_with_features_as_of, certificate.rows_with_later_label), (2, 1));
    }
}
