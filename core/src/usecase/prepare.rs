//! Making a version: close the epoch, build the files, commit.
//!
//! What is being made is written on the dataset's head before anything is done,
//! and every step may be repeated, so whoever finds an unfinished preparation
//! can finish it. The manifest is put last and never replaced: a version is
//! there when its manifest is.

mod build;
mod tasks;

use anyhow::{Context, Result};
use chrono::{DateTime, Duration, Utc};

use self::build::{Build, Put};
pub use self::tasks::{MOST_SEGMENTS, Plan};
use super::overview::{Observe, Overview};
use crate::dataset::lifecycle::{Head, Preparation, State};
use crate::dataset::readiness::Readiness;
use crate::dataset::settings::Settings;
use crate::dataset::{Counts, Dataset, Epoch, Version};
use crate::store::{Bus, Clients, Counters, Fact, Heads, Hold, Objects, Saved, VersionRecord, Versions};

/// How long a preparation is left alone before it counts as crashed: as long as a Lambda may run.
pub const LEASE: Duration = Duration::minutes(15);

/// How often it is decided anew whether to prepare, where others made versions meanwhile.
const DECISIONS: u32 = 10;

/// Who asks, and how firmly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A fact on the bus: only a ready dataset is prepared, and not while held.
    Automatic,
    /// Somebody: only a ready dataset is prepared.
    Ready,
    /// Somebody who wants a version although the dataset is not ready, and says why.
    Forced { reason: String },
    /// Finishes what was begun at that time, without waiting for its lease: for
    /// whoever knows that nobody is at it any more.
    TakeOver { begun_at: DateTime<Utc> },
}

impl Request {
    /// Whether there is something to do where `standing` is under way, if anything is: what
    /// was to be taken over may be over, and another may have begun since.
    fn is_for(&self, standing: Option<&Preparation>) -> bool {
        match self {
            Self::TakeOver { begun_at } => standing.is_some_and(|standing| standing.started_at == *begun_at),
            Self::Automatic | Self::Ready | Self::Forced { .. } => true,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Prepared {
    New(VersionRecord),
    /// Nothing has come in since this version.
    Current(VersionRecord),
    /// Automatic, and not due; or nothing to take over.
    NotDue,
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("this build knows no rows of {0} and cannot prepare it")]
    NotAvailable(Dataset),
    #[error("{0} is not initialized")]
    NotInitialized(Dataset),
    #[error("no pseudonym key is set: set LEARNING_PSEUDONYM_KEY (make one with `openssl rand -hex 32`)")]
    NoKey,
    #[error("{dataset} has nothing to prepare: no event has come in yet")]
    Nothing { dataset: Dataset },
    #[error("{dataset} is not ready")]
    NotReady { dataset: Dataset, readiness: Readiness },
    #[error("version {version} of {dataset} is being prepared since {}", .since.format("%FT%TZ"))]
    UnderWay { dataset: Dataset, version: Version, since: DateTime<Utc> },
    /// By another preparation, an assessment, or an erasure, between a read and a write.
    #[error("{dataset} was changed by somebody else at the same time: ask again")]
    Changed { dataset: Dataset },
    #[error(transparent)]
    Store(#[from] anyhow::Error),
}

#[derive(Clone, Debug)]
pub struct Prepare {
    observe: Observe,
    heads: Heads,
    counters: Counters,
    versions: Versions,
    objects: Objects,
    build: Build,
    hold: Hold,
    bus: Bus,
    clients: Clients,
    settings: Settings,
}

impl Prepare {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            heads: Heads::new(clients),
            counters: Counters::new(clients),
            versions: Versions::new(clients),
            objects: Objects::new(clients),
            build: Build::new(clients, settings),
            hold: Hold::new(clients),
            bus: Bus::new(clients),
            clients: clients.clone(),
            settings: settings.clone(),
        }
    }

    /// Prepares the next version of a dataset, or answers the one that is current.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub async fn prepare(
        &self,
        dataset: Dataset,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<Prepared, PrepareError> {
        if !dataset.spec().preparable {
            return match request {
                Request::Automatic | Request::TakeOver { .. } => Ok(Prepared::NotDue),
                Request::Ready | Request::Forced { .. } => Err(PrepareError::NotAvailable(dataset)),
            };
        }
        if self.settings.pseudonym_key.is_none() {
            return Err(PrepareError::NoKey);
        }
        if *request == Request::Automatic && (!self.settings.auto_prepares(dataset) || self.hold.is_active(now).await?)
        {
            return Ok(Prepared::NotDue);
        }
        let mut decisions = DECISIONS;
        let begun = loop {
            let overview = self.observe.one(dataset).await?.ok_or(PrepareError::NotInitialized(dataset))?;
            if !request.is_for(overview.head.preparation.as_ref()) {
                return Ok(Prepared::NotDue);
            }
            let begun = match overview.head.preparation {
                Some(_) => break self.take_over(overview.head, request, now).await?,
                None => self.begin(overview, request, now).await,
            };
            match begun {
                Err(PrepareError::Changed { .. }) if decisions > 1 => decisions -= 1,
                Err(error) => return Err(error),
                Ok(Begun::Preparation(head)) => break head,
                Ok(Begun::Settled(prepared)) => return Ok(prepared),
            }
        };
        let version = self.finish_or_let_go(begun, now).await?;
        Ok(Prepared::New(version))
    }

    /// A preparation that fails is let go of, so that the next who asks takes it up
    /// at once: an erasure may have changed what it was reading.
    async fn finish_or_let_go(&self, head: Head, now: DateTime<Utc>) -> Result<VersionRecord, PrepareError> {
        let dataset = head.dataset;
        let error = match self.finish(head, now).await {
            Ok(version) => return Ok(version),
            Err(error) => error,
        };
        if let Err(other) = self.let_go(dataset, None, now).await {
            tracing::warn!(%dataset, error = %other, "a failed preparation was not let go of");
        }
        Err(error)
    }

    /// Lets go of what is being prepared, if anything is; `failure` is noted in the
    /// timeline.
    async fn let_go(&self, dataset: Dataset, failure: Option<&str>, now: DateTime<Utc>) -> Result<bool, PrepareError> {
        let Some(mut head) = self.heads.read(dataset).await? else { return Ok(false) };
        match self.heads.change(&mut head, now, |head| Ok::<_, PrepareError>(head.let_go(failure, now))).await? {
            Some(Saved::Yes) => Ok(true),
            Some(Saved::Conflict) => Err(PrepareError::Changed { dataset }),
            None => Ok(false),
        }
    }

    /// Prepares the input of the newest version anew, as its successor: for when
    /// what is stored of it, or the configuration, has changed. No epoch is closed,
    /// so what is being collected goes on being collected.
    ///
    /// Where events were erased, the head's [`Head::erased`] must say so before.
    ///
    /// # Errors
    /// See [`PrepareError`]; [`PrepareError::Nothing`] where there is no version yet.
    pub async fn prepare_again(
        &self,
        dataset: Dataset,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<VersionRecord, PrepareError> {
        if self.settings.pseudonym_key.is_none() {
            return Err(PrepareError::NoKey);
        }
        let overview = self.observe.one(dataset).await?.ok_or(PrepareError::NotInitialized(dataset))?;
        let head = overview.head;
        if head.preparation.is_some() {
            // Whatever it is: when it is done, this may be asked again.
            return Err(under_way(&head));
        }
        let (Some(epoch), Some(_)) = (head.epoch.previous(), head.last_version) else {
            return Err(PrepareError::Nothing { dataset });
        };
        let head = self.begin_on(head, epoch, Some(Counts::default()), Some(reason), now).await?;
        self.finish_or_let_go(head, now).await
    }

    /// Writes down that the next version is being made, where one is due.
    async fn begin(&self, overview: Overview, request: &Request, now: DateTime<Utc>) -> Result<Begun, PrepareError> {
        let dataset = overview.head.dataset;
        if overview.open.events == 0 && *request != Request::Automatic {
            return match overview.head.last_version {
                None => Err(PrepareError::Nothing { dataset }),
                Some(version) => Ok(Begun::Settled(Prepared::Current(self.version(dataset, version).await?))),
            };
        }
        let readiness = overview.readiness(&self.settings);
        let forced = match request {
            Request::Automatic if !readiness.ready => return Ok(Begun::Settled(Prepared::NotDue)),
            Request::Ready if !readiness.ready => return Err(PrepareError::NotReady { dataset, readiness }),
            Request::Forced { reason } if !readiness.ready => Some(self.settings.privacy.redact_text(reason).0),
            _ => None,
        };
        let epoch = overview.head.epoch;
        Ok(Begun::Preparation(self.begin_on(overview.head, epoch, None, forced.as_deref(), now).await?))
    }

    /// Takes up what somebody began, unless they may still be at it.
    async fn take_over(&self, mut head: Head, request: &Request, now: DateTime<Utc>) -> Result<Head, PrepareError> {
        if let Some(preparation) = &mut head.preparation {
            let may_be_at_work = preparation.is_leased(now) && !matches!(request, Request::TakeOver { .. });
            if preparation.is_swept(now) || may_be_at_work {
                return Err(under_way(&head));
            }
            preparation.lease(now + LEASE);
        }
        self.save(&mut head, now).await?;
        Ok(head)
    }

    /// Writes down on a head that a version of `epoch` is being made; `counts` where that
    /// epoch is closed already. What readiness or an erasure wrote since the head was read
    /// stays. Of two who begin at once, one wins; the other is told who did, or that they
    /// are done already.
    async fn begin_on(
        &self,
        mut head: Head,
        epoch: Epoch,
        counts: Option<Counts>,
        forced: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Head, PrepareError> {
        let dataset = head.dataset;
        let decided_on = (head.epoch, head.last_version);
        let written = self.heads.change(&mut head, now, |head| {
            if head.preparation.is_some() {
                return Err(under_way(head));
            }
            if (head.epoch, head.last_version) != decided_on {
                return Err(PrepareError::Changed { dataset });
            }
            let begun = Preparation::begun(head, epoch, counts, now, now + LEASE);
            head.preparation = Some(Preparation { forced: forced.map(str::to_owned), ..begun });
            head.enter(State::Preparing, now);
            Ok(true)
        });
        match written.await? {
            Some(Saved::Yes) => Ok(head),
            Some(Saved::Conflict) | None => Err(PrepareError::Changed { dataset }),
        }
    }

    /// From a written-down preparation to a version.
    async fn finish(&self, mut head: Head, now: DateTime<Utc>) -> Result<VersionRecord, PrepareError> {
        let (preparation, new) = self.close(&mut head, now).await?;
        self.clear_outdated(&head, &preparation).await?;
        let put = match self.build.version(&head, &preparation, new, now).await {
            Ok(put) => put,
            Err(error) => return Err(self.told_apart(&head, error).await?),
        };
        self.commit_files(head, put, now).await
    }

    /// A version that could not be built because users were erased meanwhile is
    /// nobody's fault, and can be built now.
    async fn told_apart(&self, head: &Head, error: anyhow::Error) -> Result<PrepareError> {
        let dataset = head.dataset;
        let now = self.heads.read(dataset).await?;
        if now.is_some_and(|now| now.erased != head.erased) {
            tracing::info!(%dataset, error = format!("{error:#}"), "users were erased while a version was built");
            return Ok(PrepareError::Changed { dataset });
        }
        Ok(PrepareError::Store(error))
    }

    /// From files that are in place to a version that everybody knows of.
    async fn commit_files(&self, mut head: Head, put: Put, now: DateTime<Utc>) -> Result<VersionRecord, PrepareError> {
        // The manifest vouches for the files: nobody may have swept them, or erased users,
        // since the head was read, and from here on nobody takes this for abandoned.
        if let Some(preparation) = &mut head.preparation {
            preparation.lease(preparation.lease_until.max(Utc::now() + LEASE));
        }
        self.save(&mut head, now).await?;
        self.build.commit(&put).await?;
        self.record(head, put.record, now).await
    }

    /// Closes the epoch of a written-down preparation, unless that was done already.
    async fn close(&self, head: &mut Head, now: DateTime<Utc>) -> Result<(Preparation, Counts), PrepareError> {
        let dataset = head.dataset;
        let preparation = head.preparation.clone().context("there is no preparation to finish")?;
        if let Some(counts) = preparation.counts {
            return Ok((preparation, counts));
        }
        let counts = self.counters.close(dataset, preparation.epoch).await?;
        head.closed += counts;
        head.epoch = preparation.epoch.next();
        head.preparation = Some(Preparation { counts: Some(counts), ..preparation.clone() });
        self.save(head, now).await?;
        tracing::info!(%dataset, version = %preparation.version, events = counts.events, "an epoch is closed");
        Ok((preparation, counts))
    }

    /// Clears away what an attempt before an erasure has left behind: it holds erased
    /// rows, and nobody was told of it yet.
    async fn clear_outdated(&self, head: &Head, preparation: &Preparation) -> Result<()> {
        if preparation.is_outdated(head) {
            self.objects.delete_all(&format!("prepared/{}/{}/", head.dataset, preparation.version)).await?;
        }
        Ok(())
    }

    /// From a committed manifest to a version that everybody knows of.
    async fn record(
        &self,
        mut head: Head,
        record: VersionRecord,
        now: DateTime<Utc>,
    ) -> Result<VersionRecord, PrepareError> {
        let dataset = head.dataset;
        let outdated = head.preparation.as_ref().is_some_and(|preparation| preparation.is_outdated(&head));
        let record = match self.versions.add(&record).await? {
            Saved::Yes => record,
            Saved::Conflict if outdated => {
                self.versions.replace(&record).await?;
                record
            }
            Saved::Conflict => self.version(dataset, record.version).await?,
        };
        self.build.point_latest_to(&record).await?;

        head.preparation = None;
        head.last_version = Some(record.version);
        // The next epoch may be full already: who hears that this one is prepared evaluates it.
        head.enter(State::Collecting, Utc::now());
        self.save(&mut head, now).await?;
        tracing::info!(%dataset, version = %record.version, rows = record.rows, "a version is prepared");
        let fact = Fact::DatasetPrepared {
            dataset,
            version: record.version,
            manifest: self.objects.uri(&record.manifest),
            digest: record.digest.clone(),
        };
        if let Err(error) = self.bus.publish(&fact).await {
            // The version is there; those who wait for it also find it in latest.json.
            tracing::warn!(%dataset, error = format!("{error:#}"), "a prepared version was not announced");
        }
        Ok(record)
    }

    async fn version(&self, dataset: Dataset, version: Version) -> Result<VersionRecord> {
        self.versions.read(dataset, version).await?.with_context(|| format!("{dataset} has no record of {version}"))
    }

    /// Somebody else at work on the same head does the same work: they go on, we stop.
    async fn save(&self, head: &mut Head, now: DateTime<Utc>) -> Result<(), PrepareError> {
        match self.heads.save(head, now).await? {
            Saved::Yes => Ok(()),
            Saved::Conflict => Err(PrepareError::Changed { dataset: head.dataset }),
        }
    }
}

fn under_way(head: &Head) -> PrepareError {
    let dataset = head.dataset;
    match &head.preparation {
        Some(preparation) => {
            PrepareError::UnderWay { dataset, version: preparation.version, since: preparation.started_at }
        }
        None => PrepareError::Nothing { dataset },
    }
}

enum Begun {
    Preparation(Head),
    Settled(Prepared),
}
