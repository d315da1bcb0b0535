//! What is known of a goal at a moment, beside the features of its user.

use chrono::{DateTime, Utc};

use super::financial::Features;

pub const GOAL_FEATURES: [&str; 7] = [
    "goal_amount",
    "timeline_days",
    "required_per_day",
    "affordability",
    "amount_to_balance",
    "progress",
    "elapsed_share",
];

/// In the order of [`GOAL_FEATURES`]; `None` where what it is made of is not known.
pub type GoalFeatures = [Option<f64>; GOAL_FEATURES.len()];

/// A goal as its events up to a moment describe it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GoalStanding {
    pub amount: Option<f64>,
    pub current: Option<f64>,
    pub target: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
}

/// - timeline_days: days from the moment to the target, negative when it has passed;
/// - required_per_day: what is missing of the amount (nothing saved where that is
///   not known) ÷ timeline_days, at least one day;
/// - affordability: (income − spending) ÷ 30 − required_per_day;
/// - amount_to_balance: amount ÷ max(current_balance, 1);
/// - progress: current ÷ goal amount, `None` for an amount of 0;
/// - elapsed_share: of the time from creation to target, clipped to [0, 1].
pub fn goal(standing: &GoalStanding, user: &Features, as_of: DateTime<Utc>) -> GoalFeatures {
    let [balance, spending, income, ..] = *user;
    let days = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).num_seconds() as f64 / 86_400.0;
    let timeline = standing.target.map(|target| days(as_of, target));
    let missing = standing.amount.map(|amount| (amount - standing.current.unwrap_or_default()).max(0.0));
    let required = missing.zip(timeline).map(|(missing, days)| missing / days.max(1.0));
    let elapsed = standing.created_at.zip(standing.target).and_then(|(created, target)| {
        let whole = days(created, target);
        (whole > 0.0).then(|| (days(created, as_of) / whole).clamp(0.0, 1.0))
    });
    [
        standing.amount,
        timeline,
        required,
        required.map(|required| (income - spending) / 30.0 - required),
        standing.amount.map(|amount| amount / balance.max(1.0)),
        standing
            .current
            .zip(standing.amount)
            .filter(|(_, amount)| *amount > 0.0)
            .map(|(current, amount)| current / amount),
        elapsed,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_goal_by_hand() {
        let mut user = [0.0; 35];
        (user[0], user[1], user[2]) = (500.0, 900.0, 1_500.0);
        let standing = GoalStanding {
            amount: Some(1_000.0),
            current: Some(400.0),
            target: Some(time("2026-05-01T00:00:00Z")),
            created_at: Some(time("2026-01-01T00:00:00Z")),
        };
        let features = goal(&standing, &user, time("2026-04-01T00:00:00Z"));
        let expected = [1_000.0, 30.0, 20.0, 0.0, 2.0, 0.4, 0.75];
        assert_eq!(features, expected.map(Some));
        let nothing = goal(&GoalStanding::default(), &user, time("2026-04-01T00:00:00Z"));
        assert_eq!(nothing, [None; 7]);
        let late = goal(&standing, &user, time("2026-05-11T00:00:00Z"));
        assert_eq!((late[1], late[2], late[6]), (Some(-10.0), Some(600.0), Some(1.0)));
    }
}
