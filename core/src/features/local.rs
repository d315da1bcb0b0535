//! Local time: the clock and the calendar of the sender.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// A moment on the sender's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Of the day, 0 to 23.
    pub hour: u8,
}

impl LocalTime {
    /// `offset_minutes`: from UTC, positive in the east; 0 where it is not known.
    pub fn of(at: DateTime<Utc>, offset_minutes: i16) -> Self {
        let seconds = at.timestamp() + 60 * i64::from(offset_minutes);
        Self {
            // chrono's years have at most six digits: the days fit.
            day: seconds.div_euclid(SECONDS_OF_A_DAY) as i32,
            hour: (seconds.rem_euclid(SECONDS_OF_A_DAY) / 3_600) as u8,
        }
    }

    /// 1970-01-01 was a Thursday.
    pub fn is_weekend(self) -> bool {
        (self.day + 3).rem_euclid(7) >= 5
    }

    pub fn date(self) -> NaiveDate {
        date_of(self.day)
    }

    /// 1 to 12.
    pub fn month(self) -> u32 {
        self.date().month()
    }
}

/// The date of a number of days since 1970-01-01.
pub fn date_of(day: i32) -> NaiveDate {
    NaiveDate::default().checked_add_signed(Duration::days(i64::from(day))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, Timelike, Weekday};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_calendar_of_chrono(seconds in -100_000_000_000i64..300_000_000_000, offset in -1_439i16..1_440) {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            let theirs = at.with_timezone(&FixedOffset::east_opt(60 * i32::from(offset)).unwrap());
            let ours = LocalTime::of(at, offset);
            prop_assert_eq!(ours.date(), theirs.date_naive());
            prop_assert_eq!(u32::from(ours.hour), theirs.hour());
            prop_assert_eq!(ours.month(), theirs.month());
            prop_assert_eq!(ours.is_weekend(), matches!(theirs.weekday(), Weekday::Sat | Weekday::Sun));
        }
    }
}
