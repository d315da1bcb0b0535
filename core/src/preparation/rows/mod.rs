//! The rows of each dataset: one file a dataset, and one line in [`of`].

mod goal;
mod recommendation;
mod segmentation;
mod spending;

use arrow_schema::{DataType, Field, TimeUnit};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::certificate::Checks;
use super::column::Cells;
use super::pseudonym::Subject;
use super::table::{Row, Table, TableFiles};
use super::user::User;
use super::{PreparationError, Split};
use crate::dataset::Dataset;
use crate::dataset::settings::{PseudonymKey, Settings};
use crate::features::Ledger;

/// Which fields of which event types rows may be made from, beside transactions.
/// Nothing else of an event is even seen: free text, places and context stay out.
pub type Reads = &'static [(&'static str, &'static [&'static str])];

/// How a user's events become rows.
pub trait DatasetRows: Send {
    fn reads(&self) -> Reads;

    /// `data/` first: what a trainer loads.
    fn tables(&self) -> Vec<Table>;

    /// The column of `data/` that a model learns to predict, or is rewarded by.
    fn target(&self) -> &'static str;

    /// Writes the rows of one user, whose transactions are in `ledger`. Users come in
    /// order of subject, each once.
    ///
    /// # Errors
    /// Whatever writing says; a row that would leak.
    fn add_user(&mut self, user: &User, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), PreparationError>;

    /// What the manifest and the API tell of the rows, when all users have been added.
    fn statistics(&self) -> Map<String, Value>;
}

/// The rows of a dataset; `None` for one that this build cannot prepare.
pub fn of(dataset: Dataset, settings: &Settings, key: &PseudonymKey) -> Option<Box<dyn DatasetRows>> {
    match dataset {
        Dataset::SPENDING => Some(Box::new(spending::SpendingRows::default())),
        Dataset::SEGMENTATION => Some(Box::new(segmentation::SegmentationRows::new(settings.sufficiency))),
        Dataset::GOAL => Some(Box::new(goal::GoalRows::new(key))),
        Dataset::RECOMMENDATION => Some(Box::new(recommendation::RecommendationRows::new(key, settings.rewards))),
        _ => None,
    }
}

/// Where rows go, and what is checked of them on the way.
pub struct Out<'a> {
    pub(super) tables: &'a mut [TableFiles],
    pub(super) subject: Subject,
    pub(super) split: Split,
    /// The latest believable time of the version's input.
    pub(super) cut: Option<DateTime<Utc>>,
    pub(super) checks: &'a mut Checks,
}

impl Out<'_> {
    /// The latest believable time of the version's input, never the wall clock;
    /// `None` where no time can be believed.
    pub fn cut(&self) -> Option<DateTime<Utc>> {
        self.cut
    }

    /// Begins a row of the user in the table at this place of [`DatasetRows::tables`].
    ///
    /// # Errors
    /// Whatever writing says.
    pub fn row(&mut self, table: usize) -> Result<Row<'_>, PreparationError> {
        self.checks.rows(self.subject);
        self.tables[table].row(self.subject, self.split)
    }

    /// Writes consecutive rows of the user, column by column, in the table at this place of
    /// [`DatasetRows::tables`].
    ///
    /// # Errors
    /// Whatever writing says.
    pub fn rows(&mut self, table: usize, count: usize, columns: &[Cells<'_>]) -> Result<(), PreparationError> {
        if count > 0 {
            self.checks.rows(self.subject);
        }
        self.tables[table].rows(self.subject, self.split, count, columns)
    }

    /// Certifies that features as of a moment were made from nothing later than `newest`.
    ///
    /// # Errors
    /// Where they were.
    pub fn certify_features(
        &mut self,
        as_of: DateTime<Utc>,
        newest: Option<DateTime<Utc>>,
    ) -> Result<(), PreparationError> {
        self.checks.features(as_of, newest)
    }

    /// Certifies that what a row is to predict happened after its moment.
    ///
    /// # Errors
    /// Where it did not.
    pub fn certify_label(&mut self, as_of: DateTime<Utc>, label: DateTime<Utc>) -> Result<(), PreparationError> {
        self.checks.label(as_of, label)
    }
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn nullable(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// UTC, to the microsecond.
fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// As trainers compute.
fn singles(features: &[f64]) -> Vec<f32> {
    features.iter().map(|feature| *feature as f32).collect()
}
