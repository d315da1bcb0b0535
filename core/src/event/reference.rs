//! docs/EVENTS.md, from the declarations of the event types.

use std::fmt::Write;

use super::schema::{EventSchema, Field, Refuse, declared};

const INTRODUCTION: &str = "\
# Events

Made from the declarations in `core/src/event/schema.rs` (`UPDATE_DOCS=1 cargo test -p learning-core reference` writes it
anew). What is *refused* does not come in; every other fault is stored with a warning and lowers the quality score.

## The envelope

| member | what it holds | if not |
|---|---|---|
| `event_id` | a UUID; the same id of the same user is the same event | refused; absent: one is made |
| `user_id` | a UUID | refused |
| `event_type` | one of the types below, or another name of up to 64 letters, digits, blanks and `_ - . : /`: that is stored and not trained on | refused |
| `occurred_at` | an RFC 3339 time, stored in UTC to the microsecond, with the offset beside it (`utc_offset_minutes`) | rejected; without an offset: read as UTC (warning `assumed_utc`); before `LEARNING_TIME_FLOOR`, or ahead of the clock by more than `LEARNING_CLOCK_SKEW_SECONDS`: warning `implausible_time`, and in no history, feature or calendar |
| `schema_version` | of `data`, a positive integer; 1 unless it is given | refused; above the newest that is declared: warning, checked by the newest |
| `data` | an object, by type; fields that no type declares are kept | refused |

Other members of the envelope are kept as `extra` of the stored event (warning `unknown_field`): redacted as `data` are, part
of what a repetition is compared with, and neither judged nor trained on. Refused, too, is an event with more than
`LEARNING_EVENT_BYTES` bytes, a string of more than `LEARNING_STRING_BYTES`, or `data` nested deeper than `LEARNING_DEPTH`.

## What is never kept

Before an event is stored, logged or put in quarantine:

- values under sensitive keys are dropped, at every depth: password, token, secret, auth, credit card, card number, CVV,
  IBAN, SSN, social security, PIN, private and API keys. Keys are read by word (`authToken`, `card.number`,
  `{\"card\": {\"number\": …}}`), so that `author` and `keyboard` stay (`LEARNING_REDACT_KEYS`);
- in strings and keys, these become `[card]` (Luhn; also whole numbers), `[iban]` (mod 97), `[ssn]`, `[email]` and `[phone]`
  (`LEARNING_REDACT_CARDS`, `_IBANS`, `_SSNS`, `_EMAILS`, `_PHONES`). Phone numbers are those with `+` or `00`, North American
  ones, and national ones with a leading 0; digits under a key that ends in `id` are never taken for one;
- strings of more than `LEARNING_STRING_CHARS` characters are cut, and end with `…[truncated]`.

How much was dropped, masked and truncated is counted on the stored event. A bulk file under `incoming/` holds its events as
they came: it is deleted, version and all, as soon as its result file tells that all of it is taken in, unless
`LEARNING_KEEP_INCOMING` is set. One that cannot be read to its end stays for somebody to look at.
";

/// The page.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for schema in declared() {
        // Writing to a string does not fail.
        let _ = write!(page, "\n## `{}`, version {}\n\n", schema.event_type, schema.version);
        page.push_str("| field | must be | required | refused |\n|---|---|---|---|\n");
        for field in schema.fields {
            page.push_str(&row(schema, field));
        }
    }
    page
}

fn row(schema: &EventSchema, field: &Field) -> String {
    let refused = match field.refuse {
        Refuse::Never => "never",
        Refuse::Unpopulated => "without a value",
        Refuse::Unreadable => "without a value that can be read",
        Refuse::Invalid => "unless it is valid",
    };
    let id = if field.name == schema.business_id { " (names the thing reported)" } else { "" };
    let required = if field.required { "yes" } else { "no" };
    format!("| `{}`{id} | {} | {required} | {refused} |\n", field.name, field.kind.expectation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/EVENTS.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        assert_eq!(page, markdown(), "run `UPDATE_DOCS=1 cargo test -p learning-core reference`");
    }
}
