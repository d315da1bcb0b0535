//! The goal dataset: one row for each moment at which a goal was created or
//! updated, with what was known then, and whether it was achieved in the end.
//!
//! A goal without an outcome is censored: nobody knows yet. So is one that was
//! deleted. What comes after a goal has ended is not a row; everything that is
//! left out is counted by its reason.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Map, Value, json};

use super::{DatasetRows, Out, Reads, nullable, required, singles, time};
use crate::dataset::settings::PseudonymKey;
use crate::event::schema::GOAL_INTERACTIONS;
use crate::features::{FEATURES, GOAL_FEATURES, GoalStanding, Ledger, Window, financial, goal};
use crate::preparation::PreparationError;
use crate::preparation::pseudonym::pseudonym;
use crate::preparation::table::Table;
use crate::preparation::user::{Fields, Report, User};

const DATA: usize = 0;

/// What happened to a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Create,
    Update,
    Achieve,
    Fail,
    Delete,
}

impl Change {
    fn from_name(name: &str) -> Option<Self> {
        const ALL: [Change; 5] = [Change::Create, Change::Update, Change::Achieve, Change::Fail, Change::Delete];
        GOAL_INTERACTIONS.iter().position(|word| *word == name).map(|place| ALL[place])
    }
}

#[derive(Debug)]
struct GoalEvent {
    at: DateTime<Utc>,
    change: Change,
    fields: Fields,
}

/// How a goal ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Outcome { achieved: bool, at: DateTime<Utc> },
    Deleted { at: DateTime<Utc> },
}

impl End {
    fn at(self) -> DateTime<Utc> {
        match self {
            End::Outcome { at, .. } | End::Deleted { at } => at,
        }
    }
}

#[derive(Debug)]
pub struct GoalRows {
    key: PseudonymKey,
    users: u64,
    goals: u64,
    events: u64,
    interaction_types: BTreeMap<String, u64>,
    rows: u64,
    labelled_rows: u64,
    censored_rows: u64,
    achieved: u64,
    failed: u64,
    /// Events that are in no row and no label, by reason.
    excluded: BTreeMap<&'static str, u64>,
}

/// A moment at which a row is due, and its goal.
struct Moment {
    at: DateTime<Utc>,
    goal: usize,
    standing: GoalStanding,
    end: Option<End>,
}

impl GoalRows {
    pub fn new(key: &PseudonymKey) -> Self {
        Self {
            key: key.clone(),
            users: 0,
            goals: 0,
            events: 0,
            interaction_types: BTreeMap::new(),
            rows: 0,
            labelled_rows: 0,
            censored_rows: 0,
            achieved: 0,
            failed: 0,
            excluded: BTreeMap::new(),
        }
    }

    fn exclude(&mut self, reason: &'static str) {
        *self.excluded.entry(reason).or_default() += 1;
    }

    /// A user's goals by their sender's id, each with its events in order. At the
    /// same moment a goal is created before it is updated, and ends last.
    fn goals(&mut self, reports: &[Report]) -> BTreeMap<String, Vec<GoalEvent>> {
        let mut goals = BTreeMap::<String, Vec<GoalEvent>>::new();
        for report in reports {
            self.events += 1;
            let fields = report.fields();
            let word = fields.text("interaction_type").unwrap_or_default();
            *self.interaction_types.entry(word.to_owned()).or_default() += 1;
            match (fields.id("goal_id"), Change::from_name(word)) {
                _ if !report.plausible_time => self.exclude("implausible_time"),
                (None, _) => self.exclude("no_goal_id"),
                (_, None) => self.exclude("unknown_interaction"),
                (Some(goal), Some(change)) => {
                    goals.entry(goal).or_default().push(GoalEvent { at: report.occurred_at(), change, fields });
                }
            }
        }
        for events in goals.values_mut() {
            // Stable: events of the same moment and kind stay in order of their ids.
            events.sort_by_key(|event| (event.at, event.change));
        }
        goals
    }

    /// The rows that one goal's events give.
    fn moments(&mut self, place: usize, events: &[GoalEvent]) -> Vec<Moment> {
        let ends = events.iter().position(|event| event.change > Change::Update);
        let end = ends.map(|place| match events[place].change {
            Change::Delete => End::Deleted { at: events[place].at },
            change => End::Outcome { achieved: change == Change::Achieve, at: events[place].at },
        });
        let (lived, after) = events.split_at(ends.unwrap_or(events.len()));
        for event in after.iter().skip(1) {
            self.exclude(if event.change > Change::Update { "end_after_the_end" } else { "change_after_the_end" });
        }
        let mut moments = Vec::with_capacity(lived.len());
        let mut standing = GoalStanding::default();
        for event in lived {
            standing.amount = event.fields.number("goal_amount").or(standing.amount);
            standing.current = event.fields.number("current_amount").or(standing.current);
            standing.target = event.fields.text("target_date").and_then(date).or(standing.target);
            if event.change == Change::Create {
                standing.created_at.get_or_insert(event.at);
            }
            if end.is_some_and(|end| end.at() <= event.at) {
                self.exclude("change_at_the_end");
            } else {
                moments.push(Moment { at: event.at, goal: place, standing, end });
            }
        }
        match end {
            Some(End::Outcome { .. }) if moments.is_empty() => self.exclude("outcome_without_row"),
            Some(End::Outcome { achieved: true, .. }) => self.achieved += 1,
            Some(End::Outcome { achieved: false, .. }) => self.failed += 1,
            _ => {}
        }
        moments
    }
}

impl DatasetRows for GoalRows {
    fn reads(&self) -> Reads {
        &[("goal_modification", &["goal_id", "interaction_type", "goal_amount", "current_amount", "target_date"])]
    }

    fn tables(&self) -> Vec<Table> {
        let mut fields =
            vec![required("subject", DataType::Utf8), required("goal_id", DataType::Utf8), required("as_of", time())];
        fields.extend(FEATURES.map(|feature| required(feature, DataType::Float32)));
        fields.extend(GOAL_FEATURES.map(|feature| nullable(feature, DataType::Float32)));
        fields.extend([
            // 1 achieved, 0 failed.
            nullable("label", DataType::Int8),
            nullable("label_ts", time()),
            required("censored", DataType::Boolean),
        ]);
        vec![Table { name: "data", fields, sorted_by: ["subject", "as_of"] }]
    }

    fn target(&self) -> &'static str {
        "label"
    }

    fn add_user(&mut self, user: &User, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), PreparationError> {
        let goals = self.goals(&user.reports);
        self.users += u64::from(!goals.is_empty());
        self.goals += goals.len() as u64;
        let names: Vec<String> = goals.keys().map(|name| pseudonym(&self.key, "goal", user.subject, name)).collect();
        let mut moments = Vec::new();
        for (place, events) in goals.values().enumerate() {
            moments.extend(self.moments(place, events));
        }
        moments.sort_by(|a, b| (a.at, &names[a.goal]).cmp(&(b.at, &names[b.goal])));

        let subject = user.subject.to_string();
        let mut window = Window::new(ledger);
        for Moment { at, goal: place, standing, end } in moments {
            window.advance(at);
            out.certify_features(at, window.latest())?;
            let features = financial(&window);
            let outcome = match end {
                Some(End::Outcome { achieved, at: label }) => {
                    out.certify_label(at, label)?;
                    Some((achieved, label))
                }
                Some(End::Deleted { .. }) | None => None,
            };
            self.rows += 1;
            self.labelled_rows += u64::from(outcome.is_some());
            self.censored_rows += u64::from(outcome.is_none());
            out.row(DATA)?
                .put(subject.as_str())
                .put(names[place].as_str())
                .put(at)
                .put_all(singles(&features))
                .put_all(goal(&standing, &features, at).map(|feature| feature.map(|feature| feature as f32)))
                .put(outcome.map(|(achieved, _)| i8::from(achieved)))
                .put(outcome.map(|(_, at)| at))
                .put(outcome.is_none());
        }
        Ok(())
    }

    fn statistics(&self) -> Map<String, Value> {
        let statistics = json!({
            "user_count": self.users,
            "goal_count": self.goals,
            "event_count": self.events,
            "interaction_types": self.interaction_types,
            "row_count": self.rows,
            "labelled_row_count": self.labelled_rows,
            "censored_row_count": self.censored_rows,
            // Goals whose outcome is the label of at least one row.
            "labelled_outcome_count": self.achieved + self.failed,
            "achieved_count": self.achieved,
            "failed_count": self.failed,
            "excluded": self.excluded,
        });
        statistics.as_object().cloned().unwrap_or_default()
    }
}

/// A date, which stands for its first moment, or a time.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN).and_utc());
    day.ok().or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()))
}
