//! The event type that a sender most likely meant by a name that is not declared.

use super::schema::{BEHAVIOUR, declared};

/// Letters that may be wrong, for each so many of a name.
const LETTERS_PER_ERROR: usize = 4;

/// Whether a name is that of a type that is declared, or known to be of no dataset.
pub fn is_known(event_type: &str) -> bool {
    BEHAVIOUR.contains(&event_type) || declared().iter().any(|schema| schema.event_type == event_type)
}

/// The known type nearest to a name, where one is close: the same but for case and
/// separators (`transactionCreation`, `Transaction-Creation`), or a few letters away.
pub fn nearest(event_type: &str) -> Option<&'static str> {
    let name = snake_case(event_type);
    let known = declared().iter().map(|schema| schema.event_type).chain(BEHAVIOUR.iter().copied());
    let (distance, nearest) = known.map(|known| (strsim::osa_distance(&name, known), known)).min()?;
    (distance <= nearest.len() / LETTERS_PER_ERROR).then_some(nearest)
}

/// `TransactionCreation`, `transaction creation` and `transaction.creation` alike.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut was_lower = false;
    for letter in name.trim().chars() {
        if letter.is_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        match letter {
            '-' | ' ' | '.' | ':' | '/' => snake.push('_'),
            letter => snake.extend(letter.to_lowercase()),
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_close_to_a_known_one_is_recognised() {
        for (name, expected) in [
            ("transaction_creatoin", "transaction_creation"),
            ("transaction_created", "transaction_creation"),
            ("transactionCreation", "transaction_creation"),
            ("Transaction-Creation", "transaction_creation"),
            ("TRANSACTION CREATION", "transaction_creation"),
            ("recommendation.interaction", "recommendation_interaction"),
            ("goal_modifications", "goal_modification"),
            ("usersegmentupdate", "user_segment_update"),
            ("pageview", "page_view"),
            ("Purchase", "purchase"),
        ] {
            assert_eq!(nearest(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_name_of_something_else_is_not() {
        for name in ["login", "transaction", "goal", "app_opened", "x", "", "pulse"] {
            assert_eq!(nearest(name), None, "{name}");
        }
    }
}
