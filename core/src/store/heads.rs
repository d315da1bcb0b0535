//! The head of each dataset, and the timeline that the changes of its state become.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::Put;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use super::attribute::{Item, number};
use super::records::{Page, Records, Saved, item};
use super::tables::OWNER;
use super::{Clients, backoff};
use crate::dataset::Dataset;
use crate::dataset::lifecycle::{Change, Head, Preparation};

const HEAD: &str = "head";
/// Keys of the entries of timelines begin with this.
pub const CHANGE_PREFIX: &str = "change#";

/// The current state of each dataset.
#[derive(Clone, Debug)]
pub struct Heads(Records);

impl Heads {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// The head of a dataset; `None` before it is initialized.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn read(&self, dataset: Dataset) -> Result<Option<Head>> {
        self.0.get(dataset, HEAD).await
    }

    /// What is being prepared: at most one version of each dataset.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn preparations(&self) -> Result<Vec<(Dataset, Preparation)>> {
        let heads = try_join_all(Dataset::all().map(|dataset| self.read(dataset))).await?;
        Ok(heads.into_iter().flatten().filter_map(|head| Some((head.dataset, head.preparation?))).collect())
    }

    /// Writes a head that must not exist yet.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn create(&self, head: &Head) -> Result<Saved> {
        self.write(head, Put::builder().condition_expression(format!("attribute_not_exists({OWNER})"))).await
    }

    /// Writes a head, provided that nobody did since it was read; on success its
    /// revision moves on. Its changes of state become entries of the timeline in
    /// the same transaction.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn save(&self, head: &mut Head, now: DateTime<Utc>) -> Result<Saved> {
        let mut next = head.clone();
        next.revision += 1;
        next.updated_at = now;
        let condition = Put::builder()
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", number(head.revision));
        let saved = self.write(&next, condition).await?;
        if saved == Saved::Yes {
            next.changes.clear();
            *head = next;
        }
        Ok(saved)
    }

    /// Makes a change to a head and writes it. Where somebody else wrote it in between, it
    /// is read anew and `change` made to what they wrote, so that no writer, however busy,
    /// keeps another away. `None` where `change` says that there is nothing to write.
    ///
    /// # Errors
    /// What `change` says, and whatever the service says.
    pub async fn change<E: From<anyhow::Error>>(
        &self,
        head: &mut Head,
        now: DateTime<Utc>,
        mut change: impl FnMut(&mut Head) -> Result<bool, E>,
    ) -> Result<Option<Saved>, E> {
        const ATTEMPTS: u32 = 20;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(backoff(attempt)).await;
                *head = self.read(head.dataset).await?.context("a dataset has lost its head")?;
            }
            if !change(head)? {
                return Ok(None);
            }
            if self.save(head, now).await? == Saved::Yes {
                return Ok(Some(Saved::Yes));
            }
        }
        Ok(Some(Saved::Conflict))
    }

    async fn write(&self, head: &Head, condition: PutBuilder) -> Result<Saved> {
        let mut puts = vec![condition.table_name(&self.0.table).set_item(Some(head_item(head)?)).build()?];
        for (place, change) in head.changes.iter().enumerate() {
            // By revision rather than time: clocks of two writers may disagree.
            let record = format!("{CHANGE_PREFIX}{:010}#{place}", head.revision);
            let item = item(head.dataset, &record, change)?;
            puts.push(Put::builder().table_name(&self.0.table).set_item(Some(item)).build()?);
        }
        self.0.put_all(puts).await
    }
}

pub(super) fn head_item(head: &Head) -> Result<Item> {
    let mut item = item(head.dataset, HEAD, head)?;
    item.insert("revision".into(), number(head.revision));
    Ok(item)
}

/// The changes of each dataset's state.
#[derive(Clone, Debug)]
pub struct Timeline(Records);

impl Timeline {
    pub fn new(clients: &Clients) -> Self {
        Self(Records::new(clients))
    }

    /// Up to `limit` changes, newest first, from where a page before this one ended.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn page(&self, dataset: Dataset, limit: usize, from: Option<&str>) -> Result<Page<Change>> {
        self.0.newest(dataset, CHANGE_PREFIX, limit, from).await
    }
}
