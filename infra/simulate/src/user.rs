//! People: what they earn, how they live, where their money is.

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use crate::draw::Draw;

/// A way of handling money; also the name of a segment.
pub struct Persona {
    pub segment: &'static str,
    /// Monthly salary in cents, from and to.
    pub salary: (i64, i64),
    /// Spending on wishes, in percent of what is usual.
    pub appetite: i64,
    /// Percent of the salary put aside each month.
    pub saves: i64,
    /// Percent of recommendations that are taken up.
    pub receptive: i64,
}

pub const PERSONAS: &[Persona] = &[
    Persona { segment: "budget_conscious", salary: (180_000, 320_000), appetite: 60, saves: 12, receptive: 45 },
    Persona { segment: "balanced", salary: (240_000, 450_000), appetite: 100, saves: 8, receptive: 35 },
    Persona { segment: "high_spender", salary: (420_000, 950_000), appetite: 190, saves: 4, receptive: 15 },
    Persona { segment: "saver", salary: (260_000, 600_000), appetite: 55, saves: 25, receptive: 50 },
    Persona { segment: "debt_struggling", salary: (150_000, 260_000), appetite: 120, saves: 0, receptive: 25 },
];

const SHARES: &[i64] = &[25, 35, 15, 15, 10];

/// City, country and currency.
const PLACES: &[(&str, &str, &str)] = &[
    ("Hamburg", "DE", "EUR"),
    ("Lyon", "FR", "EUR"),
    ("Valencia", "ES", "EUR"),
    ("Leeds", "GB", "GBP"),
    ("Bristol", "GB", "GBP"),
    ("Columbus", "US", "USD"),
];

pub struct User {
    pub id: Uuid,
    pub persona: &'static Persona,
    pub joined: NaiveDate,
    /// The last day.
    pub end: NaiveDate,
    /// In cents, each month.
    pub salary: i64,
    pub rent: i64,
    /// In cents, on the day before they joined.
    pub balance: i64,
    /// Whether the bank tells the balance with each transaction.
    pub tells_balance: bool,
    pub city: &'static str,
    pub country: &'static str,
    pub currency: &'static str,
}

impl User {
    /// Most people joined early; some only in the last weeks.
    pub fn draw(draw: &mut Draw, start: NaiveDate, end: NaiveDate) -> Self {
        let persona = &PERSONAS[draw.weighted(SHARES)];
        let salary = draw.between(persona.salary.0 / 1_000, persona.salary.1 / 1_000) * 1_000;
        let days = (end - start).num_days();
        let joined_after =
            if draw.chance(15) { draw.between(days * 85 / 100, days) } else { draw.between(0, days * 60 / 100) };
        let (city, country, currency) = draw.pick(PLACES);
        Self {
            id: draw.uuid(),
            persona,
            joined: start + Days::new(joined_after as u64),
            end,
            salary,
            rent: salary * draw.between(25, 38) / 100,
            balance: salary * draw.between(-20, 250) / 100,
            tells_balance: draw.chance(70),
            city,
            country,
            currency,
        }
    }

    /// The days on which they use the app.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let end = self.end;
        self.joined.iter_days().take_while(move |day| *day <= end)
    }
}
