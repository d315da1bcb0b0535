//! Counting the stored events themselves, to see whether what is kept beside them
//! is right: the totals, the counts of the datasets, and what versions closed.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use chrono::Utc;
use serde::Serialize;

use super::overview::{Observe, Overview};
use crate::dataset::history::History;
use crate::dataset::membership::{Membership, OTHER};
use crate::dataset::settings::Settings;
use crate::dataset::totals::{EventKind, Totals};
use crate::dataset::{Counts, Dataset};
use crate::event::EventType;
use crate::store::{Clients, EventScan, UserEvents};

/// A number that is kept, and the one that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is counted, e.g. `spending records`.
    pub what: String,
    pub kept: u64,
    pub counted: u64,
}

impl Check {
    pub fn differs(&self) -> bool {
        self.kept != self.counted
    }
}

/// What one dataset's stored events come to.
#[derive(Clone, Debug, Default)]
struct Recount {
    all: Counts,
    kinds: Totals,
    users_with_transactions: u64,
    /// Users by the segment that they are in.
    segments: BTreeMap<String, u64>,
}

#[derive(Clone, Debug)]
pub struct Reconcile {
    observe: Observe,
    scan: EventScan,
    settings: Settings,
}

impl Reconcile {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            scan: EventScan::new(clients, settings.scan_segments),
            settings: settings.clone(),
        }
    }

    /// Reads every event that feeds a dataset, once a dataset. What comes in
    /// meanwhile shows as a difference: it is for quiet hours.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn reconcile(&self) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for dataset in Dataset::all() {
            // Read together, and before the events: what comes in later is counted but not kept.
            let collected = self.observe.collected().await?;
            let Some(overview) = self.observe.without_forecast(dataset, Utc::now()).await? else { continue };
            let recount = self.recount(dataset).await?;
            let mut check = |what: &str, kept, counted| {
                checks.push(Check { what: format!("{dataset} {what}"), kept, counted });
            };
            let kept = kept(&overview);
            check("events", kept.events, recount.all.events);
            check("counted", kept.counting, recount.all.counting);
            check("records", overview.records, recount.kinds.records(dataset));
            for (class, records) in recount.kinds.classes(dataset) {
                let kept = overview.classes.iter().find(|(name, _)| *name == class).map_or(0, |(_, kept)| *kept);
                check(&format!("{class} records"), kept, records);
            }
            if dataset == Dataset::SPENDING {
                check("users", collected.users, recount.users_with_transactions);
            }
            if dataset == Dataset::SEGMENTATION {
                for (segment, kept, counted) in by_segment(&collected.segments, &recount.segments) {
                    check(&format!("users in {segment}"), kept, counted);
                }
            }
        }
        Ok(checks)
    }

    async fn recount(&self, dataset: Dataset) -> Result<Recount> {
        let count = |recount: &mut Recount, user: UserEvents| self.count(dataset, recount, &user);
        let segments = self.scan.fold_inputs(dataset, None, Recount::default, count).await?;
        Ok(segments.into_iter().fold(Recount::default(), |mut all, segment| {
            all.all += segment.all;
            all.kinds.merge(segment.kinds);
            all.users_with_transactions += segment.users_with_transactions;
            for (name, users) in segment.segments {
                *all.segments.entry(name).or_default() += users;
            }
            all
        }))
    }

    fn count(&self, dataset: Dataset, recount: &mut Recount, user: &UserEvents) {
        let times = self.settings.limits.times;
        for stored in &user.events {
            recount.all.events += 1;
            recount.all.counting += u64::from(dataset.counts(&stored.event) && stored.has_plausible_time(times));
            recount.kinds.add(EventKind::of(&stored.event), 1);
        }
        let plausible = || user.events.iter().filter(|stored| stored.has_plausible_time(times));
        let memberships = plausible().filter_map(|stored| Membership::of(&stored.event));
        if let Some(membership) = memberships.reduce(Membership::latest) {
            *recount.segments.entry(membership.name).or_default() += 1;
        }
        let transactions = plausible().filter(|stored| stored.event.event_type == EventType::TransactionCreation);
        if let Some(history) = History::of(transactions.map(|stored| stored.event.occurred_at)) {
            recount.users_with_transactions += 1;
            recount.all.counting += u64::from(dataset.counts_users() && history.suffices(&self.settings.sufficiency));
        }
    }
}

/// Segments by name, with the users that are kept and counted. Where there are so many
/// names that some are kept as `other`, only all of them together can be compared.
fn by_segment(kept: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) -> Vec<(String, u64, u64)> {
    let users = |of: &BTreeMap<String, u64>, name: &str| of.get(name).copied().unwrap_or_default();
    let all = ("any segment".to_owned(), kept.values().sum(), counted.values().sum());
    if users(kept, OTHER) != users(counted, OTHER) {
        return vec![all];
    }
    let names: BTreeSet<&String> = kept.keys().chain(counted.keys()).collect();
    let each = names.into_iter().map(|name| (name.clone(), users(kept, name), users(counted, name)));
    each.chain([all]).collect()
}

/// Of all epochs, less what was erased.
fn kept(overview: &Overview) -> Counts {
    overview.head.stored() + overview.open
}
