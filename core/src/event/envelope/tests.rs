use proptest::prelude::*;
use serde_json::json;

use super::super::schema::{Bound, Kind};
use super::*;

fn intake() -> Intake {
    Intake { now: "2026-06-01T00:00:00Z".parse().unwrap(), limits: Limits::default(), privacy: Redactor::default() }
}

fn read(json: &Value, intake: &Intake) -> Result<Admitted, Vec<Fault>> {
    super::read(json.clone(), intake, |content| content.event_id(0))
}

fn transaction() -> Value {
    json!({
        "event_id": "960cf240-310c-5496-9b51-c5b65dbee86d",
        "user_id": "f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a",
        "event_type": "transaction_creation",
        "occurred_at": "2026-01-31T10:00:00.123456789+01:00",
        "data": {"transaction_id": "t1", "amount": 12.5, "transaction_type": "debit", "category": "Groceries"},
    })
}

fn with(path: &str, value: Value) -> Value {
    let mut event = transaction();
    *event.pointer_mut(path).expect("path") = value;
    event
}

fn codes(faults: &[Fault]) -> Vec<(String, FaultCode)> {
    faults.iter().map(|fault| (fault.loc.join("."), fault.code)).collect()
}

#[test]
fn a_clean_event_is_admitted_in_utc_microseconds() {
    let admitted = read(&transaction(), &intake()).unwrap();
    assert_eq!(admitted.warnings, []);
    assert_eq!(crate::event::format_time(admitted.event.occurred_at), "2026-01-31T09:00:00.123456Z");
    assert_eq!(admitted.event.schema_version, 1);
}

#[test]
fn all_faults_are_named_at_once() {
    let faults = read(&json!({"event_id": 1, "user_id": null, "data": {}}), &intake()).unwrap_err();
    assert_eq!(
        codes(&faults),
        [
            ("event_id".into(), FaultCode::WrongType),
            ("user_id".into(), FaultCode::Missing),
            ("event_type".into(), FaultCode::Missing),
            ("occurred_at".into(), FaultCode::Missing),
        ]
    );
}

#[test]
fn what_cannot_be_trained_on_is_refused() {
    for (path, value, code) in [
        ("/data/transaction_id", json!(" "), FaultCode::Missing),
        ("/data/amount", json!("twelve"), FaultCode::WrongType),
        ("/data/amount", json!(null), FaultCode::Missing),
        ("/data/transaction_type", json!("refund"), FaultCode::NotInVocabulary),
    ] {
        let faults = read(&with(path, value), &intake()).unwrap_err();
        assert_eq!(codes(&faults), [(path[1..].replace('/', "."), code)]);
    }
}

#[test]
fn what_is_merely_dirty_is_admitted_with_a_warning() {
    for (path, value, code) in [
        ("/data/category", json!(null), FaultCode::Missing),
        ("/data/amount", json!(-1), FaultCode::OutOfRange),
        ("/data/amount", json!("12.50"), FaultCode::WrongType),
        ("/occurred_at", json!("2999-01-01T00:00:00Z"), FaultCode::ImplausibleTime),
        ("/occurred_at", json!("1999-12-31T23:59:59Z"), FaultCode::ImplausibleTime),
        ("/occurred_at", json!("1970-01-21T05:10:02.120Z"), FaultCode::ImplausibleTime),
    ] {
        let admitted = read(&with(path, value), &intake()).unwrap();
        assert_eq!(codes(&admitted.warnings), [(path[1..].replace('/', "."), code)]);
    }
}

#[test]
fn null_is_the_same_as_absent() {
    for member in ["event_id", "schema_version"] {
        let mut absent = transaction();
        absent.as_object_mut().unwrap().remove(member);
        let mut null = transaction();
        null[member] = Value::Null;
        assert_eq!(read(&null, &intake()), read(&absent, &intake()), "{member}");
        assert!(read(&null, &intake()).is_ok(), "{member}");
    }
}

#[test]
fn a_schema_version_is_a_whole_number_however_it_is_spelled() {
    for (text, expected) in
        [("1.0", Some(1)), ("1e0", Some(1)), ("10e-1", Some(1)), ("0", None), ("-1", None), ("1.5", None)]
    {
        let mut event = transaction();
        event["schema_version"] = serde_json::from_str(text).unwrap();
        let version = read(&event, &intake()).ok().map(|admitted| admitted.event.schema_version);
        assert_eq!(version, expected, "{text}");
    }
}

#[test]
fn a_uuid_that_identifies_nothing_is_rejected() {
    for member in ["event_id", "user_id"] {
        for uuid in ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"] {
            let mut event = transaction();
            event[member] = json!(uuid);
            assert_eq!(codes(&read(&event, &intake()).unwrap_err()), [(member.into(), FaultCode::NilId)], "{uuid}");
        }
    }
}

#[test]
fn members_may_come_under_their_aliases() {
    let mut event = transaction();
    for (alias, member) in ALIASES {
        let value = event.as_object_mut().unwrap().remove(member).unwrap();
        event[alias] = value;
    }
    assert_eq!(read(&event, &intake()), read(&transaction(), &intake()));
}

#[test]
fn the_members_own_name_counts_where_both_are_there() {
    let mut event = transaction();
    event["timestamp"] = event["occurred_at"].clone();
    assert_eq!(read(&event, &intake()), read(&transaction(), &intake()));
    event["timestamp"] = json!("2020-01-01T00:00:00Z");
    let admitted = read(&event, &intake()).unwrap();
    assert_eq!(admitted.event.occurred_at, read(&transaction(), &intake()).unwrap().event.occurred_at);
    assert_eq!(admitted.event.extra["timestamp"], "2020-01-01T00:00:00Z");
    assert_eq!(codes(&admitted.warnings), [(String::new(), FaultCode::UnknownField)]);
    event["occurred_at"] = Value::Null;
    let admitted = read(&event, &intake()).unwrap();
    assert_eq!(crate::event::format_time(admitted.event.occurred_at), "2020-01-01T00:00:00.000000Z");
}

#[test]
fn a_time_without_an_offset_is_utc_with_a_warning() {
    let admitted = read(&with("/occurred_at", json!("2026-01-31T09:30:00")), &intake()).unwrap();
    assert_eq!(codes(&admitted.warnings), [("occurred_at".into(), FaultCode::AssumedUtc)]);
    assert_eq!(admitted.event.utc_offset_minutes, None);
    assert_eq!(read(&transaction(), &intake()).unwrap().event.utc_offset_minutes, Some(60));
}

#[test]
fn values_are_stored_in_their_normal_form() {
    let mut event = transaction();
    event["data"]["transaction_id"] = json!(42.0);
    event["data"]["transaction_type"] = json!(" Debit");
    event["data"]["merchant_name"] = json!("Cafe\u{301}");
    let admitted = read(&event, &intake()).unwrap();
    assert_eq!(admitted.warnings, []);
    assert_eq!(admitted.event.data["transaction_id"], "42");
    assert_eq!(admitted.event.data["transaction_type"], "debit");
    assert_eq!(admitted.event.data["merchant_name"], "Caf\u{e9}");
}

#[test]
fn names_that_look_like_nothing_are_values() {
    for field in ["merchant_name", "location_city", "location_country", "description"] {
        let mut event = transaction();
        event["data"][field] = json!("NaN");
        assert_eq!(read(&event, &intake()).unwrap().warnings, [], "{field}");
        let kind =
            &schema::of_name("transaction_creation").unwrap().fields.iter().find(|f| f.name == field).unwrap().kind;
        assert_eq!(kind.population(&Cell::from(&event["data"][field])), Population::Populated, "{field}");
    }
}

#[test]
fn amounts_of_any_spelling_are_accepted_and_other_texts_are_not() {
    for text in ["5.551115123125783e-17", "0.00000000000000005551115123125783", "1e-29", "1E2"] {
        let amount: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(&with("/data/amount", amount), &intake()).unwrap().warnings, [], "{text}");
    }
    for text in ["1_000.50", "1,000.50", "+5", ".5", "5.", "0x10", "٣"] {
        let faults = read(&with("/data/amount", json!(text)), &intake()).unwrap_err();
        assert_eq!(codes(&faults), [("data.amount".into(), FaultCode::WrongType)], "{text}");
    }
}

#[test]
fn an_unknown_type_is_warned_of_with_the_nearest_known_one() {
    let warnings = |name: &str| read(&with("/event_type", json!(name)), &intake()).unwrap().warnings;
    let close = warnings("transactionCreated");
    assert_eq!(codes(&close), [("event_type".into(), FaultCode::UnknownEventType)]);
    assert!(close[0].message.ends_with("did you mean `transaction_creation`?"), "{}", close[0].message);
    let far = warnings("app_opened");
    assert_eq!(codes(&far), [("event_type".into(), FaultCode::UnknownEventType)]);
    assert!(!far[0].message.contains("did you mean"), "{}", far[0].message);
    for behaviour in schema::BEHAVIOUR {
        assert_eq!(warnings(behaviour), []);
    }
}

#[test]
fn an_unknown_type_is_admitted_whatever_it_holds() {
    let mut event = with("/event_type", json!("page_view"));
    event["data"] = json!({"url": "/"});
    let admitted = read(&event, &intake()).unwrap();
    assert_eq!(admitted.event.event_type, EventType::Other("page_view".into()));
}

#[test]
fn size_and_depth_are_limited() {
    let large = with("/data/category", json!(vec!["x".repeat(30_000); 3]));
    assert_eq!(codes(&read(&large, &intake()).unwrap_err()), [(String::new(), FaultCode::TooLarge)]);
    let long = with("/data/category", json!("x".repeat(40_000)));
    assert_eq!(codes(&read(&long, &intake()).unwrap_err()), [("data".into(), FaultCode::TooLong)]);
    let mut nested = json!(1);
    for _ in 0..20 {
        nested = json!([nested]);
    }
    let deep = with("/data/category", nested);
    let faults = read(&deep, &intake()).unwrap_err();
    assert_eq!(codes(&faults), [("data".into(), FaultCode::TooDeep)]);
}

/// A value as a kind wants it.
fn right(kind: &Kind) -> Value {
    match kind {
        Kind::Id => json!("id-1"),
        Kind::Text(_) | Kind::Name(_) => json!("text"),
        Kind::Number { .. } => json!(1),
        Kind::Index => json!(3),
        Kind::Vocabulary(vocabulary) => json!(vocabulary.words[0]),
        Kind::Currency => json!("GBP"),
        Kind::Date => json!("2026-01-31"),
        Kind::Object => json!({"a": 1}),
    }
}

/// Populated values that are wrong, each with what is wrong with it.
fn wrong(kind: &Kind) -> Vec<(Value, FaultCode)> {
    match kind {
        Kind::Id => vec![(json!("x".repeat(129)), FaultCode::TooLong), (json!(1.5), FaultCode::WrongType)],
        Kind::Text(most) | Kind::Name(most) => {
            let mut wrong = vec![(json!(1), FaultCode::WrongType), (json!(["text"]), FaultCode::WrongType)];
            // Longer texts are cut before they are checked.
            if *most < intake().privacy.rules().string_chars.unwrap() {
                wrong.push((json!("x".repeat(most + 1)), FaultCode::TooLong));
            }
            wrong
        }
        Kind::Number { min, max } => {
            let mut wrong = vec![(json!("many"), FaultCode::WrongType), (json!("1"), FaultCode::WrongType)];
            if !matches!(min, Bound::None) {
                wrong.push((json!(-0.5), FaultCode::OutOfRange));
            }
            if matches!(min, Bound::Exclusive(0)) {
                wrong.push((json!(0), FaultCode::OutOfRange));
            }
            if matches!(max, Bound::Inclusive(1)) {
                wrong.push((json!(1.01), FaultCode::OutOfRange));
            }
            wrong
        }
        Kind::Index => vec![(json!(-1), FaultCode::OutOfRange), (json!(0.5), FaultCode::WrongType)],
        Kind::Vocabulary(_) => vec![(json!("shrugged"), FaultCode::NotInVocabulary), (json!(1), FaultCode::WrongType)],
        Kind::Currency => vec![(json!("pounds"), FaultCode::InvalidFormat), (json!(1), FaultCode::WrongType)],
        Kind::Date => vec![(json!("31.1."), FaultCode::InvalidFormat), (json!(2026), FaultCode::WrongType)],
        Kind::Object => vec![(json!("{}"), FaultCode::WrongType)],
    }
}

#[test]
fn every_field_of_every_type_is_refused_or_warned_of_as_it_is_declared() {
    for schema in schema::declared() {
        let mut good = with("/event_type", json!(schema.event_type));
        good["data"] = schema.fields.iter().map(|field| (field.name.to_owned(), right(&field.kind))).collect();
        assert_eq!(read(&good, &intake()).unwrap().warnings, [], "{}", schema.event_type);
        for field in schema.fields {
            let mut cases = wrong(&field.kind);
            if field.required {
                cases.extend(
                    [json!(null), json!(""), json!(" "), json!("NaN")].map(|empty| (empty, FaultCode::Missing)),
                );
            }
            for (value, code) in cases {
                let mut event = good.clone();
                event["data"][field.name] = value.clone();
                let refused = match field.refuse {
                    Refuse::Never => false,
                    Refuse::Unpopulated => code == FaultCode::Missing,
                    Refuse::Unreadable => code == FaultCode::Missing || value == json!("many"),
                    Refuse::Invalid => true,
                };
                let expected = [(format!("data.{}", field.name), code)];
                match read(&event, &intake()) {
                    Ok(admitted) => {
                        assert!(!refused, "{} {} {value}", schema.event_type, field.name);
                        assert_eq!(codes(&admitted.warnings), expected, "{value}");
                    }
                    Err(faults) => {
                        assert!(refused, "{} {} {value}", schema.event_type, field.name);
                        assert_eq!(codes(&faults), expected, "{value}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_the_envelope_does_not_know_is_kept_redacted_and_said() {
    let mut event = transaction();
    event["password"] = json!("hunter2");
    event["trace"] = json!({"span": 7, "by": "joe@example.com"});
    event["schema_version"] = json!(9);
    let Admitted { event, warnings, redactions } = read(&event, &intake()).unwrap();
    assert_eq!(Value::Object(event.extra), json!({"trace": {"span": 7, "by": "[email]"}}));
    assert_eq!(redactions, Redactions { dropped: 1, masked: 1, truncated: 0 });
    assert_eq!(
        codes(&warnings),
        [(String::new(), FaultCode::UnknownField), ("schema_version".into(), FaultCode::UnknownVersion)]
    );
    assert!(!format!("{warnings:?}").contains("hunter2"));
}

#[test]
fn a_name_of_a_type_holds_nothing_of_a_person() {
    for name in ["joe@example.com", "a<b>", "\u{1F600}"] {
        let faults = read(&with("/event_type", json!(name)), &intake()).unwrap_err();
        assert_eq!(codes(&faults), [("event_type".into(), FaultCode::InvalidFormat)], "{name}");
    }
    let admitted = read(&with("/event_type", json!("pay 4111 1111 1111 1111")), &intake()).unwrap();
    assert_eq!(admitted.event.event_type, EventType::Other("pay card".into()));
    assert!(codes(&admitted.warnings).contains(&("event_type".into(), FaultCode::Redacted)));
    assert_eq!(admitted.redactions.masked, 1);
}

#[test]
fn a_declared_value_that_is_redacted_is_warned_of() {
    let mut event = transaction();
    event["data"]["transaction_id"] = json!(4500000000000007u64);
    event["data"]["description"] = json!("to joe@example.com");
    event["data"]["note"] = json!("to joe@example.com");
    let admitted = read(&event, &intake()).unwrap();
    let of = |field: &str| (format!("data.{field}"), FaultCode::Redacted);
    assert_eq!(codes(&admitted.warnings), [of("transaction_id"), of("description")]);
}

#[test]
fn ids_that_look_like_cards_stay_different() {
    let redactor = Redactor::default().with_key(Some("0b".repeat(32).parse().unwrap()));
    let intake = Intake { privacy: redactor, ..intake() };
    let id_of = |id: Value| {
        let mut event = transaction();
        event["data"]["transaction_id"] = id;
        read(&event, &intake).unwrap().event.data["transaction_id"].clone()
    };
    let ids =
        [json!(4500000000000007u64), json!(4500000000000015u64), json!("4500000000000023"), json!(9007199254740993u64)];
    let kept: Vec<Value> = ids.iter().cloned().map(id_of).collect();
    assert!((1..kept.len()).all(|at| !kept[..at].contains(&kept[at])), "{kept:?}");
    assert_eq!(kept[3], json!("9007199254740993"), "no card is of that number");
    assert_eq!(id_of(json!("4500 0000 0000 0007")), kept[0]);
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let mut event = transaction();
    event["data"]["note"] = json!("joe@example.com ".repeat(4_000_000));
    let started = std::time::Instant::now();
    let faults = read(&event, &intake()).unwrap_err();
    assert!(faults.iter().all(|fault| matches!(fault.code, FaultCode::TooLarge | FaultCode::TooLong)), "{faults:?}");
    // A copy and a look at the lengths; to redact it takes minutes in a debug build.
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn secrets_are_taken_out_of_the_data_and_counted() {
    let mut event = transaction();
    event["data"]["authToken"] = json!("x");
    event["data"]["description"] = json!("to joe@example.com");
    let admitted = read(&event, &intake()).unwrap();
    assert_eq!(admitted.event.data["description"], "to [email]");
    assert!(!admitted.event.data.contains_key("authToken"));
    assert_eq!(admitted.redactions, Redactions { dropped: 1, masked: 1, truncated: 0 });
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,16}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_gets_an_answer(json in any_json(), field in prop::sample::select(vec!["event_id", "user_id", "event_type", "occurred_at", "data"])) {
        let _ = read(&json, &intake());
        let mut event = transaction();
        event[field] = json;
        match read(&event, &intake()) {
            Ok(_) => {}
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }
}
