//! Times of events: how they are read, which of them are plausible, and how they
//! are written.

use chrono::{DateTime, Datelike, Duration, Offset, SecondsFormat, Timelike, Utc};

/// The period in which the time of an event is plausible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBounds {
    /// The earliest plausible time. Seconds that were read as milliseconds, and clocks
    /// that were never set, lie before it.
    pub floor: DateTime<Utc>,
    /// How far an event may lie ahead of its ingestion.
    pub skew: Duration,
}

impl TimeBounds {
    /// 2000-01-01T00:00:00Z, in seconds since 1970.
    const DEFAULT_FLOOR: i64 = 946_684_800;

    /// Whether an event that is ingested at `ingested_at` can have happened at `occurred_at`.
    pub fn is_plausible(&self, occurred_at: DateTime<Utc>, ingested_at: DateTime<Utc>) -> bool {
        !self.is_too_early(occurred_at) && !self.is_too_late(occurred_at, ingested_at)
    }

    /// Whether a time lies before the floor.
    pub fn is_too_early(&self, occurred_at: DateTime<Utc>) -> bool {
        occurred_at < self.floor
    }

    /// Whether a time lies after the ingestion by more than clocks may differ.
    pub fn is_too_late(&self, occurred_at: DateTime<Utc>, ingested_at: DateTime<Utc>) -> bool {
        occurred_at > ingested_at + self.skew
    }
}

impl Default for TimeBounds {
    fn default() -> Self {
        // The constant lies within the calendar.
        let floor = DateTime::from_timestamp(Self::DEFAULT_FLOOR, 0).unwrap_or_default();
        Self { floor, skew: Duration::minutes(5) }
    }
}

/// A time as a sender wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// In UTC, whole microseconds, years 0 to 9999: the order of texts is the order of times.
    pub utc: DateTime<Utc>,
    /// The sender's offset from UTC in minutes; `None` where the text leaves it open
    /// (`Z`, `-00:00`, or nothing).
    pub offset_minutes: Option<i16>,
    /// Whether the text has no offset, so that UTC had to be assumed.
    pub is_assumed_utc: bool,
}

impl EventTime {
    /// Reads an RFC 3339 time, or one that lacks only the offset.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, is_assumed_utc) = match DateTime::parse_from_rfc3339(text) {
            Ok(time) => (time, false),
            Err(_) => (DateTime::parse_from_rfc3339(&format!("{text}Z")).ok()?, true),
        };
        let utc = whole_microseconds(time.to_utc())?;
        // RFC 3339, 4.3: -00:00 says that the local offset is unknown; so does Z.
        let is_open = is_assumed_utc || text.ends_with(['Z', 'z']) || text.ends_with("-00:00");
        let offset = time.offset().fix().local_minus_utc() / 60;
        let offset_minutes = if is_open { None } else { i16::try_from(offset).ok() };
        Some(Self { utc, offset_minutes, is_assumed_utc })
    }
}

/// Cuts a time to microseconds. A leap second (`23:59:60.…`) has no number of its own
/// in a count of seconds: it is mapped, in order, into the last millisecond of the
/// second before it. `None` beyond the years 0 to 9999, where texts do not sort.
fn whole_microseconds(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    const SECOND: u32 = 1_000_000;
    let micros = time.nanosecond() / 1_000;
    let micros = match micros.checked_sub(SECOND) {
        None => micros,
        // After .999000, and in steps of about a millisecond of the leap second.
        Some(into_leap_second) => 999_001 + (u64::from(into_leap_second) * 998 / u64::from(SECOND - 1)) as u32,
    };
    if !(0..=9999).contains(&time.year()) {
        return None;
    }
    time.with_nanosecond(micros * 1_000)
}

/// RFC 3339 in UTC with six decimals, so that text order is time order.
pub fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        EventTime::parse(text).unwrap_or_else(|| panic!("{text} is a time")).utc
    }

    fn offset(text: &str) -> Option<i16> {
        EventTime::parse(text).unwrap_or_else(|| panic!("{text} is a time")).offset_minutes
    }

    #[test]
    fn the_offset_is_kept_where_the_sender_states_it() {
        assert_eq!(offset("2025-06-07T20:00:00-08:00"), Some(-480));
        assert_eq!(offset("2025-06-07T20:00:00+05:45"), Some(345));
        assert_eq!(offset("2025-06-07T20:00:00+00:00"), Some(0));
        for open in ["2025-06-07T20:00:00Z", "2025-06-07t20:00:00z", "2025-06-07T20:00:00-00:00"] {
            assert_eq!(offset(open), None, "{open}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_read_as_utc() {
        for text in ["2025-06-07T20:00:00", "2025-06-07 20:00:00", "2025-06-07T20:00:00.000000"] {
            let time = EventTime::parse(text).unwrap();
            assert_eq!((time.utc, time.offset_minutes), (utc("2025-06-07T20:00:00Z"), None));
            assert!(time.is_assumed_utc, "{text}");
        }
        assert!(!EventTime::parse("2025-06-07T20:00:00Z").unwrap().is_assumed_utc);
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in ["", "Z", "2025-06-07", "20:00:00", "2025-02-30T00:00:00Z", "2025-06-07T25:00:00", "1717747200"] {
            assert_eq!(EventTime::parse(text), None, "{text}");
        }
        // In UTC, this is the year 10000.
        assert_eq!(EventTime::parse("9999-12-31T23:59:59-01:00"), None);
    }

    #[test]
    fn a_leap_second_lies_between_its_neighbours() {
        let times = [
            "2016-12-31T23:59:59Z",
            "2016-12-31T23:59:59.999Z",
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:59:60.250+01:00",
            "2016-12-31T23:59:60.999999999Z",
            "2017-01-01T00:00:00Z",
        ];
        for pair in times.windows(2) {
            let (before, after) = (utc(pair[0]), utc(pair[1]));
            assert!(before < after, "{pair:?}");
            assert!(before.timestamp_micros() < after.timestamp_micros(), "{pair:?}");
            assert!(format_time(before) < format_time(after), "{pair:?}");
        }
    }

    #[test]
    fn digits_beyond_microseconds_are_cut_in_every_century() {
        for year in ["0001", "1500", "2026", "9998"] {
            let time = utc(&format!("{year}-01-01T00:00:00.123456789Z"));
            assert_eq!(time.nanosecond(), 123_456_000, "{year}");
        }
    }

    #[test]
    fn times_outside_of_the_bounds_are_implausible() {
        let (bounds, now) = (TimeBounds::default(), utc("2026-06-01T00:00:00Z"));
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", false),
            ("1970-01-21T05:10:02.120Z", false),
            ("1999-12-31T23:59:59.999999Z", false),
            ("2000-01-01T00:00:00Z", true),
            ("2026-06-01T00:05:00Z", true),
            ("2026-06-01T00:05:00.000001Z", false),
        ] {
            assert_eq!(bounds.is_plausible(utc(text), now), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_order_is_time_order(seconds in prop::array::uniform2(-62_167_219_200i64..253_402_300_800), nanos in prop::array::uniform2(0u32..1_000_000_000)) {
            let time = |n: usize| whole_microseconds(DateTime::from_timestamp(seconds[n], nanos[n]).unwrap()).unwrap();
            prop_assert_eq!(time(0).cmp(&time(1)), format_time(time(0)).cmp(&format_time(time(1))));
        }

        #[test]
        fn what_is_written_is_read_again(seconds in -62_167_219_200i64..253_402_300_800, micros in 0u32..1_000_000) {
            let time = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
            prop_assert_eq!(EventTime::parse(&format_time(time)).unwrap().utc, time);
        }
    }
}
