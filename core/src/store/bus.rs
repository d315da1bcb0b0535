//! Facts on the event bus: what has happened, in the past tense. They carry the
//! dataset, or what else it is about, never state: whoever hears one reads the state and decides.

use anyhow::{Context, Result, bail};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Clients;
use crate::dataset::{Dataset, Epoch, Version};

/// The `source` of every fact.
pub const FACT_SOURCE: &str = "fincoach.learning";
/// The `detail-type` of [`Fact::DataErased`].
pub const DATA_ERASED: &str = "data erased";
/// The `detail-type`s of the facts that name no dataset.
pub const FILE_PARTLY_INGESTED: &str = "file partly ingested";
pub const ERASURE_REQUESTED: &str = "erasure requested";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fact {
    ThresholdReached(Dataset),
    AssessmentRequested(Dataset),
    QualityAssessed(Dataset),
    /// Once an epoch, delivered at least once: who must not act twice remembers the epoch.
    DatasetReady {
        dataset: Dataset,
        epoch: Epoch,
    },
    /// Nobody listens to it: it shows that facts can be published.
    HealthChecked,
    DatasetPrepared {
        dataset: Dataset,
        version: Version,
        manifest: String,
        digest: String,
    },
    /// A file under `incoming/` is taken in so far, and not to its end.
    FilePartlyIngested {
        object: String,
    },
    ErasureRequested {
        erasure: Uuid,
    },
    /// Events of a user were deleted that versions of the dataset hold.
    DataErased(Dataset),
}

impl Fact {
    /// The `detail-type` on the bus.
    pub fn name(&self) -> &'static str {
        match self {
            Fact::ThresholdReached(_) => "threshold reached",
            Fact::AssessmentRequested(_) => "assessment requested",
            Fact::QualityAssessed(_) => "quality assessed",
            Fact::DatasetReady { .. } => "dataset ready",
            Fact::HealthChecked => "health checked",
            Fact::DatasetPrepared { .. } => "dataset prepared",
            Fact::FilePartlyIngested { .. } => FILE_PARTLY_INGESTED,
            Fact::ErasureRequested { .. } => ERASURE_REQUESTED,
            Fact::DataErased(_) => DATA_ERASED,
        }
    }

    fn detail(&self) -> Value {
        match self {
            Fact::ThresholdReached(dataset)
            | Fact::AssessmentRequested(dataset)
            | Fact::QualityAssessed(dataset)
            | Fact::DataErased(dataset) => {
                json!({"dataset": dataset, "dataset_id": dataset.id()})
            }
            Fact::HealthChecked => json!({}),
            Fact::DatasetReady { dataset, epoch } => {
                json!({"dataset": dataset, "dataset_id": dataset.id(), "epoch": epoch})
            }
            Fact::DatasetPrepared { dataset, version, manifest, digest } => json!({
                "dataset": dataset, "dataset_id": dataset.id(), "version": version, "manifest": manifest, "digest": digest,
            }),
            Fact::FilePartlyIngested { object } => json!({"object": object}),
            Fact::ErasureRequested { erasure } => json!({"erasure": erasure}),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.eventbridge.clone(), name: clients.resources.bus.clone() }
    }

    /// # Errors
    /// Whatever the service says, also of the single entry.
    pub async fn publish(&self, fact: &Fact) -> Result<()> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(FACT_SOURCE)
            .detail_type(fact.name())
            .detail(fact.detail().to_string())
            .build();
        let answer = self.client.put_events().entries(entry).send().await;
        let answer = answer.with_context(|| format!("could not publish that {}", fact.name()))?;
        match answer.entries().iter().find_map(|entry| entry.error_code()) {
            None => Ok(()),
            Some(code) => bail!("the bus refused to publish that {}: {code}", fact.name()),
        }
    }
}
