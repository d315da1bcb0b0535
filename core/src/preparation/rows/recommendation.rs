//! The recommendation dataset: one row a decision, in order within a user's
//! episodes, as offline reinforcement learning and off-policy evaluation read it.
//!
//! The interactions of one recommendation are folded into one decision: it was
//! taken at the first of them, and rewarded by the strongest. An episode ends
//! where the sender says `"terminal": true`, or as a timeout after seven days
//! without a decision; then a closing row tells what the last action led to.

use std::collections::{BTreeMap, BTreeSet};

use arrow_schema::{DataType, Field};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::{DatasetRows, Out, Reads, nullable, required, singles, time};
use crate::dataset::settings::{PseudonymKey, Rewards};
use crate::features::{FEATURES, Ledger, Window, financial};
use crate::preparation::PreparationError;
use crate::preparation::pseudonym::pseudonym;
use crate::preparation::table::Table;
use crate::preparation::user::{Report, User};

const DATA: usize = 0;
const EPISODE_GAP: Duration = Duration::days(7);

/// The actions of the app itself, by their index.
const COACHING_ACTIONS: [&str; 5] =
    ["continue_current_behavior", "spending_alert", "budget_suggestion", "savings_nudge", "positive_reinforcement"];

#[derive(Debug)]
pub struct RecommendationRows {
    key: PseudonymKey,
    rewards: Rewards,
    users: u64,
    feedback: BTreeMap<String, u64>,
    decisions: u64,
    episodes: u64,
    terminals: u64,
    timeouts: u64,
    without_propensity: u64,
    actions: BTreeMap<i32, u64>,
    reward_sum: f64,
    excluded: BTreeMap<&'static str, u64>,
}

/// One recommendation, and what came of it.
#[derive(Clone, Debug)]
struct Decision {
    at: DateTime<Utc>,
    action: Option<i32>,
    pscore: Option<f64>,
    position: Option<i32>,
    reward: f64,
    reward_at: DateTime<Utc>,
    interaction: String,
    terminal: bool,
}

impl RecommendationRows {
    pub fn new(key: &PseudonymKey, rewards: Rewards) -> Self {
        Self {
            key: key.clone(),
            rewards,
            users: 0,
            feedback: BTreeMap::new(),
            decisions: 0,
            episodes: 0,
            terminals: 0,
            timeouts: 0,
            without_propensity: 0,
            actions: BTreeMap::new(),
            reward_sum: 0.0,
            excluded: BTreeMap::new(),
        }
    }

    fn exclude(&mut self, reason: &'static str) {
        *self.excluded.entry(reason).or_default() += 1;
    }

    /// A user's decisions in order of time. `reports` are in order of time too.
    fn decisions(&mut self, reports: &[Report]) -> Vec<Decision> {
        let mut places = BTreeMap::<String, usize>::new();
        let mut decisions = Vec::<Decision>::new();
        for report in reports {
            let fields = report.fields();
            let interaction = fields.text("interaction_type").unwrap_or_default();
            *self.feedback.entry(interaction.to_owned()).or_default() += 1;
            if !report.plausible_time {
                self.exclude("implausible_time");
                continue;
            }
            let Some(id) = fields.id("recommendation_id") else {
                self.exclude("no_recommendation_id");
                continue;
            };
            let Some(usual) = self.rewards.of(interaction) else {
                self.exclude("unknown_interaction");
                continue;
            };
            let reward = fields.number("reward").unwrap_or(usual);
            let named = || fields.text("action_type").and_then(|name| COACHING_ACTIONS.iter().position(|a| *a == name));
            let one = Decision {
                at: report.occurred_at(),
                action: fields.index("action_id").or_else(|| named().map(|action| action as i32)),
                pscore: fields.number("propensity").filter(|p| *p > 0.0 && *p <= 1.0),
                position: fields.index("position"),
                reward,
                reward_at: report.occurred_at(),
                interaction: interaction.to_owned(),
                terminal: fields.flag("terminal"),
            };
            match places.get(&id) {
                Some(place) => decisions[*place].join(one),
                None => {
                    places.insert(id, decisions.len());
                    decisions.push(one);
                }
            }
        }
        let found = decisions.len();
        decisions.retain(|decision| decision.action.is_some());
        for _ in decisions.len()..found {
            self.exclude("decision_without_action");
        }
        decisions
    }

    fn count(&mut self, decision: &Decision) {
        self.decisions += 1;
        self.reward_sum += decision.reward;
        self.without_propensity += u64::from(decision.pscore.is_none());
        if let Some(action) = decision.action {
            *self.actions.entry(action).or_default() += 1;
        }
    }
}

impl Decision {
    /// Takes in a later interaction with the same recommendation.
    fn join(&mut self, later: Decision) {
        self.action = self.action.or(later.action);
        self.pscore = self.pscore.or(later.pscore);
        self.position = self.position.or(later.position);
        self.terminal |= later.terminal;
        // The strongest decides; of equals, the later.
        if later.reward.abs() >= self.reward.abs() {
            self.reward = later.reward;
            self.reward_at = later.reward_at;
            self.interaction = later.interaction;
        }
    }
}

/// Parts decisions into episodes.
fn episodes(decisions: &[Decision]) -> impl Iterator<Item = &[Decision]> {
    decisions.chunk_by(|one, next| !one.terminal && next.at - one.at <= EPISODE_GAP)
}

impl DatasetRows for RecommendationRows {
    fn reads(&self) -> Reads {
        &[(
            "recommendation_interaction",
            &[
                "recommendation_id",
                "interaction_type",
                "action_id",
                "action_type",
                "reward",
                "propensity",
                "position",
                "terminal",
            ],
        )]
    }

    fn tables(&self) -> Vec<Table> {
        let feature = Field::new("item", DataType::Float32, false);
        let observation = DataType::FixedSizeList(feature.into(), FEATURES.len() as i32);
        let fields = vec![
            required("subject", DataType::Utf8),
            required("decision_ts", time()),
            required("episode_id", DataType::Utf8),
            // Counts the rows of the episode, from 0.
            required("step", DataType::UInt32),
            required("observation", observation),
            nullable("action", DataType::Int32),
            required("reward", DataType::Float64),
            nullable("reward_ts", time()),
            required("terminal", DataType::Boolean),
            required("timeout", DataType::Boolean),
            // The logged probability of the action.
            nullable("pscore", DataType::Float64),
            nullable("position", DataType::Int32),
            // The one that gave the reward.
            nullable("interaction_type", DataType::Utf8),
        ];
        vec![Table { name: "data", fields, sorted_by: ["subject", "decision_ts"] }]
    }

    fn target(&self) -> &'static str {
        "reward"
    }

    fn add_user(&mut self, user: &User, ledger: &Ledger, out: &mut Out<'_>) -> Result<(), PreparationError> {
        let Some(cut) = out.cut() else { return Ok(()) };
        let decisions = self.decisions(&user.reports);
        self.users += u64::from(!decisions.is_empty());
        let subject = user.subject.to_string();
        let mut window = Window::new(ledger);
        let mut observe = |at: DateTime<Utc>, out: &mut Out<'_>| {
            window.advance(at);
            out.certify_features(at, window.latest())?;
            Ok::<_, PreparationError>(singles(&financial(&window)))
        };
        for (number, episode) in episodes(&decisions).enumerate() {
            self.episodes += 1;
            let id = pseudonym(&self.key, "episode", user.subject, &number.to_string());
            for (step, decision) in (0u32..).zip(episode) {
                self.count(decision);
                let observation = observe(decision.at, out)?;
                out.row(DATA)?
                    .put(subject.as_str())
                    .put(decision.at)
                    .put(id.as_str())
                    .put(step)
                    .put(&observation[..])
                    .put(decision.action)
                    .put(decision.reward)
                    .put(decision.reward_at)
                    .put(decision.terminal)
                    .put(false)
                    .put(decision.pscore)
                    .put(decision.position)
                    .put(decision.interaction.as_str());
            }
            let Some(last) = episode.last() else { continue };
            if last.terminal {
                self.terminals += 1;
                continue;
            }
            // What the last action led to: when the episode timed out, or at the end of
            // what is known.
            self.timeouts += 1;
            let closing = (last.at + EPISODE_GAP).min(cut.max(last.at));
            let observation = observe(closing, out)?;
            out.row(DATA)?
                .put(subject.as_str())
                .put(closing)
                .put(id.as_str())
                .put(episode.len() as u32)
                .put(&observation[..])
                .put(None::<i32>)
                .put(0.0)
                .put(None::<DateTime<Utc>>)
                .put(false)
                .put(true)
                .put(None::<f64>)
                .put(None::<i32>)
                .put(None::<&str>);
        }
        Ok(())
    }

    fn statistics(&self) -> Map<String, Value> {
        let distinct: BTreeSet<_> = self.actions.keys().collect();
        let statistics = json!({
            "user_count": self.users,
            "feedback_counts": self.feedback,
            "decision_count": self.decisions,
            "episode_count": self.episodes,
            "terminal_count": self.terminals,
            "timeout_count": self.timeouts,
            // One more than the largest index, so that no index is out of range.
            "action_count": self.actions.keys().max().map_or(0, |last| i64::from(*last) + 1),
            "distinct_action_count": distinct.len(),
            "actions": self.actions.iter().map(|(action, count)| (action.to_string(), count)).collect::<BTreeMap<_, _>>(),
            "mean_reward": if self.decisions == 0 { Value::Null } else { json!(self.reward_sum / self.decisions as f64) },
            "without_propensity_count": self.without_propensity,
            "excluded": self.excluded,
        });
        statistics.as_object().cloned().unwrap_or_default()
    }
}
