//! The records of the datasets: assessments, versions, and what [`super::heads`] keeps.
//! Each is one item whose `body` is the record as JSON; what conditions need stands beside it.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Clients;
use super::attribute::{self, Item, number, string};
use super::tables::{OWNER, RECORD};
use crate::dataset::{Counts, Dataset, Epoch, Version};
use crate::quality::Judgement;

const ANNOUNCED: &str = "announced";
/// Followed by the id, which begins with its time.
pub const ASSESSMENT_PREFIX: &str = "assessed#";
const REQUEST_PREFIX: &str = "requested#";
const VERSION_PREFIX: &str = "version#";

/// A judgement of a dataset's records, as kept in its history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssessmentRecord {
    pub id: Uuid,
    pub dataset: Dataset,
    pub assessed_at: DateTime<Utc>,
    pub epoch: Epoch,
    /// Identifies the declarations by which was judged.
    pub rules_hash: String,
    pub passed: bool,
    pub judgement: Judgement,
}

/// An assessment that was asked for and is made later, under the id that was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssessmentRequest {
    pub id: Uuid,
    pub dataset: Dataset,
    pub requested_at: DateTime<Utc>,
    /// Why there will be no assessment.
    pub failed: Option<String>,
}

/// A prepared version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRecord {
    pub dataset: Dataset,
    pub version: Version,
    pub epoch: Epoch,
    /// What the closed epoch took in.
    pub new: Counts,
    /// Everything the version was made of.
    pub input: Counts,
    pub overall_score: Option<f64>,
    /// Key of the manifest in the bucket.
    pub manifest: String,
    pub digest: String,
    /// Rows of all tables.
    pub rows: u64,
    pub statistics: Value,
    pub forced: Option<String>,
    /// Events of closed epochs that were erased before its input was read.
    #[serde(default)]
    pub erased: u64,
    /// When its making began.
    pub created_at: DateTime<Utc>,
    /// Set when its files were deleted.
    #[serde(default)]
    pub withdrawn: Option<Withdrawal>,
}

impl VersionRecord {
    /// Whether it went at that time or later.
    pub fn is_withdrawn_since(&self, time: DateTime<Utc>) -> bool {
        self.withdrawn.as_ref().is_some_and(|withdrawn| withdrawn.at >= time)
    }
}

/// Why a version is no longer there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    pub at: DateTime<Utc>,
    pub reason: String,
    /// What takes its place; `None` where nothing is left of its input.
    pub successor: Option<Version>,
}

/// Whether a conditional write took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    Yes,
    /// Somebody else wrote first: read again and decide anew.
    Conflict,
}

/// One page of a listing, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// The datasets table, as the capabilities below use it.
#[derive(Clone, Debug)]
pub(super) struct Records {
    client: aws_sdk_dynamodb::Client,
    pub(super) table: String,
}

impl Records {
    pub(super) fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.datasets_table.clone() }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, dataset: Dataset, record: &str) -> Result<Option<T>> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(dataset, record)));
        let answer = request.consistent_read(true).send().await.with_context(|| unread(dataset, record))?;
        answer.item().map(body).transpose()
    }

    /// Puts a record where `condition` holds.
    pub(super) async fn put(&self, item: Item, condition: &str, values: &[(&str, AttributeValue)]) -> Result<Saved> {
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put = put.condition_expression(condition);
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        match put.send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(Saved::Conflict)
            }
            Err(error) => Err(error).context("could not write a record of a dataset"),
        }
    }

    /// Puts all records, or none where a condition does not hold.
    pub(super) async fn put_all(&self, puts: Vec<Put>) -> Result<Saved> {
        let items = puts.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled
                        .cancellation_reasons()
                        .iter()
                        .any(|why| matches!(why.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))) =>
                {
                    Ok(Saved::Conflict)
                }
                _ => Err(error).context("could not write the records of a dataset"),
            },
        }
    }

    /// Records whose key begins with `prefix`, last first.
    pub(super) async fn newest<T: DeserializeOwned>(
        &self,
        dataset: Dataset,
        prefix: &str,
        limit: usize,
        before: Option<&str>,
    ) -> Result<Page<T>> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner AND begins_with(#record, :prefix)")
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#record", RECORD)
            .expression_attribute_values(":owner", string(dataset.name()))
            .expression_attribute_values(":prefix", string(prefix))
            .set_exclusive_start_key(before.map(|record| key(dataset, record)))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit)?)
            .send()
            .await
            .with_context(|| unread(dataset, prefix))?;
        let next = answer.last_evaluated_key().map(|key| attribute::get_string(key, RECORD).map(str::to_owned));
        Ok(Page { items: answer.items().iter().map(body).collect::<Result<_>>()?, next: next.transpose()? })
    }
}

fn key(dataset: Dataset, record: &str) -> Item {
    attribute::item([(OWNER, string(dataset.name())), (RECORD, string(record))])
}

pub(super) fn item(dataset: Dataset, record: &str, body: &impl Serialize) -> Result<Item> {
    let mut item = key(dataset, record);
    item.insert("body".into(), string(serde_json::to_string(body)?));
    Ok(item)
}

fn body<T: DeserializeOwned>(item: &Item) -> Result<T> {
    let text = attribute::get_string(item, "body")?;
    serde_json::from_str(text).with_context(|| format!("the stored record {:?} cannot be read", item.get(RECORD)))
}

fn unread(dataset: Dataset, record: &str) -> String {
    format!("could not read {record} of {dataset}")
}

/// For which epoch each dataset was last announced as ready.
#[derive(Clone, Debug)]
pub struct Announcements(Records);

#[derive(Serialize, Deserialize)]
struct Announced {
    epoch: Epoch,
}

impl Announcements {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn last(&self, dataset: Dataset) -> Result<Option<Epoch>> {
        Ok(self.0.get::<Announced>(dataset, ANNOUNCED).await?.map(|announced| announced.epoch))
    }

    /// Notes, after it was done, that an epoch was announced.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn note(&self, dataset: Dataset, epoch: Epoch) -> Result<()> {
        let mut item = item(dataset, ANNOUNCED, &Announced { epoch })?;
        item.insert("epoch".into(), number(epoch));
        let condition = format!("attribute_not_exists({OWNER}) OR epoch < :epoch");
        match self.0.put(item, &condition, &[(":epoch", number(epoch))]).await? {
            // Noted before, perhaps for a later epoch.
            Saved::Yes | Saved::Conflict => Ok(()),
        }
    }
}

/// The history of each dataset's quality.
#[derive(Clone, Debug)]
pub struct Assessments(Records);

impl Assessments {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn add(&self, assessment: &AssessmentRecord) -> Result<()> {
        let item = item(assessment.dataset, &format!("{ASSESSMENT_PREFIX}{}", assessment.id), assessment)?;
        match self.0.put(item, &format!("attribute_not_exists({OWNER})"), &[]).await? {
            // The same id was added before: by a repetition of this very call.
            Saved::Yes | Saved::Conflict => Ok(()),
        }
    }

    /// An assessment of any dataset; `None` where there is none (yet).
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn find(&self, id: Uuid) -> Result<Option<AssessmentRecord>> {
        self.of_any_dataset(&format!("{ASSESSMENT_PREFIX}{id}")).await
    }

    /// Writes down what is asked for, or what became of it.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn request(&self, request: &AssessmentRequest) -> Result<()> {
        let item = item(request.dataset, &format!("{REQUEST_PREFIX}{}", request.id), request)?;
        // The later write is the better informed one: no condition is needed.
        let put = self.0.client.put_item().table_name(&self.0.table).set_item(Some(item));
        put.send().await.context("could not write a request for an assessment")?;
        Ok(())
    }

    /// A request for an assessment of any dataset.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn find_request(&self, id: Uuid) -> Result<Option<AssessmentRequest>> {
        self.of_any_dataset(&format!("{REQUEST_PREFIX}{id}")).await
    }

    /// The newest request that has neither failed nor been answered.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn open_request(&self, dataset: Dataset) -> Result<Option<AssessmentRequest>> {
        let newest = self.0.newest::<AssessmentRequest>(dataset, REQUEST_PREFIX, 1, None).await?.items.pop();
        match newest.filter(|request| request.failed.is_none()) {
            Some(request) => Ok(self.find(request.id).await?.is_none().then_some(request)),
            None => Ok(None),
        }
    }

    async fn of_any_dataset<T: DeserializeOwned>(&self, record: &str) -> Result<Option<T>> {
        let found = try_join_all(Dataset::all().map(|dataset| self.0.get(dataset, record))).await?;
        Ok(found.into_iter().flatten().next())
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn newest(&self, dataset: Dataset) -> Result<Option<AssessmentRecord>> {
        Ok(self.page(dataset, 1, None).await?.items.pop())
    }

    /// Up to `limit` assessments, newest first, from where a page before this one ended.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn page(&self, dataset: Dataset, limit: usize, from: Option<&str>) -> Result<Page<AssessmentRecord>> {
        self.0.newest(dataset, ASSESSMENT_PREFIX, limit, from).await
    }
}

/// The versions of each dataset.
#[derive(Clone, Debug)]
pub struct Versions(Records);

impl Versions {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// Records a version, once: a repetition leaves the first record as it is.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn add(&self, version: &VersionRecord) -> Result<Saved> {
        let item = item(version.dataset, &version_key(version.version), version)?;
        self.0.put(item, &format!("attribute_not_exists({OWNER})"), &[]).await
    }

    /// Writes a record in place of the one there is.
    ///
    /// # Errors
    /// Whatever the service says; a version that has no record.
    pub async fn replace(&self, version: &VersionRecord) -> Result<()> {
        let item = item(version.dataset, &version_key(version.version), version)?;
        match self.0.put(item, &format!("attribute_exists({OWNER})"), &[]).await? {
            Saved::Yes => Ok(()),
            Saved::Conflict => anyhow::bail!("{} of {} has no record", version.version, version.dataset),
        }
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn read(&self, dataset: Dataset, version: Version) -> Result<Option<VersionRecord>> {
        self.0.get(dataset, &version_key(version)).await
    }

    /// Up to `limit` versions, newest first, of those before a version.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn page_before(
        &self,
        dataset: Dataset,
        limit: usize,
        before: Option<Version>,
    ) -> Result<Page<VersionRecord>> {
        self.page(dataset, limit, before.map(version_key).as_deref()).await
    }

    /// Up to `limit` versions, newest first.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn page(&self, dataset: Dataset, limit: usize, from: Option<&str>) -> Result<Page<VersionRecord>> {
        self.0.newest(dataset, VERSION_PREFIX, limit, from).await
    }
}

fn version_key(version: Version) -> String {
    format!("{VERSION_PREFIX}{version}")
}
