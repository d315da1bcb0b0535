//! Erasing a user. The tombstone comes first: while it stands, nothing of the user
//! is taken in. Then events, history and quarantined originals go, counts being
//! corrected in the same transactions; data-preparation then replaces the versions
//! that hold rows of the user ([`super::Replace`]). A receipt tells how far it is.

mod receipt;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::receipt::{ErasedVersions, Receipt, Receipts, Status};
use super::incoming::Parts;
use crate::dataset::lifecycle::{Head, Preparation};
use crate::dataset::totals::EventKind;
use crate::dataset::{Counts, Dataset, Epoch, PerDataset};
use crate::event::UserId;
use crate::store::{
    Addition, Bus, Clients, Counted, CounterShard, Counters, Eraser, Fact, Heads, Quarantine, Removal, Saved, ShardId,
    Tombstone, Uncounted,
};

/// Events of one transaction; heads, a counter shard and the tombstone go with them.
const BATCH: usize = 80;
/// How long an erasure lets versions that are being made come to their end, before it goes on in spite of them.
/// They would have to be made anew for each of its transactions; the larger they are, the less likely they
/// ever came to an end. The tombstone stands meanwhile, and the schedule comes again.
pub const PATIENCE: chrono::Duration = chrono::Duration::minutes(15);
/// How often a removal is tried against other writers.
const ATTEMPTS: u32 = 20;

#[derive(Clone, Debug)]
pub struct Erase {
    eraser: Eraser,
    counters: Counters,
    heads: Heads,
    quarantine: Quarantine,
    parts: Parts,
    receipts: Receipts,
    bus: Bus,
}

impl Erase {
    pub fn new(clients: &Clients) -> Self {
        Self {
            eraser: Eraser::new(clients),
            counters: Counters::new(clients),
            heads: Heads::new(clients),
            quarantine: Quarantine::new(clients),
            parts: Parts::new(clients),
            receipts: Receipts::new(clients),
            bus: Bus::new(clients),
        }
    }

    /// Puts the tombstone and opens the receipt; the rest follows on a fact. Asked
    /// again, it is the same receipt.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn request(&self, user: UserId, now: DateTime<Utc>) -> Result<Receipt> {
        let erasure = receipt_id(user);
        self.eraser.bury(user, erasure, now).await?;
        let receipt = match self.receipts.read(erasure).await? {
            Some(receipt) => receipt,
            None => self.receipts.open(Receipt::new(erasure, user, now)).await?,
        };
        if receipt.status != Status::Complete
            && let Err(error) = self.bus.publish(&Fact::ErasureRequested { erasure }).await
        {
            tracing::warn!(%erasure, error = format!("{error:#}"), "an erasure was not announced; the schedule takes it up");
        }
        Ok(receipt)
    }

    /// The receipt of a user's erasure; `None` where there is none of this id.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn receipt(&self, user: UserId, erasure: Uuid) -> Result<Option<Receipt>> {
        Ok(self.receipts.read(erasure).await?.filter(|receipt| receipt.user_id == user))
    }

    /// Erasures that are not complete.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn unfinished(&self) -> Result<Vec<Uuid>> {
        let receipts = self.receipts.all().await?;
        Ok(receipts.into_iter().filter(|r| r.status != Status::Complete).map(|r| r.erasure_id).collect())
    }

    /// Erases what is stored, as far as that is not done yet, and asks for the
    /// versions to be replaced. While versions are being made it does nothing, for
    /// up to [`PATIENCE`]; several erasures that have waited are served by one replacement.
    ///
    /// # Errors
    /// Whatever the store says; it is gone on with when it is asked for again.
    pub async fn carry_out(&self, erasure: Uuid, now: DateTime<Utc>) -> Result<Receipt> {
        let mut receipt = self.receipts.read(erasure).await?.context("there is no such erasure")?;
        let user = receipt.user_id;
        if receipt.erased_at.is_none() {
            self.eraser.bury(user, erasure, receipt.requested_at).await?;
            let is_under_way = |(_, preparation): &(Dataset, Preparation)| preparation.is_leased(now);
            if receipt.requested_at + PATIENCE > now && self.heads.preparations().await?.iter().any(is_under_way) {
                tracing::info!(%erasure, "an erasure waits for versions that are being made");
                return Ok(receipt);
            }
            self.remove_events(user).await?;
            self.parts.erase(user).await?;
            let quarantined = self.quarantine.list().await?;
            let theirs: Vec<_> = quarantined.into_iter().filter(|one| one.mentions(user)).collect();
            if !theirs.is_empty() {
                self.eraser.note_quarantined(user, theirs.len() as u64).await?;
                self.quarantine.release(&theirs).await?;
            }
            // Two may be at it: what either has found stands on the tombstone.
            let tombstone = self.tombstone(user).await?;
            receipt.events = tombstone.events;
            receipt.quarantined = tombstone.quarantined;
            receipt.affected = tombstone.affected;
            receipt.erased_at = Some(Utc::now());
            self.receipts.save(&receipt).await?;
        }
        for dataset in self.receipts.pending(&receipt).await? {
            self.bus.publish(&Fact::DataErased(dataset)).await?;
        }
        self.receipts.read(erasure).await?.context("the receipt came and went")
    }

    async fn tombstone(&self, user: UserId) -> Result<Tombstone> {
        self.eraser.tombstone(user).await?.context("the tombstone came and went")
    }

    async fn remove_events(&self, user: UserId) -> Result<()> {
        loop {
            let events = self.eraser.some_events(user).await?;
            let mut by_shard = BTreeMap::<ShardId, Vec<&Counted>>::new();
            for event in &events {
                by_shard.entry(event.shard).or_default().push(event);
            }
            for (shard, events) in by_shard {
                for batch in events.chunks(BATCH) {
                    self.remove(user, shard, batch.to_vec(), None).await?;
                }
            }
            if events.is_empty() {
                break;
            }
        }
        // The user is counted until no event says so any more.
        let tombstone = self.tombstone(user).await?;
        if let Some((_, shard)) = tombstone.sufficient {
            self.remove(user, shard, Vec::new(), Some(Uncounted::Sufficient)).await?;
        }
        if let Some(shard) = tombstone.counted_on {
            self.remove(user, shard, Vec::new(), Some(Uncounted::WithTransactions)).await?;
        }
        if self.eraser.membership(user).await?.is_some() {
            let any = ShardId::pick(rand::random());
            self.remove(user, any, Vec::new(), Some(Uncounted::InSegment)).await?;
        }
        Ok(())
    }

    /// Removes events that are counted on one shard, or the user from those whom it counts.
    async fn remove(
        &self,
        user: UserId,
        shard: ShardId,
        events: Vec<&Counted>,
        uncounted: Option<Uncounted>,
    ) -> Result<()> {
        for attempt in 0..ATTEMPTS {
            let state = self.counters.read(shard).await?.context("a counter shard is not there")?;
            let mut plan = Plan::new(&state);
            for event in &events {
                plan.take_off(event);
            }
            match uncounted {
                Some(Uncounted::Sufficient) => {
                    let Some((since, _)) = self.tombstone(user).await?.sufficient else { return Ok(()) };
                    plan.one_sufficient_less(since);
                }
                Some(Uncounted::WithTransactions) => {
                    if self.tombstone(user).await?.counted_on.is_none() {
                        return Ok(());
                    }
                    plan.open.users += 1;
                }
                Some(Uncounted::InSegment) => {
                    let Some(entry) = self.eraser.membership(user).await? else { return Ok(()) };
                    plan.open.segments.insert(entry.membership.name, 1);
                }
                None => {}
            }
            let heads = self.heads_after(&plan).await?;
            let removal = Removal {
                user,
                shard,
                epochs: state.epochs.clone(),
                affected: heads.iter().map(|head| head.dataset).filter(|dataset| plan.is_affected(*dataset)).collect(),
                subtraction: plan.open,
                heads,
                uncounted,
                events: events.clone(),
            };
            match self.eraser.remove(&removal).await? {
                Saved::Yes => return Ok(()),
                // Another erasure of the same user may have been here: the next look shows it.
                Saved::Conflict if attempt > 3 && !events.is_empty() && self.is_gone(user, &events).await? => {
                    return Ok(());
                }
                Saved::Conflict => tokio::time::sleep(Duration::from_millis(rand::random_range(5..100))).await,
            }
        }
        bail!("the events of a user could not be deleted against other writers: ask again")
    }

    async fn is_gone(&self, user: UserId, events: &[&Counted]) -> Result<bool> {
        let left = self.eraser.some_events(user).await?;
        Ok(!events.iter().all(|event| left.contains(event)))
    }

    /// The heads of all datasets that lose something: of closed epochs by number,
    /// of open ones by the moment, so that no assessment passes for current.
    async fn heads_after(&self, plan: &Plan) -> Result<Vec<Head>> {
        let mut heads = Vec::new();
        let now = Utc::now();
        for (dataset, closed) in plan.closed.iter() {
            if plan.open.counts[dataset] == Counts::default() && *closed == Counts::default() {
                continue;
            }
            let mut head = self.heads.read(dataset).await?.context("a dataset has no head")?;
            head.erased += *closed;
            head.last_erasure = Some(now);
            if let Some(epoch) = plan.earliest[dataset] {
                head.erased_from = Some(head.erased_from.map_or(epoch, |from| from.min(epoch)));
            }
            head.revision += 1;
            head.updated_at = now;
            heads.push(head);
        }
        Ok(heads)
    }
}

/// The receipt of a user's erasure has the same id each time.
fn receipt_id(user: UserId) -> Uuid {
    const NAMESPACE: Uuid = Uuid::from_u128(0x52b7_0c1e_84fa_4d19_b6d3_1e90_a7c5_6f28);
    Uuid::new_v5(&NAMESPACE, user.0.as_bytes())
}

/// What a removal takes off the counts.
struct Plan {
    epochs: PerDataset<Epoch>,
    /// Of the shard's own epochs, and the lifetime totals.
    open: Addition,
    /// Of epochs that the shard has closed.
    closed: PerDataset<Counts>,
    /// The earliest of those.
    earliest: PerDataset<Option<Epoch>>,
}

impl Plan {
    fn new(shard: &CounterShard) -> Self {
        Self {
            epochs: shard.epochs.clone(),
            open: Addition::default(),
            closed: PerDataset::default(),
            earliest: PerDataset::default(),
        }
    }

    fn take_off(&mut self, counted: &Counted) {
        let event = &counted.stored.event;
        self.open.totals.add(EventKind::of(event), 1);
        if let Some(name) = &counted.counted_as {
            *self.open.unknown_types.entry(name.clone()).or_default() += 1;
        }
        for (dataset, epoch) in counted.epochs.iter() {
            if let Some(epoch) = epoch {
                let counts =
                    Counts { events: 1, counting: u64::from(dataset.counts(event) && counted.has_plausible_time) };
                self.subtract(dataset, *epoch, counts);
            }
        }
    }

    fn one_sufficient_less(&mut self, since: Epoch) {
        self.subtract(Dataset::SEGMENTATION, since, Counts { events: 0, counting: 1 });
    }

    fn subtract(&mut self, dataset: Dataset, epoch: Epoch, counts: Counts) {
        if epoch >= self.epochs[dataset] {
            self.open.counts[dataset] += counts;
            return;
        }
        self.closed[dataset] += counts;
        let earliest = &mut self.earliest[dataset];
        *earliest = Some(earliest.map_or(epoch, |earliest| earliest.min(epoch)));
    }

    fn is_affected(&self, dataset: Dataset) -> bool {
        self.closed[dataset] != Counts::default()
    }
}
