//! When will a dataset have enough? From the rate at which what counts has been
//! coming in lately.

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// How far back the rate looks: four whole weeks, so that every weekday weighs
/// the same, and yet a season shows soon.
pub const WINDOW_DAYS: i64 = 28;
/// Less time than this says nothing about days to come.
const LEAST_DAYS: i64 = 1;
/// Fewer arrivals than this are no rate.
const LEAST_ARRIVALS: u64 = 10;
/// What lies further ahead than this is not worth a date.
const HORIZON_DAYS: f64 = 3_650.0;

/// How many units a dataset had counted, over all its epochs, at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub at: DateTime<Utc>,
    pub counting: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Forecast {
    /// When the threshold will be reached if units keep coming in at this rate.
    pub ready_at: DateTime<Utc>,
    /// Units a day.
    pub rate_per_day: f64,
    /// What the rate was taken from, in words.
    pub basis: String,
}

/// Forecasts when `missing` more units will have come in. `earlier` are past
/// observations in any order. `None` where nothing is missing, where too little
/// is known, and where nothing comes in.
pub fn forecast(now: Arrived, earlier: &[Arrived], missing: u64) -> Option<Forecast> {
    if missing == 0 {
        return None;
    }
    let since = since(now.at, earlier)?;
    let elapsed = now.at - since.at;
    let arrived = now.counting.saturating_sub(since.counting);
    if elapsed < Duration::days(LEAST_DAYS) || arrived < LEAST_ARRIVALS {
        return None;
    }
    let days = elapsed.as_seconds_f64() / 86_400.0;
    let rate_per_day = arrived as f64 / days;
    let ahead = missing as f64 / rate_per_day;
    if ahead > HORIZON_DAYS {
        return None;
    }
    Some(Forecast {
        ready_at: now.at + Duration::seconds((ahead * 86_400.0).ceil() as i64),
        rate_per_day,
        basis: format!("{arrived} came in over the last {days:.1} days; {missing} more are needed."),
    })
}

/// The observation from which the rate is taken: the last one before the window,
/// unless it is so old that the window's first one says more; else the earliest.
fn since(now: DateTime<Utc>, earlier: &[Arrived]) -> Option<Arrived> {
    let start = now - Duration::days(WINDOW_DAYS);
    let before = earlier.iter().filter(|seen| seen.at <= start).max_by_key(|seen| seen.at);
    match before {
        Some(seen) if seen.at > start - Duration::days(WINDOW_DAYS / 4) => Some(*seen),
        _ => earlier.iter().filter(|seen| seen.at > start && seen.at < now).min_by_key(|seen| seen.at).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64, counting: u64) -> Arrived {
        Arrived { at: DateTime::UNIX_EPOCH + Duration::days(day), counting }
    }

    #[test]
    fn a_steady_rate_goes_on() {
        let earlier: Vec<Arrived> = (0..40).map(|n| day(n, n as u64 * 10)).collect();
        let forecast = forecast(day(40, 400), &earlier, 100).unwrap();
        assert_eq!((forecast.rate_per_day, forecast.ready_at), (10.0, day(50, 0).at));
        assert_eq!(forecast.basis, "280 came in over the last 28.0 days; 100 more are needed.");
    }

    #[test]
    fn what_was_before_the_window_does_not_count() {
        let earlier = [day(0, 0), day(60, 60_000), day(61, 60_000), day(75, 60_140)];
        assert_eq!(forecast(day(89, 60_280), &earlier, 10).unwrap().rate_per_day, 10.0);
    }

    #[test]
    fn too_little_is_no_forecast() {
        assert_eq!(forecast(day(9, 90), &[], 10), None, "nothing was seen before");
        assert_eq!(forecast(day(9, 90), &[day(0, 0)], 0), None, "nothing is missing");
        assert_eq!(forecast(day(9, 9), &[day(0, 0)], 10), None, "nine are no rate");
        let noon = Arrived { at: day(9, 0).at + Duration::hours(12), counting: 5_000 };
        assert_eq!(forecast(noon, &[day(9, 0)], 10), None, "half a day is no rate: a file may have been replayed");
        assert_eq!(forecast(day(9, 90), &[day(0, 90)], 10), None, "nothing comes in");
        assert_eq!(forecast(day(20, 20), &[day(0, 0)], 100_000), None, "three centuries are no date");
    }
}
