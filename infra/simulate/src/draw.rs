//! Drawing by chance, in whole numbers.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::{Builder, Uuid};

/// A stream of chance, independent of the other streams of its seed.
pub struct Draw(ChaCha8Rng);

impl Draw {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        self.0.random_range(least..=most.max(least))
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    /// One of `items`, which are not empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        *items.choose(&mut self.0).unwrap_or(&items[0])
    }

    /// The place of one of `weights`, as likely as its weight says.
    pub fn weighted(&mut self, weights: &[i64]) -> usize {
        let mut left = self.between(1, weights.iter().sum());
        weights
            .iter()
            .position(|weight| {
                left -= weight;
                left <= 0
            })
            .unwrap_or(0)
    }

    /// An amount around `cents`: mostly near it, now and then several times as
    /// much, as amounts are in life.
    pub fn around(&mut self, cents: i64) -> i64 {
        let percent = match self.between(1, 100) {
            1..=70 => self.between(70, 120),
            71..=95 => self.between(40, 180),
            _ => self.between(180, 400),
        };
        (cents * percent / 100).max(50)
    }

    pub fn uuid(&mut self) -> Uuid {
        Builder::from_random_bytes(self.0.random()).into_uuid()
    }

    /// A moment of `day` between two hours.
    pub fn moment(&mut self, day: NaiveDate, from_hour: i64, to_hour: i64) -> NaiveDateTime {
        let seconds = self.between(from_hour * 3_600, to_hour * 3_600 - 1);
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds as u32, 0).unwrap_or_default();
        day.and_time(time)
    }

    /// A day from `first` to `last`.
    pub fn day(&mut self, first: NaiveDate, last: NaiveDate) -> NaiveDate {
        let days = self.between(0, (last - first).num_days());
        first + Days::new(days as u64)
    }
}
