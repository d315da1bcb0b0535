//! The normal form of declared values: of the ways in which senders write one value,
//! the one that is stored, counted and compared. Everything behind ingestion sees this
//! form only.

use std::borrow::Cow;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::cell::Cell;
use super::number;
use super::schema::{EventSchema, Kind, Vocabulary};

/// The normal form of a value that was written in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NormalForm {
    Text(String),
    /// The digits of a whole number.
    Integer(String),
}

impl NormalForm {
    /// The normal form of a value of this kind; `None` for a value that has it
    /// already, and for one that the kind does not describe.
    pub fn of(kind: &Kind, cell: &Cell<'_>) -> Option<Self> {
        match (kind, cell) {
            (Kind::Id, Cell::Text(text)) => {
                let id = composed(text.trim());
                (!id.is_empty() && id != *text).then(|| NormalForm::text(id))
            }
            (Kind::Id, Cell::Number(number)) => number::integer(number).map(NormalForm::text),
            (Kind::Index, Cell::Number(number)) => number::integer(number)
                .filter(|digits| digits != number)
                .map(|digits| NormalForm::Integer(digits.into())),
            (Kind::Text(_) | Kind::Name(_), Cell::Text(text)) => {
                let composed = composed(text);
                (composed != *text).then(|| NormalForm::text(composed))
            }
            (Kind::Vocabulary(vocabulary), Cell::Text(text)) => {
                vocabulary.word(text).filter(|word| word != text).map(NormalForm::text)
            }
            _ => None,
        }
    }

    fn text(text: impl Into<String>) -> Self {
        NormalForm::Text(text.into())
    }
}

impl From<NormalForm> for Cell<'_> {
    fn from(normal: NormalForm) -> Self {
        match normal {
            NormalForm::Text(text) => Cell::Text(Cow::Owned(text)),
            NormalForm::Integer(digits) => Cell::Number(Cow::Owned(digits)),
        }
    }
}

impl From<NormalForm> for Value {
    fn from(normal: NormalForm) -> Self {
        match normal {
            NormalForm::Text(text) => Value::String(text),
            // Digits are a JSON number.
            NormalForm::Integer(digits) => serde_json::from_str(&digits).unwrap_or(Value::String(digits)),
        }
    }
}

/// Brings the declared fields of `data` to their normal form.
pub fn normalise(schema: &EventSchema, data: &mut Map<String, Value>) {
    for field in schema.fields {
        if let Some(value) = data.get_mut(field.name)
            && let Some(normal) = NormalForm::of(&field.kind, &Cell::from(&*value))
        {
            *value = normal.into();
        }
    }
}

impl Vocabulary {
    /// The word that a text stands for: compared without blanks around it, in any
    /// case, with `_`, `-` and a blank alike; or by a declared alias.
    pub fn word(&self, text: &str) -> Option<&'static str> {
        if let Some(word) = self.words.iter().find(|word| **word == text) {
            return Some(word);
        }
        let folded = fold(text);
        let by_alias = || self.aliases.iter().find(|(alias, _)| *alias == folded).map(|(_, word)| word);
        self.words.iter().find(|word| fold(word) == folded).or_else(by_alias).copied()
    }
}

/// A word as words of vocabularies are compared.
pub fn fold(text: &str) -> String {
    let text = composed(text.trim()).to_lowercase();
    text.replace(['-', ' '], "_")
}

/// Text in Unicode's normalization form C.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || unicode_normalization::is_nfc(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::schema::{GOAL_WORDS, RECOMMENDATION_WORDS, TRANSACTION_WORDS};
    use super::*;

    fn normal(kind: &Kind, value: &Value) -> Value {
        NormalForm::of(kind, &Cell::from(value)).map_or_else(|| value.clone(), Value::from)
    }

    #[test]
    fn equal_values_are_equal() {
        let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (kind, written, expected) in [
            (&Kind::Id, json!(42), json!("42")),
            (&Kind::Id, json!("42"), json!("42")),
            (&Kind::Id, json!(42.0), json!("42")),
            (&Kind::Id, number("9007199254740993"), json!("9007199254740993")),
            (&Kind::Id, json!(" t-1 "), json!("t-1")),
            (&Kind::Id, json!(1.5), json!(1.5)),
            (&Kind::Index, number("3.0"), json!(3)),
            (&Kind::Index, number("30e-1"), json!(3)),
            (&Kind::Index, json!(3), json!(3)),
            (&Kind::Index, json!("3"), json!("3")),
            (&Kind::Name(128), json!("Cafe\u{301}"), json!("Caf\u{e9}")),
            (&Kind::Text(128), json!("Cafe\u{301}"), json!("Caf\u{e9}")),
            (&Kind::Vocabulary(&RECOMMENDATION_WORDS), json!(" View"), json!("view")),
            (&Kind::Vocabulary(&RECOMMENDATION_WORDS), json!("IMPLEMENT"), json!("implemented")),
            (&Kind::Vocabulary(&RECOMMENDATION_WORDS), json!("Not Helpful"), json!("not_helpful")),
            (&Kind::Vocabulary(&RECOMMENDATION_WORDS), json!("not-helpful"), json!("not_helpful")),
            (&Kind::Vocabulary(&RECOMMENDATION_WORDS), json!("shrugged"), json!("shrugged")),
            (&Kind::Vocabulary(&GOAL_WORDS), json!("achieved"), json!("achieve")),
            (&Kind::Vocabulary(&TRANSACTION_WORDS), json!("DEBIT"), json!("debit")),
            (&Kind::Vocabulary(&TRANSACTION_WORDS), json!("income"), json!("income")),
            // A code is three capital letters: a sender who writes others has made an error.
            (&Kind::Currency, json!("gbp"), json!("gbp")),
        ] {
            assert_eq!(normal(kind, &written), expected, "{kind:?} of {written}");
        }
    }

    #[test]
    fn an_alias_stands_for_one_word_and_is_none_itself() {
        for vocabulary in [&RECOMMENDATION_WORDS, &GOAL_WORDS, &TRANSACTION_WORDS] {
            for (alias, word) in vocabulary.aliases {
                assert_eq!(*alias, fold(alias), "aliases are declared as they are compared");
                assert!(vocabulary.words.contains(word), "{word}");
                assert!(!vocabulary.words.contains(alias), "{alias}");
                assert_eq!(vocabulary.aliases.iter().filter(|(other, _)| other == alias).count(), 1, "{alias}");
            }
        }
    }

    fn any_kind() -> impl Strategy<Value = &'static Kind> {
        static KINDS: [Kind; 7] = [
            Kind::Id,
            Kind::Index,
            Kind::Name(128),
            Kind::Text(128),
            Kind::Currency,
            Kind::Vocabulary(&RECOMMENDATION_WORDS),
            Kind::Vocabulary(&GOAL_WORDS),
        ];
        (0..KINDS.len()).prop_map(|index| &KINDS[index])
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            "[ A-Za-z_-]{0,12}".prop_map(Value::from),
            "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,3})?([eE]-?[0-9])?"
                .prop_map(|text| serde_json::from_str(&text).unwrap_or_default()),
            Just(Value::Null),
            Just(json!(["x"])),
        ]
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_as_it_is(kind in any_kind(), value in any_value()) {
            let once = normal(kind, &value);
            prop_assert_eq!(&normal(kind, &once), &once);
        }

        #[test]
        fn a_value_that_passes_stays_one_that_passes(kind in any_kind(), value in any_value()) {
            if kind.check(&value).is_ok() {
                prop_assert_eq!(kind.check(&normal(kind, &value)), Ok(()));
            }
        }
    }
}
