//! Feature rows per second, one at every transaction; and the same with a history
//! ten times as long, which must cost about as much a row.
//!
//! `cargo bench -p learning-core --bench features`

use std::hint::black_box;
use std::num::NonZeroU64;
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use learning_core::event::EventId;
use learning_core::event::category::Category;
use learning_core::features::{CategoryGiven, Ledger, Transaction, Window, financial};
use rust_decimal::Decimal;
use uuid::Uuid;

const SHORT: usize = 1_000;
const ROWS: usize = 200_000;
const ROUNDS: usize = 5;

fn main() {
    let (short, long) = (history(SHORT), history(10 * SHORT));
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (one, ten) = (nanoseconds(&short), nanoseconds(&long));
        println!(
            "round {round}: {:>9.0} rows/s with {SHORT} transactions, {:>9.0} rows/s with {}; a row costs × {:.2}",
            1e9 / one,
            1e9 / ten,
            10 * SHORT,
            ten / one,
        );
        ratios.push(ten / one);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median: a row of the tenfold history costs × {:.2}", ratios[ROUNDS / 2]);
}

/// Three transactions a day, without anything drawn.
fn history(length: usize) -> Ledger {
    let start: DateTime<Utc> = "2010-01-01T00:00:00Z".parse().expect("a time");
    let transactions = (0..length).map(|n| Transaction {
        occurred_at: start + Duration::hours(8 * n as i64) + Duration::minutes((n * 37 % 60) as i64),
        id: EventId(Uuid::from_u128(n as u128)),
        ingested_at: 0,
        transaction: NonZeroU64::new(n as u64 + 1),
        replaces: None,
        amount: Decimal::new((n * 7_919 % 20_000) as i64, 2),
        credit: n % 9 == 0,
        category: Category::ALL[n % Category::ALL.len()],
        category_given: CategoryGiven::Known,
        balance_after: Some(Decimal::new((n * 104_729 % 900_000) as i64, 2)),
        currency: None,
        merchant: NonZeroU64::new((n % 17 + 1) as u64),
        city: NonZeroU64::new((n % 5 + 1) as u64),
        utc_offset_minutes: 0,
        time_of_day_known: true,
        plausible_time: true,
    });
    Ledger::new(transactions.collect(), &[])
}

/// What a row costs, sliding over the history as often as it takes.
fn nanoseconds(history: &Ledger) -> f64 {
    let rows = history.transactions().len();
    let passes = ROWS / rows;
    let started = Instant::now();
    for _ in 0..passes {
        let mut window = Window::new(history);
        for transaction in history.transactions() {
            window.advance(transaction.occurred_at);
            black_box(financial(&window));
        }
    }
    started.elapsed().as_nanos() as f64 / (passes * rows) as f64
}
