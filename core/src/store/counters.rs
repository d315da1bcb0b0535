//! Exact counting: what each dataset has taken in, kept by ingestion in the same
//! transactions as the events.
//!
//! A counter shard is one item. For each dataset it holds its epoch, the counts
//! of that epoch, and the counts of the last epoch it closed; beside them the
//! lifetime totals. Ingestion adds to one shard of its choice on condition of
//! the epochs that its events are stamped with, so nothing can enter an epoch
//! that the shard has closed.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue, Update};

use chrono::{DateTime, Utc};

use super::attribute::{self, Item, number, string, time};
use super::event_log::Addition;
use super::tables::{OWNER, RECORD};
use super::{Clients, contention};
use crate::dataset::totals::{EventKind, Totals};
use crate::dataset::{Counts, Dataset, Epoch, PerDataset};

/// One item takes at most some 1,000 writes a second on AWS; this many share the load.
pub const COUNTER_SHARDS: u8 = 16;
/// Partition keys of counter shards begin with this.
pub const COUNTER_PREFIX: &str = "counter#";

const KIND: &str = "counter";
const TOTAL_PREFIX: &str = "total#";
const SEGMENT_PREFIX: &str = "in#";
const TYPE_PREFIX: &str = "type#";
const REFUSED_PREFIX: &str = "refused#";
const USERS: &str = "users";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(u8);

impl ShardId {
    pub fn all() -> impl Iterator<Item = ShardId> {
        (0..COUNTER_SHARDS).map(ShardId)
    }

    /// The shard that a random number picks.
    pub fn pick(random: u32) -> Self {
        ShardId((random % u32::from(COUNTER_SHARDS)) as u8)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    fn key(self) -> Item {
        attribute::item([(OWNER, string(format!("{COUNTER_PREFIX}{:02}", self.0))), (RECORD, string(KIND))])
    }
}

/// The counts of an epoch that a shard has closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    pub epoch: Epoch,
    pub counts: Counts,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CounterShard {
    pub epochs: PerDataset<Epoch>,
    /// Of the shard's own epoch.
    pub open: PerDataset<Counts>,
    /// Of the epoch before it.
    pub closed: PerDataset<Option<Closing>>,
    pub totals: Totals,
    /// Users whose first transaction was counted here.
    pub users: u64,
    /// When the newest record of each dataset was counted here.
    pub newest: PerDataset<Option<DateTime<Utc>>>,
    /// Users who came to each segment here, less those who left it here: of all shards
    /// together, those who are in it.
    pub segments: BTreeMap<String, i64>,
    /// Events of unknown types, by name.
    pub unknown_types: BTreeMap<String, u64>,
    /// Events that were not taken in, by reason.
    pub refused: BTreeMap<String, u64>,
}

impl CounterShard {
    /// What this shard holds for a dataset that no version has closed yet, when
    /// `epoch` is the dataset's open epoch. While that epoch is being closed, a
    /// shard may already have moved on.
    pub fn not_closed(&self, dataset: Dataset, epoch: Epoch) -> Counts {
        if self.epochs[dataset] < epoch {
            // Read before it moved on: what it held as open then is closed by now.
            return Counts::default();
        }
        let moved = self.closed[dataset].filter(|closing| closing.epoch >= epoch).map(|closing| closing.counts);
        self.open[dataset] + moved.unwrap_or_default()
    }

    fn from_item(item: &Item) -> Result<Self> {
        let counts = |prefix: &str, dataset: Dataset| -> Result<Counts> {
            Ok(Counts {
                events: attribute::get_number(item, &format!("{prefix}events_{dataset}"))?,
                counting: attribute::get_number(item, &format!("{prefix}counting_{dataset}"))?,
            })
        };
        let closed = |dataset| -> Result<Option<Closing>> {
            match attribute::find_number(item, &format!("closed_epoch_{dataset}"))? {
                None => Ok(None),
                Some(epoch) => Ok(Some(Closing { epoch: Epoch(epoch), counts: counts("closed_", dataset)? })),
            }
        };
        let newest = |dataset| {
            let name = arrival_attribute(dataset);
            item.contains_key(&name).then(|| attribute::get_time(item, &name)).transpose()
        };
        let mut totals = Totals::default();
        for (kind, count) in by_name(item, TOTAL_PREFIX)? {
            totals.add(EventKind::from_name(&kind), count);
        }
        Ok(Self {
            epochs: PerDataset::try_from_fn(|dataset| {
                attribute::get_number(item, &format!("epoch_{dataset}")).map(Epoch)
            })?,
            open: PerDataset::try_from_fn(|dataset| counts("", dataset))?,
            closed: PerDataset::try_from_fn(closed)?,
            totals,
            users: attribute::find_number(item, USERS)?.unwrap_or_default(),
            newest: PerDataset::try_from_fn(newest)?,
            segments: by_name(item, SEGMENT_PREFIX)?,
            unknown_types: by_name(item, TYPE_PREFIX)?,
            refused: by_name(item, REFUSED_PREFIX)?,
        })
    }
}

/// Reading and closing the counter shards. Adding to them is part of
/// [`super::EventLog::append`].
#[derive(Clone, Debug)]
pub struct Counters {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Counters {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.datasets_table.clone() }
    }

    /// Makes what is absent: shards, and in each of them the datasets, in their
    /// first epoch. What is there is left as it is.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn initialize(&self) -> Result<()> {
        let mut assignments = Vec::new();
        for dataset in Dataset::all() {
            assignments.push(format!("epoch_{dataset} = if_not_exists(epoch_{dataset}, :first)"));
            assignments.push(format!("events_{dataset} = if_not_exists(events_{dataset}, :zero)"));
            assignments.push(format!("counting_{dataset} = if_not_exists(counting_{dataset}, :zero)"));
        }
        let update = format!("SET {}", assignments.join(", "));
        for shard in ShardId::all() {
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(shard.key()))
                .update_expression(&update)
                .expression_attribute_values(":first", number(Epoch::FIRST))
                .expression_attribute_values(":zero", number(0))
                .send()
                .await
                .context("could not create a counter shard")?;
        }
        Ok(())
    }

    /// One shard; `None` where it, or a dataset in it, has not been made.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn read(&self, shard: ShardId) -> Result<Option<CounterShard>> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(shard.key())).consistent_read(true);
        let answer = request.send().await.context("could not read a counter shard")?;
        let made = answer.item().filter(|item| is_complete(item));
        made.map(CounterShard::from_item).transpose()
    }

    /// All shards that have been made, with all datasets in them.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn read_all(&self) -> Result<Vec<CounterShard>> {
        let mut shards = Vec::with_capacity(usize::from(COUNTER_SHARDS));
        let mut keys: Vec<Item> = ShardId::all().map(ShardId::key).collect();
        while !keys.is_empty() {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .context("could not read the counter shards")?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            for item in items.filter(is_complete) {
                shards.push(CounterShard::from_item(&item)?);
            }
            keys = answer
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(&self.table))
                .map(|left| left.keys)
                .unwrap_or_default();
        }
        Ok(shards)
    }

    /// Counts events that were not taken in, by reason. It is no part of a
    /// transaction: a count that is lost loses no event.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn count_refused(&self, shard: ShardId, refused: &BTreeMap<String, u64>) -> Result<()> {
        let mut update = UpdateParts::default();
        for (reason, count) in refused {
            update.add(format!("{REFUSED_PREFIX}{reason}"), *count);
        }
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(shard.key()))
            .update_expression(update.expression())
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .send()
            .await
            .context("could not count what was not taken in")?;
        Ok(())
    }

    /// Moves every shard of a dataset from `epoch` to the next, and answers what
    /// the closed epoch took in. Shards move one by one, in any order; whoever
    /// finds a half-closed epoch calls this again and gets the same answer.
    ///
    /// # Errors
    /// Whatever the service says; shards that were never made, or are beyond the next epoch.
    pub async fn close(&self, dataset: Dataset, epoch: Epoch) -> Result<Counts> {
        futures::future::try_join_all(ShardId::all().map(|shard| self.close_shard(shard, dataset, epoch))).await?;
        let shards = self.read_all().await?;
        if shards.len() != usize::from(COUNTER_SHARDS) {
            bail!("{} of {COUNTER_SHARDS} counter shards exist: initialize first", shards.len());
        }
        let mut total = Counts::default();
        for shard in &shards {
            match shard.closed[dataset] {
                Some(closing) if closing.epoch == epoch => total += closing.counts,
                other => bail!("closing epoch {epoch} of {dataset} found a counter shard with {other:?}"),
            }
        }
        Ok(total)
    }

    async fn close_shard(&self, shard: ShardId, dataset: Dataset, epoch: Epoch) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(shard.key()))
            .update_expression(format!(
                "SET closed_epoch_{dataset} = :epoch, closed_events_{dataset} = events_{dataset}, \
                 closed_counting_{dataset} = counting_{dataset}, epoch_{dataset} = :next, \
                 events_{dataset} = :zero, counting_{dataset} = :zero"
            ))
            .condition_expression(format!("epoch_{dataset} = :epoch"))
            .expression_attribute_values(":epoch", number(epoch))
            .expression_attribute_values(":next", number(epoch.next()))
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::None);
        match update.customize().config_override(contention::persistent()).send().await {
            Ok(_) => Ok(()),
            // Closed before, by us or by somebody else.
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error).with_context(|| format!("could not close epoch {epoch} of {dataset}")),
        }
    }
}

/// A dataset that was declared after the shard was made is absent until it is initialized.
fn is_complete(item: &Item) -> bool {
    Dataset::all().all(|dataset| item.contains_key(&format!("epoch_{dataset}")))
}

/// Numbers whose attribute names begin with `prefix`, by the rest of the name.
fn by_name<N: FromStr>(item: &Item, prefix: &str) -> Result<BTreeMap<String, N>> {
    let named = item.keys().filter_map(|name| Some((name.strip_prefix(prefix)?, name)));
    named.map(|(rest, name)| Ok((rest.to_owned(), attribute::get_number(item, name)?))).collect()
}

/// The attribute that says when a dataset's newest record came in.
fn arrival_attribute(dataset: Dataset) -> String {
    format!("newest_{dataset}")
}

/// Whether counts are added or taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sign {
    #[default]
    Plus,
    Minus,
}

/// An update expression in the making: names and values are placeholders.
#[derive(Default)]
struct UpdateParts {
    sign: Sign,
    additions: Vec<String>,
    assignments: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl UpdateParts {
    fn add(&mut self, attribute: String, count: u64) {
        self.add_signed(attribute, count.into());
    }

    fn add_signed(&mut self, attribute: String, count: i128) {
        if count != 0 {
            let count = if self.sign == Sign::Plus { count } else { -count };
            let (name, value) = self.placeholders(attribute, number(count));
            self.additions.push(format!("{name} {value}"));
        }
    }

    fn set(&mut self, attribute: String, value: AttributeValue) {
        let (name, value) = self.placeholders(attribute, value);
        self.assignments.push(format!("{name} = {value}"));
    }

    fn placeholders(&mut self, attribute: String, value: AttributeValue) -> (String, String) {
        let (name, placeholder) = (format!("#a{}", self.names.len()), format!(":a{}", self.names.len()));
        self.names.insert(name.clone(), attribute);
        self.values.insert(placeholder.clone(), value);
        (name, placeholder)
    }

    fn expression(&self) -> String {
        let part = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        part("ADD", &self.additions) + &part("SET", &self.assignments)
    }
}

/// The part of a transaction that changes a shard, on condition of its epochs.
pub(super) fn change(
    table: &str,
    shard: ShardId,
    epochs: &PerDataset<Epoch>,
    addition: &Addition,
    sign: Sign,
) -> Result<Update> {
    let mut update = UpdateParts { sign, ..UpdateParts::default() };
    for (dataset, counts) in addition.counts.iter() {
        update.add(format!("events_{dataset}"), counts.events);
        update.add(format!("counting_{dataset}"), counts.counting);
    }
    for (kind, count) in addition.totals.iter() {
        update.add(format!("{TOTAL_PREFIX}{}", kind.name()), count);
    }
    update.add(USERS.to_owned(), addition.users);
    for (segment, count) in &addition.segments {
        update.add_signed(format!("{SEGMENT_PREFIX}{segment}"), (*count).into());
    }
    for (name, events) in &addition.unknown_types {
        update.add(format!("{TYPE_PREFIX}{name}"), *events);
    }
    for (dataset, newest) in addition.newest.iter() {
        if let Some(newest) = newest {
            update.set(arrival_attribute(dataset), time(*newest));
        }
    }
    let mut conditions = Vec::new();
    for (dataset, epoch) in epochs.iter() {
        conditions.push(format!("epoch_{dataset} = :{dataset}"));
        update.values.insert(format!(":{dataset}"), number(epoch));
    }
    if update.additions.is_empty() {
        // An update must say something; the epochs still have to hold.
        let (name, value) = update.placeholders("idle".to_owned(), number(0));
        update.additions.push(format!("{name} {value}"));
    }
    Ok(Update::builder()
        .table_name(table)
        .set_key(Some(shard.key()))
        .update_expression(update.expression())
        .condition_expression(conditions.join(" AND "))
        .set_expression_attribute_names(Some(update.names))
        .set_expression_attribute_values(Some(update.values))
        .build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(events: u64) -> Counts {
        Counts { events, counting: 0 }
    }

    #[test]
    fn what_no_version_has_closed_is_told_whichever_was_read_first() {
        const DATASET: Dataset = Dataset::GOAL;
        let mut shard = CounterShard {
            epochs: PerDataset::from_fn(|_| Epoch(2)),
            open: PerDataset::from_fn(|_| counts(5)),
            closed: PerDataset::from_fn(|_| Some(Closing { epoch: Epoch(1), counts: counts(7) })),
            totals: Totals::default(),
            users: 0,
            newest: PerDataset::from_fn(|_| None),
            segments: BTreeMap::new(),
            unknown_types: BTreeMap::new(),
            refused: BTreeMap::new(),
        };
        assert_eq!(shard.not_closed(DATASET, Epoch(2)), counts(5));
        assert_eq!(shard.not_closed(DATASET, Epoch(1)), counts(12), "the shard has moved on, the dataset not yet");
        shard.epochs[DATASET] = Epoch(1);
        assert_eq!(shard.not_closed(DATASET, Epoch(2)), counts(0), "the dataset has moved on since");
    }
}
