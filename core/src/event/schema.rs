//! The declaration of every known event type.
//!
//! Ingestion (refuse or warn) and quality (completeness, validity, types) read
//! the same declaration, so a field or a rule is added here and nowhere else (or,
//! by a program that embeds the crate, with [`declare`]).

use std::sync::OnceLock;

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use serde_json::Value;

use super::cell::Cell;
use super::number;
use super::rule::{Demands, Rule};
use super::{EventType, FaultCode};

/// The fields of one event type's `data`.
#[derive(Debug)]
pub struct EventSchema {
    pub event_type: &'static str,
    /// Of `data`; a type has one declaration for each of its versions.
    pub version: u32,
    /// The field that identifies the thing reported (not the report).
    pub business_id: &'static str,
    pub fields: &'static [Field],
    /// Between its fields, and between the records of a user.
    pub rules: &'static [Rule],
    /// The field whose values are the classes that a model learns to tell apart.
    pub class: Option<&'static str>,
}

/// One field of `data`.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// Counts towards completeness.
    pub required: bool,
    pub refuse: Refuse,
}

/// When a fault of a field turns the whole event away at the door. Every other
/// fault is stored with a warning, so that it shows in the quality score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuse {
    Never,
    /// Without a value the event means nothing.
    Unpopulated,
    /// Neither without a value, nor with one that cannot be read.
    Unreadable,
    /// Any fault.
    Invalid,
}

/// Format and range of a value.
#[derive(Debug)]
pub enum Kind {
    /// A non-blank string of at most 128 characters, or an integer.
    Id,
    /// A label of at most so many characters.
    Text(usize),
    /// A name or prose of at most so many characters, in which every word is a value:
    /// "Nan" is a city, "NA" a country, "Null" a surname.
    Name(usize),
    /// A decimal number within bounds; a numeric string can be read, but is of the wrong type.
    Number {
        min: Bound,
        max: Bound,
    },
    /// A whole number that is not negative.
    Index,
    /// One of the listed words.
    Vocabulary(&'static Vocabulary),
    /// Three capital letters (ISO 4217).
    Currency,
    /// `YYYY-MM-DD`, or an RFC 3339 time.
    Date,
    Object,
}

/// The words that a field may hold.
#[derive(Debug)]
pub struct Vocabulary {
    pub words: &'static [&'static str],
    /// Other spellings, in lower case and with `_` between words, and the word that
    /// each stands for.
    pub aliases: &'static [(&'static str, &'static str)],
}

/// An end of a numeric range; the value is a whole number.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    None,
    Inclusive(i64),
    Exclusive(i64),
}

/// Whether a field holds something, and if not, in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Population {
    Populated,
    Absent,
    Null,
    Empty,
    Blank,
    NaN,
}

impl Population {
    pub fn of(value: Option<&Value>) -> Self {
        Cell::from(value).population()
    }
}

/// Reads a JSON number, or a string that spells one, without passing through
/// binary floating point. `None` for anything else and for numbers beyond 28 digits.
pub fn decimal(value: &Value) -> Option<Decimal> {
    Cell::from(value).decimal()
}

impl Kind {
    /// Whether a value of this kind holds something, and if not, in which way.
    pub fn population(&self, cell: &Cell<'_>) -> Population {
        match cell.population() {
            Population::NaN if matches!(self, Kind::Name(_)) => Population::Populated,
            population => population,
        }
    }

    /// Whether a text is a currency's code.
    pub fn is_currency(text: &str) -> bool {
        text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    /// Checks a populated value.
    pub fn check(&self, value: &Value) -> Result<(), FaultCode> {
        self.check_cell(&Cell::from(value))
    }

    /// Checks a populated value.
    pub fn check_cell(&self, cell: &Cell<'_>) -> Result<(), FaultCode> {
        self.check_read(cell, if matches!(self, Kind::Number { .. }) { cell.decimal() } else { None })
    }

    /// Checks a populated value of which the number, if it spells one, was read already.
    pub fn check_read(&self, cell: &Cell<'_>, number: Option<Decimal>) -> Result<(), FaultCode> {
        let text = |fits: &dyn Fn(&str) -> bool, fault| match cell {
            Cell::Text(text) => {
                if fits(text) {
                    Ok(())
                } else {
                    Err(fault)
                }
            }
            _ => Err(FaultCode::WrongType),
        };
        match self {
            Kind::Id => match cell {
                Cell::Text(text) if text.len() > 128 && text.chars().count() > 128 => Err(FaultCode::TooLong),
                Cell::Text(_) => Ok(()),
                Cell::Number(number) if number::integer(number).is_some() => Ok(()),
                _ => Err(FaultCode::WrongType),
            },
            Kind::Text(most) | Kind::Name(most) => {
                text(&|text| text.len() <= *most || text.chars().count() <= *most, FaultCode::TooLong)
            }
            Kind::Number { min, max } => {
                let number = number.ok_or(FaultCode::WrongType)?;
                if !min.admits_from_below(number) || !max.admits_from_above(number) {
                    return Err(FaultCode::OutOfRange);
                }
                if matches!(cell, Cell::Number(_)) { Ok(()) } else { Err(FaultCode::WrongType) }
            }
            Kind::Index => match cell {
                Cell::Number(number) => match number::integer(number) {
                    Some(digits) if digits.parse::<u64>().is_ok() => Ok(()),
                    Some(_) => Err(FaultCode::OutOfRange),
                    None => Err(FaultCode::WrongType),
                },
                _ => Err(FaultCode::WrongType),
            },
            Kind::Vocabulary(vocabulary) => text(&|text| vocabulary.word(text).is_some(), FaultCode::NotInVocabulary),
            Kind::Currency => text(&Kind::is_currency, FaultCode::InvalidFormat),
            Kind::Date => text(&|text| parse_date(text).is_some(), FaultCode::InvalidFormat),
            Kind::Object => match cell {
                Cell::Nested(value) if value.is_object() => Ok(()),
                _ => Err(FaultCode::WrongType),
            },
        }
    }

    /// Whether the value can be read at all, however implausible it is.
    pub fn readable(&self, value: &Value) -> bool {
        match self {
            Kind::Number { .. } => decimal(value).is_some(),
            _ => self.check(value) != Err(FaultCode::WrongType),
        }
    }

    /// What a correct value looks like, to finish the sentence "must be …".
    pub fn expectation(&self) -> String {
        match self {
            Kind::Id => "an id: a string of at most 128 characters, or an integer".into(),
            Kind::Text(most) | Kind::Name(most) => format!("a string of at most {most} characters"),
            Kind::Number { min, max } => {
                match (min.describe("greater than", "at least"), max.describe("less than", "at most")) {
                    (None, None) => "a number".into(),
                    (Some(min), None) => format!("a number {min}"),
                    (None, Some(max)) => format!("a number {max}"),
                    (Some(min), Some(max)) => format!("a number {min} and {max}"),
                }
            }
            Kind::Index => "a whole number of at least 0".into(),
            Kind::Vocabulary(vocabulary) => format!("one of {}", vocabulary.words.join(", ")),
            Kind::Currency => "three capital letters (ISO 4217)".into(),
            Kind::Date => "a date (YYYY-MM-DD) or an RFC 3339 time".into(),
            Kind::Object => "an object".into(),
        }
    }
}

impl Bound {
    fn admits_from_below(self, number: Decimal) -> bool {
        match self {
            Bound::None => true,
            Bound::Inclusive(bound) => number >= Decimal::from(bound),
            Bound::Exclusive(bound) => number > Decimal::from(bound),
        }
    }

    fn admits_from_above(self, number: Decimal) -> bool {
        match self {
            Bound::None => true,
            Bound::Inclusive(bound) => number <= Decimal::from(bound),
            Bound::Exclusive(bound) => number < Decimal::from(bound),
        }
    }

    fn describe(self, exclusive: &str, inclusive: &str) -> Option<String> {
        match self {
            Bound::None => None,
            Bound::Inclusive(bound) => Some(format!("{inclusive} {bound}")),
            Bound::Exclusive(bound) => Some(format!("{exclusive} {bound}")),
        }
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|time| time.date_naive()))
}

/// The interactions with a recommendation, weakest first.
pub const RECOMMENDATION_INTERACTIONS: &[&str] = &["view", "click", "dismiss", "helpful", "not_helpful", "implemented"];
const FEEDBACK: &[&str] = &["click", "dismiss", "helpful", "not_helpful", "implemented"];
/// What can happen to a goal.
pub const GOAL_INTERACTIONS: &[&str] = &["create", "update", "achieve", "fail", "delete"];

/// The interactions with a recommendation, and what senders call them beside that.
pub static RECOMMENDATION_WORDS: Vocabulary = Vocabulary {
    words: RECOMMENDATION_INTERACTIONS,
    aliases: &[
        ("viewed", "view"),
        ("views", "view"),
        ("clicked", "click"),
        ("clicks", "click"),
        ("dismissed", "dismiss"),
        ("nothelpful", "not_helpful"),
        ("unhelpful", "not_helpful"),
        ("implement", "implemented"),
    ],
};
/// What can happen to a goal, and what senders call it beside that.
pub static GOAL_WORDS: Vocabulary = Vocabulary {
    words: GOAL_INTERACTIONS,
    aliases: &[
        ("created", "create"),
        ("updated", "update"),
        ("achieved", "achieve"),
        ("failed", "fail"),
        ("deleted", "delete"),
    ],
};
/// The directions of a transaction, and their abbreviations in accounting.
pub static TRANSACTION_WORDS: Vocabulary =
    Vocabulary { words: &["debit", "credit"], aliases: &[("dr", "debit"), ("cr", "credit")] };
static PRECISION_WORDS: Vocabulary = Vocabulary { words: &["day", "second"], aliases: &[] };

/// Event types that senders use and no dataset reads: stored as behaviour, without a warning.
pub const BEHAVIOUR: &[&str] = &["page_view", "purchase"];

/// What something is labelled with: longer than that, it is something else.
const LABEL: Kind = Kind::Text(128);
/// What somebody or a place is called.
const NAME: Kind = Kind::Name(128);
/// What somebody wrote: as much as is kept of a string, unless an operator says otherwise.
const PROSE: Kind = Kind::Name(1_000);

const ANY: Kind = Kind::Number { min: Bound::None, max: Bound::None };
const NOT_NEGATIVE: Kind = Kind::Number { min: Bound::Inclusive(0), max: Bound::None };
const PROBABILITY: Kind = Kind::Number { min: Bound::Inclusive(0), max: Bound::Inclusive(1) };
const PROPENSITY: Kind = Kind::Number { min: Bound::Exclusive(0), max: Bound::Inclusive(1) };

const fn required(name: &'static str, kind: Kind, refuse: Refuse) -> Field {
    Field { name, kind, required: true, refuse }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, refuse: Refuse::Never }
}

static TRANSACTION: EventSchema = EventSchema {
    event_type: "transaction_creation",
    version: 1,
    business_id: "transaction_id",
    fields: &[
        required("transaction_id", Kind::Id, Refuse::Unpopulated),
        required("amount", NOT_NEGATIVE, Refuse::Unreadable),
        required("transaction_type", Kind::Vocabulary(&TRANSACTION_WORDS), Refuse::Invalid),
        required("category", LABEL, Refuse::Never),
        optional("merchant_name", NAME),
        optional("description", PROSE),
        optional("balance_after", ANY),
        optional("currency", Kind::Currency),
        optional("location_city", NAME),
        optional("location_country", NAME),
        optional("time_precision", Kind::Vocabulary(&PRECISION_WORDS)),
        // The transaction_id of the transaction, often a pending one, that this one takes the place of.
        optional("replaces", Kind::Id),
        // Another name of `replaces`, as bank feeds write it; `replaces` decides where both are there.
        optional("pending_transaction_id", Kind::Id),
    ],
    rules: &[
        Rule {
            name: "balance_chain",
            field: "balance_after",
            demands: Demands::Chain {
                amount: "amount",
                direction: "transaction_type",
                up: "credit",
                down: "debit",
                precision: "time_precision",
                day: "day",
            },
        },
        Rule { name: "one_currency", field: "currency", demands: Demands::OneValue },
        Rule { name: "same_id_same_content", field: "transaction_id", demands: Demands::SameContent },
    ],
    class: Some("transaction_type"),
};

/// Takes a transaction back: from its time on, the transaction does not count.
static VOID: EventSchema = EventSchema {
    event_type: "transaction_void",
    version: 1,
    business_id: "transaction_id",
    fields: &[required("transaction_id", Kind::Id, Refuse::Unpopulated), optional("reason", PROSE)],
    rules: &[],
    class: None,
};

static RECOMMENDATION: EventSchema = EventSchema {
    event_type: "recommendation_interaction",
    version: 1,
    business_id: "recommendation_id",
    fields: &[
        required("recommendation_id", Kind::Id, Refuse::Unpopulated),
        required("interaction_type", Kind::Vocabulary(&RECOMMENDATION_WORDS), Refuse::Unpopulated),
        optional("action_id", Kind::Index),
        optional("action_type", LABEL),
        optional("reward", ANY),
        optional("propensity", PROPENSITY),
        optional("position", Kind::Index),
        optional("context", Kind::Object),
        optional("feedback_text", PROSE),
    ],
    // Feedback is any interaction but a view. Its recommendation is one decision, however
    // many records report it, and they tell together what was recommended, and how likely.
    rules: &[
        Rule {
            name: "feedback_refers_to_action",
            field: "action_id",
            demands: Demands::Carries {
                id: "recommendation_id",
                interactions: FEEDBACK,
                one_of: &["action_id", "action_type"],
            },
        },
        Rule {
            name: "feedback_carries_propensity",
            field: "propensity",
            demands: Demands::Carries { id: "recommendation_id", interactions: FEEDBACK, one_of: &["propensity"] },
        },
    ],
    class: Some("interaction_type"),
};

static GOAL: EventSchema = EventSchema {
    event_type: "goal_modification",
    version: 1,
    business_id: "goal_id",
    fields: &[
        required("goal_id", Kind::Id, Refuse::Unpopulated),
        required("interaction_type", Kind::Vocabulary(&GOAL_WORDS), Refuse::Unpopulated),
        optional("goal_amount", NOT_NEGATIVE),
        optional("current_amount", NOT_NEGATIVE),
        optional("target_date", Kind::Date),
        optional("goal_type", LABEL),
    ],
    rules: &[Rule {
        name: "goal_order",
        field: "interaction_type",
        demands: Demands::Order {
            id: "goal_id",
            opens: &["create"],
            continues: &["update"],
            ends: &["achieve", "fail", "delete"],
        },
    }],
    class: Some("interaction_type"),
};

static SEGMENT: EventSchema = EventSchema {
    event_type: "user_segment_update",
    version: 1,
    business_id: "segment_id",
    fields: &[
        required("segment_id", Kind::Id, Refuse::Never),
        required("segment_name", LABEL, Refuse::Never),
        optional("confidence", PROBABILITY),
    ],
    rules: &[],
    class: Some("segment_name"),
};

static BUNDLED: [&EventSchema; 5] = [&TRANSACTION, &RECOMMENDATION, &GOAL, &SEGMENT, &VOID];

static DECLARED: OnceLock<Vec<&'static EventSchema>> = OnceLock::new();

/// All declared types: the bundled ones, then those of [`declare`].
pub fn declared() -> &'static [&'static EventSchema] {
    DECLARED.get_or_init(|| BUNDLED.to_vec())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDeclared {
    #[error("event types are declared once, before the first use of any")]
    TooLate,
    #[error("this version of the event type {0} is declared already")]
    NameTaken(&'static str),
}

/// Adds event types for the lifetime of the process.
///
/// # Errors
/// When an event has been read before, and for a name that is taken.
pub fn declare(more: impl IntoIterator<Item = &'static EventSchema>) -> Result<(), NotDeclared> {
    let mut all = BUNDLED.to_vec();
    for schema in more {
        if all.iter().any(|other| (other.event_type, other.version) == (schema.event_type, schema.version)) {
            return Err(NotDeclared::NameTaken(schema.event_type));
        }
        all.push(schema);
    }
    DECLARED.set(all).map_err(|_| NotDeclared::TooLate)
}

/// The declaration of a type; `None` for types that nothing is known about.
pub fn schema(event_type: &EventType) -> Option<&'static EventSchema> {
    of_name(event_type.name())
}

/// The newest declaration of the type of this name.
pub fn of_name(event_type: &str) -> Option<&'static EventSchema> {
    of_version(event_type, u32::MAX)
}

/// The declaration by which `data` of a version is checked: its own, or the
/// newest before it; the oldest there is where none is before it.
pub fn of_version(event_type: &str, version: u32) -> Option<&'static EventSchema> {
    let of_type = || declared().iter().copied().filter(|schema| schema.event_type == event_type);
    of_type()
        .filter(|schema| schema.version <= version)
        .max_by_key(|schema| schema.version)
        .or_else(|| of_type().min_by_key(|schema| schema.version))
}

/// The place of an event type among the declared ones: of its newest version, by
/// which records of all versions are judged.
pub fn place_of(event_type: &str) -> Option<usize> {
    let of_type = declared().iter().enumerate().filter(|(_, schema)| schema.event_type == event_type);
    of_type.max_by_key(|(_, schema)| schema.version).map(|(place, _)| place)
}

impl EventSchema {
    /// The place of a field among [`EventSchema::fields`].
    pub fn place(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|declared| declared.name == field)
    }

    /// What `interaction_type` may say; `None` where the type has no interactions.
    pub fn interactions(&self) -> Option<&'static [&'static str]> {
        self.fields.iter().find(|field| field.name == "interaction_type").and_then(|field| match field.kind {
            Kind::Vocabulary(vocabulary) => Some(vocabulary.words),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_keeps_its_decimal_text() {
        let value: Value = serde_json::from_str("0.10000000000000000000000001").unwrap();
        assert_eq!(decimal(&value).unwrap().to_string(), "0.10000000000000000000000001");
        assert_eq!(decimal(&serde_json::from_str("1.5e3").unwrap()), Some(Decimal::from(1500)));
        assert_eq!(decimal(&json!("abc")), None);
        assert_eq!(decimal(&json!(true)), None);
    }

    #[test]
    fn each_way_of_holding_nothing_is_told_apart() {
        assert_eq!(Population::of(None), Population::Absent);
        assert_eq!(Population::of(Some(&json!(null))), Population::Null);
        assert_eq!(Population::of(Some(&json!(""))), Population::Empty);
        assert_eq!(Population::of(Some(&json!(" \t"))), Population::Blank);
        assert_eq!(Population::of(Some(&json!("NaN"))), Population::NaN);
        assert_eq!(Population::of(Some(&json!(0))), Population::Populated);
    }

    #[test]
    fn kinds_accept_and_refuse() {
        for (kind, value, expected) in [
            (&NOT_NEGATIVE, json!(0), Ok(())),
            (&NOT_NEGATIVE, json!(-0.01), Err(FaultCode::OutOfRange)),
            (&NOT_NEGATIVE, json!("12.5"), Err(FaultCode::WrongType)),
            (&PROPENSITY, json!(0), Err(FaultCode::OutOfRange)),
            (&PROPENSITY, json!(1), Ok(())),
            (&Kind::Index, json!(-1), Err(FaultCode::OutOfRange)),
            (&Kind::Index, json!(1.5), Err(FaultCode::WrongType)),
            (&Kind::Index, json!(3.0), Ok(())),
            (&Kind::Currency, json!("GBP"), Ok(())),
            (&Kind::Currency, json!("£"), Err(FaultCode::InvalidFormat)),
            (&Kind::Date, json!("2026-02-30"), Err(FaultCode::InvalidFormat)),
            (&Kind::Date, json!("2026-02-28T10:00:00+01:00"), Ok(())),
            (&Kind::Vocabulary(&GOAL_WORDS), json!("Achieved "), Ok(())),
            (&Kind::Vocabulary(&GOAL_WORDS), json!("won"), Err(FaultCode::NotInVocabulary)),
            (&Kind::Id, json!("x".repeat(129)), Err(FaultCode::TooLong)),
            (&Kind::Object, json!([]), Err(FaultCode::WrongType)),
            (&NAME, json!("é".repeat(128)), Ok(())),
            (&NAME, json!("é".repeat(129)), Err(FaultCode::TooLong)),
        ] {
            assert_eq!(kind.check(&value), expected, "{kind:?} of {value}");
        }
    }
}
