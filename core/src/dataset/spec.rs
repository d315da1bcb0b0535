//! The declaration of each dataset: which events it takes in, which are its
//! records, and what counts towards its threshold.

use super::Dataset;
use crate::event::{Event, EventType};

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
    /// Units of the threshold, to finish the sentence "500 new …".
    pub counted_unit: &'static str,
    pub default_threshold: u64,
    /// Whether this build can prepare versions of it.
    pub preparable: bool,
}

impl Dataset {
    pub fn spec(self) -> &'static DatasetSpec {
        match self {
            Dataset::Recommendation => {
                &DatasetSpec { counted_unit: "feedback entries", default_threshold: 500, preparable: false }
            }
            Dataset::Segmentation => &DatasetSpec {
                counted_unit: "users with a sufficient transaction history",
                default_threshold: 100,
                preparable: false,
            },
            Dataset::Spending => {
                &DatasetSpec { counted_unit: "transactions", default_threshold: 1_000, preparable: true }
            }
            Dataset::Goal => &DatasetSpec { counted_unit: "goal outcomes", default_threshold: 50, preparable: false },
        }
    }

    /// What `event` is to this dataset; `None` where it plays no part.
    pub fn role(self, event: &Event) -> Option<Role> {
        self.role_of(&event.event_type, event.interaction())
    }

    /// What events of a type, with an interaction, are to this dataset.
    pub fn role_of(self, event_type: &EventType, interaction: Option<&str>) -> Option<Role> {
        match (event_type, self) {
            // A row of segmentation is a user's transactions in summary: they are what is judged.
            (EventType::TransactionCreation, Dataset::Spending | Dataset::Segmentation) => Some(Role::Record),
            (EventType::TransactionCreation, _) => Some(Role::Feature),
            (EventType::RecommendationInteraction, Dataset::Recommendation) => Some(Role::Record),
            (EventType::RecommendationInteraction, Dataset::Segmentation) => {
                is_feedback(interaction).then_some(Role::Record)
            }
            (EventType::GoalModification, Dataset::Goal) => Some(Role::Record),
            (EventType::UserSegmentUpdate, Dataset::Segmentation) => Some(Role::Record),
            _ => None,
        }
    }

    /// Whether `event` by itself is one unit of the threshold. Segmentation counts
    /// users, not events: see [`super::history`].
    pub fn counts(self, event: &Event) -> bool {
        match self {
            Dataset::Recommendation => {
                event.event_type == EventType::RecommendationInteraction && event.interaction() != Some("view")
            }
            Dataset::Segmentation => false,
            Dataset::Spending => event.event_type == EventType::TransactionCreation,
            Dataset::Goal => {
                event.event_type == EventType::GoalModification
                    && matches!(event.interaction(), Some("achieve" | "fail"))
            }
        }
    }

    /// The types among which this dataset's records are.
    pub fn record_types(self) -> &'static [EventType] {
        match self {
            Dataset::Recommendation => &[EventType::RecommendationInteraction],
            Dataset::Segmentation => {
                &[EventType::TransactionCreation, EventType::RecommendationInteraction, EventType::UserSegmentUpdate]
            }
            Dataset::Spending => &[EventType::TransactionCreation],
            Dataset::Goal => &[EventType::GoalModification],
        }
    }

    /// The datasets of which `event` is a record.
    pub fn fed_by(event: &Event) -> impl Iterator<Item = Dataset> {
        Self::ALL.into_iter().filter(|dataset| dataset.role(event) == Some(Role::Record))
    }
}

/// Interactions in which a user judged a recommendation.
fn is_feedback(interaction: Option<&str>) -> bool {
    matches!(interaction, Some("helpful" | "not_helpful" | "implemented"))
}
