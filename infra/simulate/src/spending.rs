//! Salaries, rents, groceries, weekends.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Weekday};
use serde_json::{Value, json};

use crate::draw::Draw;
use crate::event::{event, money};
use crate::user::User;

struct Transaction {
    at: NaiveDateTime,
    cents: i64,
    credit: bool,
    category: &'static str,
    merchant: &'static str,
}

/// What is bought when the chance comes.
struct Habit {
    category: &'static str,
    merchants: &'static [&'static str],
    /// Percent of days, working days and weekends.
    likely: (i64, i64),
    cents: i64,
    hours: (i64, i64),
    /// Whether the persona's appetite moves the likelihood and the amount.
    wish: bool,
}

const HABITS: &[Habit] = &[
    Habit {
        category: "Groceries",
        merchants: &["Freshmart", "Corner Shop", "Green Basket", "Aldo"],
        likely: (10, 18),
        cents: 4_200,
        hours: (9, 20),
        wish: false,
    },
    Habit {
        category: "Dine Out",
        merchants: &["Bistro Nord", "Pasta & Co", "Golden Wok", "Cafe Luna"],
        likely: (4, 12),
        cents: 2_800,
        hours: (18, 23),
        wish: true,
    },
    Habit {
        category: "Transport",
        merchants: &["City Transit", "Fuel Stop", "Metro Rail"],
        likely: (7, 2),
        cents: 1_400,
        hours: (6, 10),
        wish: false,
    },
    Habit {
        category: "Other Shopping",
        merchants: &["Amazon", "Textile House", "Elektra"],
        likely: (2, 5),
        cents: 5_500,
        hours: (10, 22),
        wish: true,
    },
    Habit {
        category: "Entertainment",
        merchants: &["Cinema One", "Streamly", "Ticket Hall"],
        likely: (1, 5),
        cents: 2_200,
        hours: (17, 24),
        wish: true,
    },
    Habit {
        category: "Health",
        merchants: &["Pharmacy Plus", "Dr. Weber"],
        likely: (1, 0),
        cents: 2_600,
        hours: (8, 18),
        wish: false,
    },
];

/// What comes every month: day, category, merchant, and percent of the salary.
const MONTHLY: &[(u32, &str, &str, i64)] = &[
    (3, "Bills", "Power & Water", 4),
    (5, "Bills", "Telecom", 2),
    (8, "Fitness", "Gym 24", 1),
    (12, "Insurance", "Safe Mutual", 3),
];

pub fn simulate(user: &User, draw: &mut Draw, events: &mut Vec<Value>) {
    // Some have no gym, some no insurance.
    let contracts: Vec<_> = MONTHLY.iter().filter(|_| draw.chance(75)).collect();
    let mut transactions = Vec::new();
    for day in user.days() {
        monthly(user, day, &contracts, draw, &mut transactions);
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        for habit in HABITS {
            let appetite = if habit.wish { user.persona.appetite } else { 100 };
            let likely = if weekend { habit.likely.1 } else { habit.likely.0 };
            if draw.between(1, 10_000) <= likely * appetite {
                transactions.push(Transaction {
                    at: draw.moment(day, habit.hours.0, habit.hours.1),
                    cents: draw.around(habit.cents * appetite / 100),
                    credit: false,
                    category: habit.category,
                    merchant: draw.pick(habit.merchants),
                });
            }
        }
    }
    transactions.sort_by_key(|transaction| transaction.at);
    let mut balance = user.balance;
    for transaction in transactions {
        balance += if transaction.credit { transaction.cents } else { -transaction.cents };
        events.push(reported(user, &transaction, balance, draw));
    }
}

fn monthly(
    user: &User,
    day: NaiveDate,
    contracts: &[&(u32, &'static str, &'static str, i64)],
    draw: &mut Draw,
    transactions: &mut Vec<Transaction>,
) {
    let mut add = |at, cents, credit, category, merchant| {
        transactions.push(Transaction { at, cents, credit, category, merchant });
    };
    match day.day() {
        1 => add(draw.moment(day, 6, 8), user.rent, false, "Rent", "Housing Association"),
        25 => add(draw.moment(day, 4, 7), user.salary, true, "Paycheck", "Employer"),
        26 if user.persona.saves > 0 => {
            add(draw.moment(day, 9, 12), user.salary * user.persona.saves / 100, false, "Savings", "Savings Plan");
        }
        _ => {}
    }
    for (_, category, merchant, percent) in contracts.iter().filter(|(due, ..)| *due == day.day()) {
        add(
            draw.moment(day, 5, 9),
            draw.around(user.salary * percent / 100).min(user.salary / 5),
            false,
            category,
            merchant,
        );
    }
}

fn reported(user: &User, transaction: &Transaction, balance: i64, draw: &mut Draw) -> Value {
    let mut data = json!({
        "transaction_id": draw.uuid(),
        "amount": money(transaction.cents),
        "transaction_type": if transaction.credit { "credit" } else { "debit" },
        "category": transaction.category,
        "merchant_name": transaction.merchant,
        "currency": user.currency,
        "location_city": user.city,
        "location_country": user.country,
    });
    if user.tells_balance {
        data["balance_after"] = money(balance);
    }
    event(user.id, "transaction_creation", transaction.at, data, draw)
}
