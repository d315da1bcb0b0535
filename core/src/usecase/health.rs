//! Whether what the service stands on answers, and whether its work gets done.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::overview::{Observe, Overview};
use crate::dataset::Dataset;
use crate::dataset::lifecycle::State;
use crate::dataset::settings::Settings;
use crate::store::{Bus, Clients, Fact, Objects};
use crate::telemetry::Signal;

/// What does not answer by then counts as down.
const PATIENCE: Duration = Duration::from_secs(8);
/// Work that has waited this long beyond its minimum interval has been forgotten:
/// as long as a preparation's lease, and many sweeps.
const OVERDUE: chrono::Duration = chrono::Duration::minutes(15);

/// How a service, or the whole of it, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Healthy,
    /// Events are taken in, but something behind does not work or is late.
    Degraded,
    /// Events cannot be taken in.
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dependencies {
    pub status: Health,
    pub dependencies: Vec<Dependency>,
    /// What has been waiting longest for its next step; `null` where nothing waits.
    pub oldest_unprocessed_trigger: Option<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Dependency {
    pub name: &'static str,
    pub status: Health,
    pub latency_ms: f64,
}

/// A dataset whose next step has not been taken.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Waiting {
    pub dataset: Dataset,
    #[serde(rename = "for")]
    pub step: Step,
    pub since: DateTime<Utc>,
    pub age_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Evaluation,
    Assessment,
    Preparation,
}

#[derive(Clone, Debug)]
pub struct CheckHealth {
    observe: Observe,
    objects: Objects,
    bus: Bus,
    settings: Settings,
}

impl CheckHealth {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            observe: Observe::new(clients, settings),
            objects: Objects::new(clients),
            bus: Bus::new(clients),
            settings: settings.clone(),
        }
    }

    /// Asks every dependency, all at once. Each failure is logged; what it was is
    /// nobody else's business.
    pub async fn check(&self, now: DateTime<Utc>) -> Dependencies {
        let ((dynamodb, overviews), (s3, _), (bus, _)) = tokio::join!(
            ask("dynamodb", Health::Unavailable, self.observe.all_at(now)),
            ask("s3", Health::Degraded, self.objects.reach()),
            ask("bus", Health::Degraded, self.bus.publish(&Fact::HealthChecked)),
        );
        let oldest = overviews.and_then(|overviews| oldest(&overviews, &self.settings, now));
        let late = is_overdue(oldest.as_ref(), &self.settings);
        let dependencies = vec![dynamodb, s3, bus];
        let worst = dependencies.iter().map(|dependency| dependency.status).max().unwrap_or(Health::Healthy);
        let status = if late { worst.max(Health::Degraded) } else { worst };
        Dependencies { status, dependencies, oldest_unprocessed_trigger: oldest }
    }
}

/// Of the overviews alone: whether some work is overdue.
pub fn health(overviews: &[Overview], settings: &Settings, now: DateTime<Utc>) -> Health {
    if is_overdue(oldest(overviews, settings, now).as_ref(), settings) { Health::Degraded } else { Health::Healthy }
}

/// How each dataset stands, for those who are alarmed by what takes too long.
pub fn standings(overviews: &[Overview], settings: &Settings, now: DateTime<Utc>) -> Vec<Signal<'static>> {
    let standing = |overview: &Overview| {
        let head = &overview.head;
        let blocked = if head.state == State::Blocked { (now - head.state_since).num_seconds() } else { 0 };
        let waiting = waiting(overview, settings, now).map_or(0, |waiting| waiting.age_seconds);
        let seconds = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
        Signal::Standing { dataset: head.dataset, blocked: seconds(blocked), waiting: seconds(waiting) }
    };
    overviews.iter().map(standing).collect()
}

fn is_overdue(waiting: Option<&Waiting>, settings: &Settings) -> bool {
    waiting.is_some_and(|waiting| waiting.age_seconds > (settings.min_interval + OVERDUE).num_seconds())
}

fn oldest(overviews: &[Overview], settings: &Settings, now: DateTime<Utc>) -> Option<Waiting> {
    overviews.iter().filter_map(|overview| waiting(overview, settings, now)).min_by_key(|waiting| waiting.since)
}

fn waiting(overview: &Overview, settings: &Settings, now: DateTime<Utc>) -> Option<Waiting> {
    let head = &overview.head;
    let dataset = head.dataset;
    let (step, since) = match head.state {
        State::Collecting if overview.open.counting >= settings.threshold(dataset) => {
            (Step::Evaluation, overview.newest_arrival?)
        }
        // Without a record there is nothing to assess.
        State::Assessing if overview.records > 0 => (Step::Assessment, head.state_since),
        State::Ready if settings.auto_prepares(dataset) && dataset.spec().preparable => {
            (Step::Preparation, head.state_since)
        }
        // While its lease runs, somebody is at it.
        State::Preparing if !head.preparation.as_ref()?.is_leased(now) => (Step::Preparation, head.state_since),
        State::Collecting | State::Assessing | State::Ready | State::Blocked | State::Preparing => return None,
    };
    Some(Waiting { dataset, step, since, age_seconds: (now - since).num_seconds().max(0) })
}

async fn ask<T>(
    name: &'static str,
    when_down: Health,
    question: impl Future<Output = Result<T>>,
) -> (Dependency, Option<T>) {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(PATIENCE, question).await;
    let latency_ms = (begun.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    let answer = match outcome {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(dependency = name, error = format!("{error:#}"), "a dependency fails");
            None
        }
        Err(_) => {
            tracing::warn!(dependency = name, "a dependency does not answer in time");
            None
        }
    };
    let status = if answer.is_some() { Health::Healthy } else { when_down };
    (Dependency { name, status, latency_ms }, answer)
}
