//! The items of the events table: events, and beside them each user's history,
//! which an erasure turns into a tombstone, and the segment that the user is in.

use anyhow::{Context, Result};
use serde_json::Map;

use super::attribute::{self, Item, number, string, time};
use super::counters::ShardId;
use super::event_log::{Entry, HistoryEntry, MembershipEntry, Standing};
use super::tables::{EVENT_ID, USER_ID};
use crate::dataset::history::History;
use crate::dataset::membership::Membership;
use crate::dataset::{Dataset, Epoch, PerDataset};
use crate::event::{Event, EventId, EventSource, EventType, Provenance, StoredEvent, UserId};

/// The sort key of a user's history; no event id is spelled like it.
pub(super) const HISTORY: &str = "history";
/// When the user's data were erased: it makes the history a tombstone.
pub(super) const ERASED_AT: &str = "erased_at";
/// The counter shard that counted an event.
pub(super) const SHARD: &str = "shard";
pub(super) const SUFFICIENT_SINCE: &str = "sufficient_since";
pub(super) const SUFFICIENT_ON: &str = "sufficient_on";
pub(super) const COUNTED_ON: &str = "counted_on";
/// The sort key of the segment that a user is in.
pub(super) const MEMBERSHIP: &str = "segment";
/// Members of the envelope that nobody knows.
const EXTRA: &str = "extra";

/// The sender's offset from UTC, in minutes.
const UTC_OFFSET: &str = "utc_offset_minutes";
/// The name that an event of an unknown type is counted under.
pub(super) const COUNTED_AS: &str = "counted_as";
/// Set on an event that counts towards no threshold, since its time is implausible.
pub(super) const IMPLAUSIBLE_TIME: &str = "implausible_time";
const SOURCE: &str = "source";
const SENDER: &str = "sender";

/// The item that an event is stored as. `shard` is the one that counts the event:
/// an erasure takes it off there again.
///
/// # Errors
/// Data that have no JSON form: none that came as JSON.
pub fn event_item(entry: &Entry<'_>, shard: ShardId, epochs: &PerDataset<Epoch>) -> Result<Item> {
    let Entry { stored, redactions, counted_as, has_plausible_time } = entry;
    let event = &stored.event;
    let mut item = attribute::item([
        (USER_ID, string(event.user.to_string())),
        (EVENT_ID, string(event.id.to_string())),
        ("type", string(event.event_type.name())),
        ("occurred_at", time(event.occurred_at)),
        ("ingested_at", time(stored.ingested_at)),
        ("schema_version", number(event.schema_version)),
        // As text: numbers keep their digits, and a scan reads one attribute.
        ("data", string(serde_json::to_string(&event.data)?)),
        (SHARD, number(shard.index())),
        (SOURCE, string(stored.provenance.source.name())),
        (SENDER, string(stored.provenance.sender())),
    ]);
    if let Some(minutes) = event.utc_offset_minutes {
        item.insert(UTC_OFFSET.to_owned(), number(minutes));
    }
    for (name, count) in
        [("dropped", redactions.dropped), ("masked", redactions.masked), ("truncated", redactions.truncated)]
    {
        if count > 0 {
            item.insert(name.to_owned(), number(count));
        }
    }
    if !has_plausible_time {
        item.insert(IMPLAUSIBLE_TIME.to_owned(), number(1));
    }
    if let Some(name) = counted_as {
        item.insert(COUNTED_AS.to_owned(), string(name));
    }
    if !event.extra.is_empty() {
        item.insert(EXTRA.to_owned(), string(serde_json::to_string(&event.extra)?));
    }
    for dataset in Dataset::all().filter(|dataset| dataset.role(event).is_some()) {
        item.insert(epoch_attribute(dataset), number(epochs[dataset]));
    }
    Ok(item)
}

/// The attribute that stamps an event with the epoch in which `dataset` took it in.
pub(super) fn epoch_attribute(dataset: Dataset) -> String {
    format!("epoch_{dataset}")
}

pub(super) fn history_key(user: UserId) -> Item {
    attribute::item([(USER_ID, string(user.to_string())), (EVENT_ID, string(HISTORY))])
}

pub(super) fn history_item(user: UserId, entry: &HistoryEntry) -> Item {
    let mut item = history_key(user);
    item.insert("transactions".into(), number(entry.history.transactions));
    item.insert("first".into(), time(entry.history.first));
    item.insert("last".into(), time(entry.history.last));
    item.insert("revision".into(), number(entry.revision));
    if let Some(epoch) = entry.history.sufficient_since {
        item.insert(SUFFICIENT_SINCE.into(), number(epoch));
    }
    if let Some(shard) = entry.counted_on {
        item.insert(COUNTED_ON.into(), number(shard.index()));
    }
    if let Some(shard) = entry.sufficient_on {
        item.insert(SUFFICIENT_ON.into(), number(shard.index()));
    }
    item
}

pub(super) fn standing(item: &Item) -> Result<Standing> {
    if item.contains_key(ERASED_AT) {
        return Ok(Standing::Erased);
    }
    let history = History {
        transactions: attribute::get_number(item, "transactions")?,
        first: attribute::get_time(item, "first")?,
        last: attribute::get_time(item, "last")?,
        sufficient_since: attribute::find_number(item, SUFFICIENT_SINCE)?.map(Epoch),
    };
    Ok(Standing::Known(HistoryEntry {
        history,
        revision: attribute::get_number(item, "revision")?,
        counted_on: attribute::find_number(item, COUNTED_ON)?.map(ShardId::pick),
        sufficient_on: attribute::find_number(item, SUFFICIENT_ON)?.map(ShardId::pick),
    }))
}

pub(super) fn membership_key(user: UserId) -> Item {
    attribute::item([(USER_ID, string(user.to_string())), (EVENT_ID, string(MEMBERSHIP))])
}

pub(super) fn membership_item(user: UserId, entry: &MembershipEntry) -> Item {
    let Membership { at, event, name } = &entry.membership;
    let mut item = membership_key(user);
    item.insert("at".into(), time(*at));
    item.insert("by".into(), string(event.to_string()));
    item.insert("name".into(), string(name));
    item.insert("revision".into(), number(entry.revision));
    item
}

pub(super) fn is_membership(item: &Item) -> bool {
    attribute::get_string(item, EVENT_ID).is_ok_and(|record| record == MEMBERSHIP)
}

pub(super) fn membership(item: &Item) -> Result<MembershipEntry> {
    let membership = Membership {
        at: attribute::get_time(item, "at")?,
        event: EventId(attribute::get_string(item, "by")?.parse()?),
        name: attribute::get_string(item, "name")?.to_owned(),
    };
    Ok(MembershipEntry { membership, revision: attribute::get_number(item, "revision")? })
}

pub(super) fn event(item: &Item) -> Result<StoredEvent> {
    let text = |name| attribute::get_string(item, name);
    Ok(StoredEvent {
        event: Event {
            id: EventId(text(EVENT_ID)?.parse()?),
            user: UserId(text(USER_ID)?.parse()?),
            event_type: EventType::from_name(text("type")?),
            occurred_at: attribute::get_time(item, "occurred_at")?,
            utc_offset_minutes: attribute::find_number(item, UTC_OFFSET)?,
            schema_version: attribute::get_number(item, "schema_version")?,
            data: serde_json::from_str(text("data")?).context("the data of a stored event cannot be read")?,
            extra: match item.get(EXTRA) {
                None => Map::new(),
                Some(_) => serde_json::from_str(text(EXTRA)?).context("a stored event cannot be read")?,
            },
        },
        ingested_at: attribute::get_time(item, "ingested_at")?,
        provenance: provenance(item)?,
    })
}

/// Where an event came from; unknown for one that was stored before this was recorded.
fn provenance(item: &Item) -> Result<Provenance> {
    if !item.contains_key(SOURCE) {
        return Ok(Provenance::default());
    }
    let source = EventSource::from_name(attribute::get_string(item, SOURCE)?);
    Ok(Provenance::stored(source, attribute::get_string(item, SENDER)?))
}
