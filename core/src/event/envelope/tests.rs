use proptest::prelude::*;
use serde_json::json;

use super::*;

fn intake() -> Intake {
    Intake {
        now: "2026-06-01T00:00:00Z".parse().unwrap(),
        limits: Limits::default(),
        privacy: privacy::Rules::default(),
    }
}

fn read(json: &Value, intake: &Intake) -> Result<Admitted, Vec<Fault>> {
    super::read(json.clone(), intake, Uuid::nil)
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
        ("/occurred_at", json!("1969-12-31T23:59:59Z"), FaultCode::ImplausibleTime),
    ] {
        let admitted = read(&with(path, value), &intake()).unwrap();
        assert_eq!(codes(&admitted.warnings), [(path[1..].replace('/', "."), code)]);
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
