//! What people read of a dataset.

use crate::dataset::Dataset;

/// What the dataset is, in a sentence or two.
pub fn description(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::RECOMMENDATION => {
            "Decisions of a recommendation policy, in order within each user's episodes: what was known of the user, \
             which action was taken with which probability, and how it was rewarded. For offline reinforcement \
             learning and off-policy evaluation."
        }
        Dataset::SEGMENTATION => {
            "One row for each user with a sufficient transaction history: 35 financial features as of the version's \
             cut, feedback on recommendations, and the user's segment where it is known. For clustering."
        }
        Dataset::SPENDING => {
            "Daily spending of each user on a gap-free calendar of local days, in total and by category, in the \
             user's main currency, and all transactions that count in the end. For forecasting."
        }
        Dataset::GOAL => {
            "One row for each moment at which a savings goal was created or updated: what was known then of the goal \
             and its user, and whether the goal was achieved in the end. For classification."
        }
        _ => "A prepared dataset.",
    }
}

/// What one row of `data/` is.
pub fn row(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::RECOMMENDATION => "one decision; rows without an action close an episode that timed out",
        Dataset::SEGMENTATION => "one user",
        Dataset::SPENDING => "one day of one user",
        Dataset::GOAL => "one moment of one goal",
        _ => "one record",
    }
}

/// With commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (22_190, "22,190"), (1_234_567, "1,234,567")] {
            assert_eq!(super::grouped(number), text);
        }
    }
}
