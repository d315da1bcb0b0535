//! What has been collected, from the totals that ingestion keeps: as quick with a
//! million events as with none.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use learning_core::dataset::activity::Observation;
use learning_core::usecase::Collected;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
pub struct Aggregation {
    #[serde(flatten)]
    pub collected: CollectedView,
    pub aggregation_timestamp: DateTime<Utc>,
}

/// Everything but the time, so that the same content has the same tag.
#[derive(Serialize, JsonSchema)]
pub struct CollectedView {
    pub recommendation_feedback: RecommendationFeedback,
    pub user_transactions: UserTransactions,
    pub user_segments: UserSegments,
    pub goal_events: GoalEvents,
    pub ingestion: Ingestion,
}

#[derive(Serialize, JsonSchema)]
pub struct RecommendationFeedback {
    /// Interactions other than `view`.
    pub total_feedback: u64,
    /// All interactions, by type.
    pub feedback_types: BTreeMap<String, u64>,
}

#[derive(Serialize, JsonSchema)]
pub struct UserTransactions {
    pub total_transactions: u64,
    /// Users with at least one transaction whose time can be believed.
    pub unique_users: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct UserSegments {
    /// Users who are in a segment.
    pub total_segments: u64,
    /// Users by the segment that they are in: that of the update which happened last.
    /// Beyond some 64 names, `other`.
    pub segment_distribution: BTreeMap<String, u64>,
}

#[derive(Serialize, JsonSchema)]
pub struct GoalEvents {
    pub total_goal_events: u64,
    pub interaction_types: BTreeMap<String, u64>,
}

/// What came in at all, trained on or not.
#[derive(Serialize, JsonSchema)]
pub struct Ingestion {
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// Accepted events by type and interaction; `other` are types that feed no dataset.
    pub accepted_by_kind: BTreeMap<String, u64>,
    /// Accepted events of types that nobody knows, by name: misspelled ones are among
    /// them. Beyond some 16 names, `other`.
    pub unknown_types: BTreeMap<String, u64>,
    /// Rejected events by the first thing that was wrong with them.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// The last days (UTC) on which there was something to observe, oldest first.
    pub days: Vec<Day>,
}

/// What came in between the last observation before a day and the last one on it.
#[derive(Serialize, JsonSchema)]
pub struct Day {
    pub day: NaiveDate,
    /// By event type.
    pub accepted: BTreeMap<String, u64>,
    pub duplicates: u64,
    pub rejected: u64,
}

const DUPLICATE: &str = "duplicate";

impl Aggregation {
    /// Of what is collected `now`; `activity` are observations, newest first.
    pub fn new(collected: Collected, activity: &[Observation], now: DateTime<Utc>) -> Self {
        let totals = &collected.totals;
        let mut feedback_types = totals.of_type("recommendation_interaction");
        let views = feedback_types.get("view").copied().unwrap_or_default();
        feedback_types.retain(|_, count| *count > 0);
        let interaction_types = totals.of_type("goal_modification");
        let collected_view = CollectedView {
            recommendation_feedback: RecommendationFeedback {
                total_feedback: sum(&feedback_types) - views,
                feedback_types,
            },
            user_transactions: UserTransactions {
                total_transactions: sum(&totals.of_type("transaction_creation")),
                unique_users: collected.users,
            },
            user_segments: UserSegments {
                total_segments: sum(&collected.segments),
                segment_distribution: collected.segments.clone(),
            },
            goal_events: GoalEvents { total_goal_events: sum(&interaction_types), interaction_types },
            ingestion: Ingestion::new(&collected, activity, now),
        };
        Self { collected: collected_view, aggregation_timestamp: now }
    }
}

impl Ingestion {
    fn new(collected: &Collected, activity: &[Observation], now: DateTime<Utc>) -> Self {
        let accepted_by_kind: BTreeMap<String, u64> =
            collected.totals.iter().map(|(kind, count)| (kind.name().to_owned(), count)).collect();
        let mut rejected_by_reason = collected.refused.clone();
        let duplicates = rejected_by_reason.remove(DUPLICATE).unwrap_or_default();
        Self {
            accepted: collected.totals.events(),
            duplicates,
            rejected: sum(&rejected_by_reason),
            days: days(&accepted_by_kind, &collected.refused, activity, now),
            accepted_by_kind,
            unknown_types: collected.unknown_types.clone(),
            rejected_by_reason,
        }
    }
}

/// The differences between observations, the last one being of now.
fn days(
    accepted: &BTreeMap<String, u64>,
    refused: &BTreeMap<String, u64>,
    activity: &[Observation],
    now: DateTime<Utc>,
) -> Vec<Day> {
    let current =
        Observation { at: now, counting: BTreeMap::new(), accepted: accepted.clone(), refused: refused.clone() };
    let today = now.date_naive();
    let mut observations: Vec<&Observation> = activity.iter().rev().filter(|seen| seen.day() < today).collect();
    observations.push(&current);
    // Before the first observation there is nothing to compare with, unless it is the only one.
    let nothing =
        Observation { at: now, counting: BTreeMap::new(), accepted: BTreeMap::new(), refused: BTreeMap::new() };
    if observations.len() == 1 {
        observations.insert(0, &nothing);
    }
    observations.windows(2).map(|pair| day(pair[0], pair[1])).collect()
}

fn day(before: &Observation, after: &Observation) -> Day {
    let mut accepted = BTreeMap::<String, u64>::new();
    for (kind, count) in grown(&before.accepted, &after.accepted) {
        let event_type = kind.split('.').next().unwrap_or(kind);
        *accepted.entry(event_type.to_owned()).or_default() += count;
    }
    let refused: BTreeMap<&str, u64> = grown(&before.refused, &after.refused).collect();
    let duplicates = refused.get(DUPLICATE).copied().unwrap_or_default();
    Day { day: after.day(), accepted, duplicates, rejected: refused.values().sum::<u64>() - duplicates }
}

/// By how much each count grew, where it did.
fn grown<'a>(
    before: &'a BTreeMap<String, u64>,
    after: &'a BTreeMap<String, u64>,
) -> impl Iterator<Item = (&'a str, u64)> {
    after.iter().filter_map(|(name, count)| {
        let grown = count.saturating_sub(before.get(name).copied().unwrap_or_default());
        (grown > 0).then_some((name.as_str(), grown))
    })
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn seen(day: i64, accepted: &[(&str, u64)], refused: &[(&str, u64)]) -> Observation {
        let at = DateTime::UNIX_EPOCH + chrono::Duration::hours(day * 24 + 23);
        Observation { at, counting: BTreeMap::new(), accepted: counts(accepted), refused: counts(refused) }
    }

    #[test]
    fn a_day_is_what_came_in_since_the_last_observation_before_it() {
        let activity = [
            seen(3, &[("goal_modification.achieve", 9)], &[]),
            seen(2, &[("goal_modification.achieve", 5)], &[("duplicate", 1)]),
            seen(0, &[("goal_modification.achieve", 4)], &[]),
        ];
        let now = DateTime::UNIX_EPOCH + chrono::Duration::hours(3 * 24 + 23);
        let accepted = counts(&[("goal_modification.achieve", 6), ("goal_modification.fail", 3)]);
        let refused = counts(&[("duplicate", 1), ("user_id missing", 2)]);
        let days = days(&accepted, &refused, &activity, now);
        let told: Vec<_> =
            days.iter().map(|day| (day.day.to_string(), sum(&day.accepted), day.duplicates, day.rejected)).collect();
        assert_eq!(told, [("1970-01-03".to_owned(), 1, 1, 0), ("1970-01-04".to_owned(), 4, 0, 2)]);
        assert_eq!(days[1].accepted, counts(&[("goal_modification", 4)]), "also what is observed only now");
    }

    #[test]
    fn on_the_first_day_everything_is_new() {
        let days = days(&counts(&[("other", 7)]), &BTreeMap::new(), &[], DateTime::UNIX_EPOCH);
        assert_eq!((days.len(), &days[0].accepted), (1, &counts(&[("other", 7)])));
    }
}
