//! The fast path and the slow path give the same event, or the fast path gives none.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::envelope::{self, Limits};
use super::super::privacy::Redactor;
use super::super::schema::{EventSchema, declared};
use super::super::{EventType, FaultCode};
use super::*;

const ID: &str = "960cf240-310c-5496-9b51-c5b65dbee86d";

fn intake() -> Intake {
    Intake { now: "2026-06-01T00:00:00Z".parse().unwrap(), limits: Limits::default(), privacy: Redactor::default() }
}

/// Values that fit some kind of field, nearly fit, or do not.
fn any_value() -> impl Strategy<Value = String> {
    let listed = [
        "null",
        "true",
        "0",
        "3",
        "3.0",
        "30e-1",
        "-1",
        "1e-29",
        "5.551115123125783e-17",
        "0.25",
        "1e400",
        "42",
        "\"42\"",
        "\"\"",
        "\" \"",
        "\"NaN\"",
        "\"NA\"",
        "\"view\"",
        "\"View \"",
        "\"implement\"",
        "\"debit\"",
        "\"CR\"",
        "\"achieved\"",
        "\"create\"",
        "\"GBP\"",
        "\"gbp\"",
        "\"1_000.50\"",
        "\"12.5\"",
        "\"2026-01-31\"",
        "\"day\"",
        "\"Cafe\\u0301\"",
        "\"Café\"",
        "\"t-1\"",
        "\" t-1\"",
        "\"joe@example.org\"",
        "{}",
        "{\"a\":[1]}",
        "[[[1]]]",
    ];
    prop_oneof![
        4 => prop::sample::select(listed.to_vec()).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        1 => any::<f64>().prop_map(|number| json!(number).to_string()),
    ]
}

fn data_of(schema: &'static EventSchema) -> impl Strategy<Value = String> {
    let names: Vec<&str> = schema.fields.iter().map(|field| field.name).chain(["note", "event_id", "nested"]).collect();
    prop::collection::vec((prop::sample::select(names), any_value()), 0..12).prop_map(|entries| {
        let entries: Vec<String> = entries.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", entries.join(","))
    })
}

/// A member of the envelope, mostly as it should be.
fn member(usual: &'static [&'static str], odd: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => prop::sample::select(usual.to_vec()), 1 => prop::sample::select(odd.to_vec())]
}

fn any_line() -> impl Strategy<Value = String> {
    let schema = (0..declared().len()).prop_map(|index| declared()[index]);
    let id = member(
        &["\"event_id\":\"960cf240-310c-5496-9b51-c5b65dbee86d\","],
        &["", "\"event_id\":null,", "\"event_id\":\"00000000-0000-0000-0000-000000000000\","],
    );
    let time = member(
        &[
            "\"occurred_at\":\"2026-01-31T10:00:00.123456789+01:00\"",
            "\"occurred_at\":\"2026-01-31T10:00:00Z\"",
            "\"occurred_at\":\"1970-01-21T05:10:02.120-00:00\"",
            "\"occurred_at\":\"2016-12-31T23:59:60.5Z\"",
        ],
        &["\"timestamp\":\"2026-01-31T10:00:00Z\"", "\"occurred_at\":\"2026-01-31T10:00:00\"", "\"occurred_at\":1"],
    );
    let more = member(
        &["", ",\"schema_version\":1"],
        &[
            ",\"schema_version\":null",
            ",\"schema_version\":1.0",
            ",\"schema_version\":9",
            ",\"trace\":{\"a\":1}",
            ",\"timestamp\":1",
        ],
    );
    let name = member(&["data"], &["event_data"]);
    (schema, id, time, more, name).prop_flat_map(|(schema, id, time, more, name)| {
        let event_type = schema.event_type;
        data_of(schema).prop_map(move |data| {
            format!("{{{id}\"user_id\":\"{ID}\",\"event_type\":\"{event_type}\",{time},\"{name}\":{data}{more}}}")
        })
    })
}

/// What the slow path makes of a line.
fn slowly(line: &str) -> Result<envelope::Admitted, Vec<crate::event::Fault>> {
    let json: Value = serde_json::from_str(line).expect("the generator writes JSON");
    envelope::read(json, &intake(), |content| content.event_id(0))
}

/// The values with their keys, and what is read of them; numbers in one spelling.
fn cells(readings: &Readings<'_>) -> Vec<String> {
    let one_spelling = |cell: &Cell<'_>| match cell {
        Cell::Number(number) => format!("Number({})", super::super::number::canonical(number)),
        cell => format!("{cell:?}"),
    };
    let fields = readings
        .fields
        .iter()
        .map(|field| format!("{} {:?} {:?}", one_spelling(&field.cell), field.population, field.number));
    fields.chain(readings.others.iter().map(|(key, cell)| format!("{key} {}", one_spelling(cell)))).collect()
}

/// What is read of an event that was built.
fn readings_of(event: &crate::event::Event) -> Readings<'_> {
    let entries = event.data.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), Cell::from(value)));
    Readings::new(schema::place_of(event.event_type.name()).unwrap(), entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_paths_give_the_same_event(line in any_line()) {
        let Some(fast) = read(line.as_bytes(), &intake()) else { return Ok(()) };
        let slow = slowly(&line).map_err(|faults| TestCaseError::fail(format!("{line}: {faults:?}")))?;
        prop_assert_eq!((fast.id, fast.user), (slow.event.id, slow.event.user));
        prop_assert_eq!(fast.occurred_at, slow.event.occurred_at);
        prop_assert_eq!(fast.utc_offset_minutes, slow.event.utc_offset_minutes);
        prop_assert_eq!(&EventType::from_name(fast.data.schema.event_type), &slow.event.event_type);
        prop_assert!(slow.event.extra.is_empty());
        prop_assert!(slow.redactions.is_none());
        // Of the warnings, those of fields and of implausible times are seen in the event itself.
        let seen = |code| !matches!(code, FaultCode::UnknownField | FaultCode::AssumedUtc | FaultCode::UnknownVersion);
        prop_assert!(slow.warnings.iter().all(|fault| seen(fault.code)), "{:?}", slow.warnings);
        prop_assert_eq!(cells(&fast.data), cells(&readings_of(&slow.event)));
    }

    #[test]
    fn an_event_that_is_stored_as_it_was_written_takes_the_fast_path(line in any_line()) {
        let Ok(slow) = slowly(&line) else { return Ok(()) };
        let written: Map<String, Value> = serde_json::from_str(&line).unwrap();
        let as_it_was = written.get("data").and_then(Value::as_object) == Some(&slow.event.data);
        let is_plain = as_it_was && written.contains_key("occurred_at") && written.contains_key("event_id") && slow.redactions.is_none()
            && slow.warnings.iter().all(|fault| fault.loc.first().is_some_and(|member| member == "data"))
            && !written["event_id"].is_null()
            && written.get("schema_version").is_none_or(|version| *version == 1);
        // A key that comes twice takes the slow path.
        let keys = line.matches("\":").count();
        let distinct = written.len() + slow.event.data.len();
        if is_plain && keys == distinct {
            prop_assert!(read(line.as_bytes(), &intake()).is_some(), "{}", line);
        }
    }
}

#[test]
fn most_of_what_the_generator_writes_is_admitted_by_some_path() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut fast, mut slow) = (0, 0);
    for _ in 0..2_000 {
        let line = any_line().new_tree(&mut runner).unwrap().current();
        fast += u32::from(read(line.as_bytes(), &intake()).is_some());
        slow += u32::from(slowly(&line).is_ok());
    }
    assert!(fast > 50 && slow > fast, "{fast} by the fast path, {slow} by the slow one");
}
