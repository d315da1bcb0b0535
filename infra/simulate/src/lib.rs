//! Simulated users of a personal-finance coaching app, and the events that their
//! behaviour leaves behind. The same seed gives the same bytes on every machine:
//! no clock, no map order, and no floating point is in them.
//!
//! [`user`] draws people; [`spending`], [`coaching`], [`goals`] and [`browsing`]
//! are what they do; [`dirt`] is what goes wrong on the way.

mod browsing;
mod coaching;
mod dirt;
mod draw;
mod event;
mod goals;
mod spending;
mod user;

use chrono::{Days, NaiveDate};
use serde_json::Value;

pub use dirt::Planted;

use self::draw::Draw;
use self::user::User;

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    pub seed: u64,
    pub users: u32,
    /// Days of behaviour, the last one being `end`.
    pub days: u32,
    pub end: NaiveDate,
    /// Share of events with a fault, 0 to 1.
    pub dirt: f64,
}

/// The bundled sample: some 20,000 events.
impl Default for Simulation {
    fn default() -> Self {
        const END: NaiveDate = NaiveDate::from_ymd_opt(2026, 6, 30).expect("a date");
        Self { seed: 20_260_630, users: 240, days: 182, end: END, dirt: 0.02 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error("users must be 1 to 100,000, not {0}")]
    Users(u32),
    #[error("days must be 1 to 3,650, not {0}")]
    Days(u32),
    #[error("dirt must be 0 to 1, not {0}")]
    Dirt(String),
    #[error("end must be from 1981 to 9999, not {0}")]
    End(NaiveDate),
}

/// The events of a simulation, and what was planted in them.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// In order of time, then event id. Envelopes as the API takes them.
    pub events: Vec<Value>,
    pub planted: Planted,
}

impl Simulation {
    /// Simulates.
    ///
    /// # Errors
    /// An option that cannot be.
    pub fn generate(&self) -> Result<Generated, Impossible> {
        self.check()?;
        let start = self.end - Days::new(u64::from(self.days) - 1);
        let mut events = Vec::new();
        for number in 0..self.users {
            let mut draw = Draw::new(self.seed, u64::from(number) + 1);
            let user = User::draw(&mut draw, start, self.end);
            spending::simulate(&user, &mut draw, &mut events);
            coaching::simulate(&user, &mut draw, &mut events);
            goals::simulate(&user, &mut draw, &mut events);
            browsing::simulate(&user, &mut draw, &mut events);
        }
        let mut draw = Draw::new(self.seed, 0);
        let (mut events, planted) = dirt::plant(events, self.dirt, &mut draw);
        events.sort_by_cached_key(event::order);
        Ok(Generated { events, planted })
    }

    fn check(&self) -> Result<(), Impossible> {
        use chrono::Datelike;
        if !(1..=100_000).contains(&self.users) {
            return Err(Impossible::Users(self.users));
        }
        if !(1..=3_650).contains(&self.days) {
            return Err(Impossible::Days(self.days));
        }
        if !(0.0..=1.0).contains(&self.dirt) {
            return Err(Impossible::Dirt(self.dirt.to_string()));
        }
        if !(1981..=9999).contains(&self.end.year()) {
            return Err(Impossible::End(self.end));
        }
        Ok(())
    }
}
