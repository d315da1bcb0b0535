//! docs/EVENTS.md, from the declarations of the event types.

use std::fmt::Write;

use super::schema::{EventSchema, Field, Kind, Refuse, Vocabulary, declared};

const INTRODUCTION: &str = "\
# Events

Generated from the declarations in `core/src/event/schema.rs` (by `UPDATE_DOCS=1 cargo test -p learning-core reference`). An
event with a fault that is *rejected* is not stored; every other fault is stored with a warning and lowers the quality score.

## The envelope

| member | what it holds | otherwise |
|---|---|---|
| `event_id` | a UUID; the same id of the same user is the same event | rejected; absent or null: derived from the content, see below |
| `user_id` | a UUID; neither of zeros nor of ones only | rejected (warning code `nil_id` for those two) |
| `event_type` | one of the types below, or another name of up to 64 letters, digits, blanks and `_ - . : /` | another name is stored and not trained on, with the warning `unknown_event_type`, which names the nearest known type (`page_view` and `purchase` are known, and get none); anything else is rejected |
| `occurred_at` | an RFC 3339 time, stored in UTC to the microsecond, with the offset beside it (`utc_offset_minutes`) | rejected; without an offset: read as UTC (warning `assumed_utc`); before `LEARNING_TIME_FLOOR`, or ahead of the clock by more than `LEARNING_CLOCK_SKEW_SECONDS`: warning `implausible_time`, and in no threshold, history, feature or calendar |
| `schema_version` | of `data`, a positive integer; 1 where it is absent or null | rejected; above the newest that is declared: warning, checked by the newest |
| `data` | an object, by type; fields that no type declares are kept | rejected |

`timestamp` and `event_data` are aliases of `occurred_at` and `data`. Where both names are there, the member's own name
counts; an equal value under the alias is dropped, a different one is an unknown member.

A time is stored in UTC. `utc_offset_minutes` is the sender's offset, and absent where the sender left it open (`Z`,
`-00:00`, none). A leap second (`23:59:60`) is stored within the last millisecond before the next second: after every
time of the second before it to the millisecond, before the next one, and in order among themselves.

Each stored event has a `source` (`http`, `queue`, `bus`, `stream`, `file`, `replay`) and a `sender`: the client of the
token (`client_id`, `azp`, `cid` or `appid`), the queue, the bus source, the table, or the folder of a file below
`incoming/`, the replayed file; the source's name where there is none. (A service that replays a file says so by the
headers `Learning-Source: replay` and `Learning-Sender: <file>`.)

## Equal values

Declared fields are stored in one normal form, in which they are checked, counted and compared:

- a whole number in its digits: `3.0`, `3e0` and `30e-1` are 3;
- an id as text, without blanks around it: `42` and `\"42\"` are one id;
- a word of a vocabulary in its listed spelling: trimmed, in any case, with `_`, `-` and a blank alike, or by an alias;
- text in Unicode's form NFC.

A number is what JSON's grammar describes, also in a text (which is of the wrong type, but can be read) and then between
blanks: `\"12.50\"` is one, `\"1_000.50\"`, `\"+5\"` and `\".5\"` are none. Numbers are rounded to 28 digits behind the point; more
than 28 before it cannot be read.

A field is not populated when it is absent, null, empty, blank or `\"NaN\"`; in names and prose (merchant, description, city,
country) `\"NaN\"` is a value.

Other members of the envelope are kept as `extra` of the stored event (warning `unknown_field`): redacted as `data` are, part
of what a repetition is compared with, and neither assessed nor trained on. Rejected, too, is an event with more than
`LEARNING_EVENT_BYTES` bytes, a string of more than `LEARNING_STRING_BYTES`, or `data` nested deeper than `LEARNING_DEPTH`.

## Events without an id

An event without an `event_id`, or with null, gets a UUID of version 8 that is made of its content after redaction (user,
type, time, schema version, `data` and other members) and of the number of equal events before it in the same file or
request. Values that mean the same are the same (`12.50` and `1.25e1`; two spellings of one instant). Neither the line, the name of the file, the message, the source nor an `Idempotency-Key` makes a difference, and an
`event_id` inside `data` is a field like any other. Hence:

- the same export sent twice, or two exports that overlap, store each event once, whatever sources they arrive through:
  HTTP, the queue, the bus, `incoming/` and `--events`; `assess` derives the same ids;
- equal events within one file or request are different events: two coffees at one price in one second are two;
- equal events in *different* requests are one event. A client that splits an export into requests has to give its events
  ids, or send equal ones in the same request; a file under `incoming/`, and one that `--events` or `replay` sends, is
  counted as a whole. A queue message and a bus event are one request each.

A bulk file can have 500,000 contents that repeat, a file that `--events` sends or `assess` reads 4,000,000 contents; equal
events beyond them are duplicates. The result of a bulk file says how many at most (`repeats_not_counted`).

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
they came: it is deleted, version and all, as soon as its result file says that every record of it is stored or in
quarantine in full, unless `LEARNING_KEEP_INCOMING` is set. Any other file stays, and its result says why.
";

const CORRECTIONS: &str = "
## Corrections of transactions

- The same `transaction_id` under another `event_id`: with equal content it is the same transaction, and counts as a
  duplicate in quality; with other content the later one takes the place of the earlier one from its `occurred_at` on.
- A `transaction_creation` with `replaces` (also `pending_transaction_id`) takes the place of the transaction that it names.
- A `transaction_void` takes a transaction back.

Rows as of an earlier moment still count the old transaction. docs/FEATURES.md says what holds of chains, of corrections out of
order and of unknown transactions. Every `transaction_creation` that is accepted counts towards the threshold of spending and
the history of its user, a repeat and a correction too, since ingestion does not read what it has stored; a void counts for
neither.
";

/// The page.
pub fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    for schema in declared() {
        // Writing to a string does not fail.
        let _ = write!(page, "\n## `{}`, version {}\n\n", schema.event_type, schema.version);
        page.push_str("| field | must be | required | rejected |\n|---|---|---|---|\n");
        for field in schema.fields {
            page.push_str(&row(schema, field));
        }
    }
    page.push_str(CORRECTIONS);
    page
}

fn row(schema: &EventSchema, field: &Field) -> String {
    let refused = match field.refuse {
        Refuse::Never => "never",
        Refuse::Unpopulated => "without a value",
        Refuse::Unreadable => "without a value that can be read",
        Refuse::Invalid => "unless it is valid",
    };
    let aliases = match field.kind {
        Kind::Vocabulary(vocabulary) => aliases(vocabulary),
        _ => String::new(),
    };
    let id = if field.name == schema.business_id { " (names the thing reported)" } else { "" };
    let required = if field.required { "yes" } else { "no" };
    format!("| `{}`{id} | {}{aliases} | {required} | {refused} |\n", field.name, field.kind.expectation())
}

fn aliases(vocabulary: &Vocabulary) -> String {
    let aliases: Vec<String> =
        vocabulary.aliases.iter().map(|(alias, word)| format!("`{alias}` for `{word}`")).collect();
    if aliases.is_empty() { String::new() } else { format!("; also {}", aliases.join(", ")) }
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
