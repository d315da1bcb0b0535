use serde_json::json;

use super::*;
use crate::event::FaultCode;
use crate::event::privacy::Redactor;

fn duplicates(text: &str) -> Vec<String> {
    parse(text.as_bytes()).unwrap().duplicate_keys.iter().map(|path| path.join(".")).collect()
}

#[test]
fn keys_that_come_twice_are_found_at_every_depth() {
    assert_eq!(duplicates(r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}],"d":"a\":1,\"a"}"#), Vec::<String>::new());
    assert_eq!(duplicates(r#"{"a":1,"a":2}"#), ["a"]);
    assert_eq!(duplicates(r#"{"a":1,"a":2,"a":3}"#), ["a"]);
    assert_eq!(duplicates(r#"{"data":{"x":[0,{"k" : 1,"k": 2}],"y":1}}"#), ["data.x.1.k"]);
    assert_eq!(duplicates(r#"{"a":{"b":1,"b":2},"a":{"c":1,"\u0063":2}}"#), ["a.b", "a", "a.c"]);
    assert_eq!(duplicates(r#"{"":1,"":2}"#), [""]);
    // The last value counts, as before.
    assert_eq!(parse(br#"{"a":1,"a":2}"#).unwrap().value, json!({"a": 2}));
}

#[test]
fn the_warnings_name_the_path_but_nothing_private() {
    let json = parse(br#"{"data":{"jane@example.org":1,"jane@example.org":2,"amount":1,"amount":2}}"#).unwrap();
    let warnings = json.warnings(&Redactor::default());
    assert!(warnings.iter().all(|warning| warning.code == FaultCode::DuplicateKey));
    assert_eq!(warnings[1].loc, ["data", "amount"]);
    assert!(!format!("{warnings:?}").contains("jane"), "{warnings:?}");
}

#[test]
fn however_many_come_twice_few_are_listed_in_linear_time() {
    let text = |count: usize| {
        let keys: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{{\"a\":0,\"a\":0}}")).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert_eq!(duplicates(&text(100_000)).len(), 20);
    let same = format!("{{{}}}", vec!["\"a\":0"; 200_000].join(","));
    assert_eq!(duplicates(&same), ["a"]);
}

#[test]
fn keys_that_the_json_library_takes_for_its_own_are_rejected() {
    for key in ["Number", "RawValue", "x"] {
        for dollar in ["$", "\\u0024"] {
            let text = format!("{{\"data\":{{\"{dollar}serde_json::private::{key}\":\"1\"}}}}");
            let fault = parse(text.as_bytes()).unwrap_err();
            assert_eq!(fault.code, FaultCode::InvalidFormat);
        }
    }
    assert!(parse(br#"{"a":"$serde_json::private::Number"}"#).is_ok());
}
