//! Rules between the fields of a record and between the records of a user, as an
//! event type declares them, or a dataset for its own records. Quality checks them; ingestion, which sees one event
//! at a time, does not.

/// A field keeps one JSON type: holds for every field.
pub const ONE_TYPE: &str = "one_type";
/// No event happens after it was taken in: holds for the time of every event.
pub const NOT_AFTER_INGESTION: &str = "not_after_ingestion";

/// A rule that records of one type keep.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// As it is called in explanations and settings.
    pub name: &'static str,
    /// The field that its violations are reported on.
    pub field: &'static str,
    pub demands: Demands,
}

#[derive(Clone, Copy, Debug)]
pub enum Demands {
    /// In order of time, the field is its previous value plus `amount` where
    /// `direction` is `up`, minus it where it is `down`: within a hundredth
    /// (or what the operator tolerates), and where both values are known. Records of
    /// one instant, and of a date on which a record has `day` as its `precision`, may
    /// come in any order that chains.
    Chain {
        amount: &'static str,
        direction: &'static str,
        up: &'static str,
        down: &'static str,
        precision: &'static str,
        day: &'static str,
    },
    /// A user has one value of the field: the most frequent one.
    OneValue,
    /// The same value of the field never stands for different content.
    SameContent,
    /// What the field says of the thing that `id` names comes in order of time:
    /// one of `opens` first and once, then any of `continues`, then one of `ends`.
    Order {
        id: &'static str,
        opens: &'static [&'static str],
        continues: &'static [&'static str],
        ends: &'static [&'static str],
    },
    /// Where `interaction_type` is one of `interactions`, a record that shares `id`
    /// (this one or another) holds a valid value in one of the fields.
    Carries { id: &'static str, interactions: &'static [&'static str], one_of: &'static [&'static str] },
}
