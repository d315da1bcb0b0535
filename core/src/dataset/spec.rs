//! The declaration of each dataset: which events it takes in, which are its
//! records, and what counts towards its threshold.
//!
//! A dataset is added by declaring it, here or (for a program that embeds the
//! crate) with [`declare`]; the event types it takes in are declared in
//! [`crate::event::schema`].

use std::sync::OnceLock;

use super::Dataset;
use crate::event::Event;
use crate::event::rule::Rule;
use crate::event::schema::EventSchema;

/// What an event is to a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A record of the dataset: it is judged by the dataset's quality.
    Record,
    /// Input of the dataset's features only.
    Feature,
}

#[derive(Debug)]
pub struct DatasetSpec {
    /// Lower-case letters: it is part of keys, attribute names and settings.
    pub name: &'static str,
    /// Units of the threshold, to finish the sentence "500 new …".
    pub counted_unit: &'static str,
    pub default_threshold: u64,
    /// Whether this build can prepare versions of it.
    pub preparable: bool,
    /// Everything that it takes in. Each event type is in one of them at most.
    pub inputs: &'static [Input],
    pub counted: Counted,
    /// Interactions of its records that a model must see some of each: what it
    /// learns to tell apart.
    pub classes: &'static [&'static str],
    /// What its records keep beside the rules of their types, which hold in every dataset.
    pub rules: &'static [OwnRule],
}

/// A rule of one dataset, for its records of one type.
#[derive(Clone, Copy, Debug)]
pub struct OwnRule {
    pub event_type: &'static str,
    pub rule: Rule,
}

/// Events that a dataset takes in, of one type.
#[derive(Debug)]
pub struct Input {
    pub event_type: &'static str,
    pub interactions: Interactions,
    pub role: Role,
}

/// Which events of a type are meant, by their `interaction_type`.
#[derive(Debug)]
pub enum Interactions {
    /// All, also those that have none.
    Any,
    Only(&'static [&'static str]),
    AnyBut(&'static [&'static str]),
}

/// One unit of the threshold.
#[derive(Debug)]
pub enum Counted {
    /// An event of this type.
    Events(&'static str, Interactions),
    /// A user whose transaction history has become sufficient: see [`super::history`].
    SufficientUsers,
}

impl Interactions {
    fn include(&self, interaction: Option<&str>) -> bool {
        match self {
            Interactions::Any => true,
            Interactions::Only(names) => interaction.is_some_and(|name| names.contains(&name)),
            Interactions::AnyBut(names) => interaction.is_none_or(|name| !names.contains(&name)),
        }
    }
}

const fn records(event_type: &'static str) -> Input {
    Input { event_type, interactions: Interactions::Any, role: Role::Record }
}

const fn features(event_type: &'static str) -> Input {
    Input { event_type, interactions: Interactions::Any, role: Role::Feature }
}

/// Interactions of which preparation makes feedback: a view is none, and neither is a
/// word that no vocabulary knows.
const COUNTED_FEEDBACK: &[&str] = &["click", "dismiss", "helpful", "not_helpful", "implemented"];
/// Interactions in which a user judged a recommendation.
const FEEDBACK: &[&str] = &["helpful", "not_helpful", "implemented"];

static BUNDLED: [DatasetSpec; 4] = [
    DatasetSpec {
        name: "recommendation",
        counted_unit: "feedback entries",
        default_threshold: 500,
        preparable: true,
        inputs: &[
            records("recommendation_interaction"),
            features("transaction_creation"),
            features("transaction_void"),
        ],
        counted: Counted::Events("recommendation_interaction", Interactions::Only(COUNTED_FEEDBACK)),
        classes: &["click", "dismiss"],
        rules: &[],
    },
    DatasetSpec {
        name: "segmentation",
        counted_unit: "users with a sufficient transaction history",
        default_threshold: 100,
        preparable: true,
        inputs: &[
            // A row is a user's transactions in summary: they are what is judged.
            records("transaction_creation"),
            records("transaction_void"),
            Input {
                event_type: "recommendation_interaction",
                interactions: Interactions::Only(FEEDBACK),
                role: Role::Record,
            },
            records("user_segment_update"),
        ],
        counted: Counted::SufficientUsers,
        classes: &[],
        rules: &[],
    },
    DatasetSpec {
        name: "spending",
        counted_unit: "transactions",
        default_threshold: 1_000,
        preparable: true,
        inputs: &[records("transaction_creation"), records("transaction_void")],
        // A void takes a row away and makes none, so it does not count.
        counted: Counted::Events("transaction_creation", Interactions::Any),
        classes: &[],
        rules: &[],
    },
    DatasetSpec {
        name: "goal",
        counted_unit: "goal outcomes",
        default_threshold: 50,
        preparable: true,
        inputs: &[records("goal_modification"), features("transaction_creation"), features("transaction_void")],
        counted: Counted::Events("goal_modification", Interactions::Only(&["achieve", "fail"])),
        classes: &["achieve", "fail"],
        rules: &[],
    },
];

static DECLARED: OnceLock<Vec<&'static DatasetSpec>> = OnceLock::new();

/// All datasets: the bundled ones in their order, then those of [`declare`].
pub(super) fn declared() -> &'static [&'static DatasetSpec] {
    DECLARED.get_or_init(|| BUNDLED.iter().collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDeclared {
    #[error("datasets are declared once, before the first use of any")]
    TooLate,
    #[error("there is a dataset {0} already")]
    NameTaken(&'static str),
}

/// The rules for events of a type: those that hold in every dataset, then those of one.
pub(crate) fn rules_for(schema: &'static EventSchema) -> impl Iterator<Item = (Option<Dataset>, &'static Rule)> {
    let own = move |dataset: Dataset| {
        let of_type = move |own: &&OwnRule| own.event_type == schema.event_type;
        dataset.spec().rules.iter().filter(of_type).map(move |own| (Some(dataset), &own.rule))
    };
    schema.rules.iter().map(|rule| (None, rule)).chain(Dataset::all().flat_map(own))
}

/// Adds datasets for the lifetime of the process.
///
/// # Errors
/// When a dataset has been used before, and for a name that is taken.
pub fn declare(more: impl IntoIterator<Item = &'static DatasetSpec>) -> Result<(), NotDeclared> {
    let mut all: Vec<&'static DatasetSpec> = BUNDLED.iter().collect();
    for spec in more {
        if all.iter().any(|other| other.name == spec.name) {
            return Err(NotDeclared::NameTaken(spec.name));
        }
        all.push(spec);
    }
    DECLARED.set(all).map_err(|_| NotDeclared::TooLate)
}

impl Dataset {
    /// What `event` is to this dataset; `None` where it plays no part.
    pub fn role(self, event: &Event) -> Option<Role> {
        self.role_of(event.event_type.name(), event.interaction())
    }

    /// What events of a type, with an interaction, are to this dataset.
    pub fn role_of(self, event_type: &str, interaction: Option<&str>) -> Option<Role> {
        let input = self.spec().inputs.iter().find(|input| input.event_type == event_type)?;
        input.interactions.include(interaction).then_some(input.role)
    }

    /// Whether `event` by itself is one unit of the threshold.
    pub fn counts(self, event: &Event) -> bool {
        match &self.spec().counted {
            Counted::Events(event_type, interactions) => {
                event.event_type.name() == *event_type && interactions.include(event.interaction())
            }
            Counted::SufficientUsers => false,
        }
    }

    /// Whether the dataset counts users rather than events.
    pub fn counts_users(self) -> bool {
        matches!(self.spec().counted, Counted::SufficientUsers)
    }

    /// The types among which this dataset's records are.
    pub fn record_types(self) -> impl Iterator<Item = &'static str> {
        self.spec().inputs.iter().filter(|input| input.role == Role::Record).map(|input| input.event_type)
    }

    /// The datasets of which `event` is a record.
    pub fn fed_by(event: &Event) -> impl Iterator<Item = Dataset> {
        Self::all().filter(|dataset| dataset.role(event) == Some(Role::Record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::schema;

    #[test]
    fn every_input_is_a_declared_event_type_and_named_once() {
        for dataset in Dataset::all() {
            let mut types: Vec<_> = dataset.spec().inputs.iter().map(|input| input.event_type).collect();
            for event_type in &types {
                assert!(
                    schema::of_name(event_type).is_some(),
                    "{dataset} takes in {event_type}, which is not declared"
                );
            }
            types.sort_unstable();
            types.dedup();
            assert_eq!(types.len(), dataset.spec().inputs.len(), "{dataset} names an event type twice");
        }
    }

    #[test]
    fn feedback_feeds_segmentation_and_a_view_does_not_count() {
        let role = |dataset: Dataset, interaction| dataset.role_of("recommendation_interaction", Some(interaction));
        assert_eq!(role(Dataset::SEGMENTATION, "helpful"), Some(Role::Record));
        assert_eq!(role(Dataset::SEGMENTATION, "view"), None);
        assert_eq!(role(Dataset::RECOMMENDATION, "view"), Some(Role::Record));
        assert_eq!(role(Dataset::SPENDING, "helpful"), None);
        assert_eq!(Dataset::GOAL.role_of("transaction_creation", None), Some(Role::Feature));
    }
}
