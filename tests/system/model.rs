//! Readiness against a simple model of it: random events, assessments and
//! closings, with triggers that are lost, doubled and delivered in any order.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use fincoach_local::engine::Delivery;
use learning_core::dataset::Dataset;
use learning_core::dataset::lifecycle::State;
use learning_core::event::identity::Occurrences;
use learning_core::store::Timeline;
use learning_core::usecase::{
    Announce, Assess, Assessed, Evaluate, Ingest, Observe, Outcome, Prepare, PrepareError, Prepared, Request, Trigger,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::bare::{Bare, terms};
use crate::support::transaction;

const STEPS: u32 = 2_400;
const DATASET: Dataset = Dataset::SPENDING;
const THRESHOLD: u64 = 12;

/// What readiness ought to be, in the fewest words.
#[derive(Debug)]
struct Model {
    state: State,
    since: DateTime<Utc>,
    epoch: u32,
    new: u64,
    records: u64,
    /// Records, outcome and time of the last assessment.
    assessed: Option<(u64, bool, DateTime<Utc>)>,
    changes: Vec<(State, State)>,
    /// How often each epoch was announced as ready other than by a sweep.
    announced: BTreeMap<u32, u32>,
}

impl Model {
    fn passed(&self) -> bool {
        self.assessed.is_some_and(|(_, passed, _)| passed)
    }

    fn is_ready(&self) -> bool {
        self.new >= THRESHOLD && self.passed()
    }

    fn evaluate(&mut self, now: DateTime<Utc>) {
        let is_fresh = self.assessed.is_some_and(|(records, _, at)| {
            records == self.records || (self.state == State::Assessing && at >= self.since)
        });
        let next = if self.new < THRESHOLD {
            State::Collecting
        } else if self.passed() && (is_fresh || self.state == State::Ready) {
            State::Ready
        } else if is_fresh {
            State::Blocked
        } else {
            State::Assessing
        };
        self.enter(next, now);
    }

    fn enter(&mut self, next: State, now: DateTime<Utc>) {
        if next != self.state {
            self.changes.push((self.state, next));
            (self.state, self.since) = (next, now);
        }
    }

    /// A version closes the epoch.
    fn close(&mut self, now: DateTime<Utc>) {
        self.enter(State::Preparing, now);
        self.enter(State::Collecting, now);
        self.epoch += 1;
        self.new = 0;
    }
}

struct Trial {
    bare: Bare,
    ingest: Ingest,
    evaluate: Evaluate,
    assess: Assess,
    prepare: Prepare,
    observe: Observe,
    timeline: Timeline,
    model: Model,
    random: StdRng,
    now: DateTime<Utc>,
    /// Whether each event that was sent, by its number, is a bad one.
    sent: Vec<bool>,
    /// Triggers that are on their way: changed counters, and facts.
    under_way: Vec<OnItsWay>,
}

#[derive(Clone, Debug)]
enum OnItsWay {
    Counted,
    Fact(Box<Delivery>),
}

impl Trial {
    async fn start(seed: u64) -> Self {
        let bare = Bare::start(&[("THRESHOLD_SPENDING", "12"), ("QUALITY_GATE", "0.9"), ("SCAN_SEGMENTS", "1")]).await;
        let (clients, settings) = (&bare.clients, &bare.settings);
        let now = Utc::now();
        Self {
            ingest: Ingest::new(clients, settings),
            evaluate: Evaluate::new(clients, settings),
            assess: Assess::new(clients, settings),
            prepare: Prepare::new(clients, settings),
            observe: Observe::new(clients, settings),
            timeline: Timeline::new(clients),
            model: Model {
                state: State::Collecting,
                since: now,
                epoch: 1,
                new: 0,
                records: 0,
                assessed: None,
                changes: Vec::new(),
                announced: BTreeMap::new(),
            },
            random: StdRng::seed_from_u64(seed),
            now,
            sent: Vec::new(),
            under_way: Vec::new(),
            bare,
        }
    }

    async fn step(&mut self) {
        self.now += Duration::seconds(1);
        match self.random.random_range(0..100) {
            0..35 => self.send().await,
            35..70 => self.deliver().await,
            70..80 => self.lose(),
            80..92 => self.sweep().await,
            92..97 => self.assess(Trigger::Request).await,
            _ => self.prepare(&Request::Forced { reason: "a trial".to_owned() }).await,
        }
        self.compare().await;
    }

    /// A few events, some of them sent before. They are bad while quality is above
    /// the gate, and good while it is below, so that it keeps crossing it.
    async fn send(&mut self) {
        let count = self.random.random_range(1..6);
        let first = self.sent.len();
        self.sent.extend(std::iter::repeat_n(self.model.passed(), count));
        let mut events: Vec<Value> = (first..first + count).map(|number| self.event(number)).collect();
        if first > 0 && self.random.random_range(0..4) == 0 {
            let earlier = self.random.random_range(0..first);
            events.push(self.event(earlier));
        }
        let outcomes = self
            .ingest
            .ingest(
                events.into_iter().map(|event| Ok(event.into())).collect(),
                &terms(self.now),
                &mut Occurrences::default(),
            )
            .await
            .unwrap();
        let accepted = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Accepted { .. })).count() as u64;
        assert_eq!(accepted, count as u64);
        self.model.new += accepted;
        self.model.records += accepted;
        self.under_way.push(OnItsWay::Counted);
    }

    fn event(&self, number: usize) -> Value {
        let mut event = transaction(number as u32 % 5, number as u32);
        if self.sent[number] {
            event["data"]["category"] = Value::Null;
            event["data"]["amount"] = json!(-1);
            event["data"]["currency"] = json!("money");
            event["data"]["merchant_name"] = json!(7);
        }
        event
    }

    fn pick(&mut self) -> Option<usize> {
        (!self.under_way.is_empty()).then(|| self.random.random_range(0..self.under_way.len()))
    }

    fn lose(&mut self) {
        if let Some(place) = self.pick() {
            self.under_way.swap_remove(place);
        }
    }

    /// Delivers any trigger that is on its way; one in four stays there, to come again.
    async fn deliver(&mut self) {
        let Some(place) = self.pick() else { return };
        let trigger = match self.random.random_range(0..4) {
            0 => self.under_way[place].clone(),
            _ => self.under_way.swap_remove(place),
        };
        match trigger {
            OnItsWay::Counted => self.evaluate(Announce::Changes).await,
            OnItsWay::Fact(delivery) => match delivery.target.as_str() {
                "readiness-check" => self.evaluate(Announce::Changes).await,
                "quality-assessment" => self.assess(Trigger::Automatic).await,
                "data-preparation" => self.prepare(&Request::Automatic).await,
                other => panic!("nobody is {other}"),
            },
        }
    }

    /// Sometimes two at once.
    async fn sweep(&mut self) {
        if self.random.random_range(0..5) == 0 {
            let sweep = || self.evaluate.evaluate(DATASET, Announce::Standing, self.now);
            let (one, other) = tokio::join!(sweep(), sweep());
            self.model.evaluate(self.now);
            if one.unwrap() != other.unwrap() {
                // One came after the other, and saw what that had written.
                self.model.evaluate(self.now);
            }
            self.hear(true).await;
        } else {
            self.evaluate(Announce::Standing).await;
        }
    }

    async fn evaluate(&mut self, announce: Announce) {
        self.evaluate.evaluate(DATASET, announce, self.now).await.unwrap();
        self.model.evaluate(self.now);
        self.hear(announce == Announce::Standing).await;
    }

    async fn assess(&mut self, trigger: Trigger) {
        match self.assess.assess(DATASET, trigger, self.now).await {
            Ok(Assessed::New(record)) => {
                self.model.assessed = Some((self.model.records, record.passed, self.now));
            }
            Ok(Assessed::Cached(_)) => {
                let (records, ..) = self.model.assessed.unwrap();
                assert_eq!(records, self.model.records, "an assessment of other records is no answer");
            }
            Ok(Assessed::NotDue | Assessed::Accepted(_)) => panic!("there is no interval to keep, and few records"),
            Err(error) => assert_eq!(self.model.records, 0, "{error}"),
        }
        self.hear(false).await;
    }

    async fn prepare(&mut self, request: &Request) {
        let due = match request {
            Request::Automatic => self.model.is_ready(),
            _ => self.model.new > 0,
        };
        match self.prepare.prepare(DATASET, request, self.now).await {
            Ok(Prepared::New(version)) => {
                assert!(due, "{:?}", self.model);
                assert_eq!((version.version.0, version.new.counting), (self.model.epoch, self.model.new));
                self.model.close(self.now);
            }
            Ok(Prepared::Current(_) | Prepared::NotDue) | Err(PrepareError::Nothing { .. }) => {
                assert!(!due, "{:?}", self.model);
            }
            Err(error) => panic!("{error}"),
        }
        self.hear(false).await;
    }

    /// Takes what the bus would deliver. A dataset may be announced as ready only
    /// when its state says so durably, and once an epoch, but for sweeps.
    async fn hear(&mut self, swept: bool) {
        while let Ok(delivery) = self.bare.deliveries.try_recv() {
            if delivery.event["detail"]["dataset"] != json!(DATASET) {
                continue;
            }
            if delivery.event["detail-type"] == "dataset ready" {
                let head = self.observe.one(DATASET).await.unwrap().unwrap().head;
                assert_eq!(head.state, State::Ready, "announced before it was durable");
                assert_eq!(delivery.event["detail"]["epoch"], json!(self.model.epoch));
                *self.model.announced.entry(self.model.epoch).or_default() += u32::from(!swept);
            }
            self.under_way.push(OnItsWay::Fact(Box::new(delivery)));
        }
        if self.model.state == State::Ready {
            let announced = self.model.announced.get(&self.model.epoch).copied();
            assert!(announced.is_some_and(|times| times <= 1), "announced {announced:?} times: {:?}", self.model);
        }
    }

    async fn compare(&mut self) {
        let overview = self.observe.one(DATASET).await.unwrap().unwrap();
        let (head, model) = (&overview.head, &self.model);
        assert_eq!(
            (head.state, head.epoch.0, overview.open.counting, overview.records),
            (model.state, model.epoch, model.new, model.records),
            "{model:?}"
        );
        assert_eq!(overview.readiness(&self.bare.settings).ready, model.is_ready(), "{model:?}");
    }

    async fn compare_timelines(&self) {
        let mut told = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let page = self.timeline.page(DATASET, 100, from.as_deref()).await.unwrap();
            told.extend(page.items);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        told.reverse();
        assert_eq!((told[0].from, told[0].to), (None, State::Collecting));
        let changes: Vec<_> = told[1..].iter().map(|change| (change.from.unwrap(), change.to)).collect();
        assert_eq!(changes, self.model.changes);
        assert!(told.iter().all(|change| !change.cause.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_what_a_simple_model_of_it_says() {
    let mut trial = Trial::start(20_261).await;
    for _ in 0..STEPS {
        trial.step().await;
    }
    trial.compare_timelines().await;
    let states: Vec<State> = trial.model.changes.iter().map(|(_, to)| *to).collect();
    for (state, least) in [(State::Ready, 20), (State::Blocked, 20), (State::Assessing, 50), (State::Preparing, 40)] {
        let times = states.iter().filter(|entered| **entered == state).count();
        assert!(times >= least, "the trial says little of {state:?}: entered {times} times");
    }
    trial.bare.stop().await;
}
