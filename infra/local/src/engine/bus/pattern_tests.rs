use proptest::prelude::*;
use serde_json::json;

use super::*;

fn matches(pattern: &Value, event: &Value) -> bool {
    Pattern::parse(pattern).unwrap().matches(event)
}

fn on_detail(test: &Value, detail: &Value) -> bool {
    matches(&json!({ "detail": { "x": [test] } }), &json!({ "detail": detail }))
}

#[test]
fn a_value_must_be_of_the_same_type_to_be_equal() {
    assert!(on_detail(&json!(1), &json!({ "x": 1 })));
    assert!(!on_detail(&json!(1), &json!({ "x": "1" })));
    assert!(on_detail(&json!(null), &json!({ "x": null })));
    assert!(!on_detail(&json!(null), &json!({})));
}

#[test]
fn a_prefix_is_of_strings_only() {
    assert!(on_detail(&json!({ "prefix": "ab" }), &json!({ "x": "abc" })));
    assert!(!on_detail(&json!({ "prefix": "ab" }), &json!({ "x": "a" })));
    assert!(!on_detail(&json!({ "prefix": "1" }), &json!({ "x": 12 })));
}

#[test]
fn exists_asks_for_a_value_also_below_an_absent_object() {
    assert!(on_detail(&json!({ "exists": true }), &json!({ "x": null })));
    assert!(!on_detail(&json!({ "exists": true }), &json!({ "x": { "y": 1 } })));
    assert!(on_detail(&json!({ "exists": false }), &json!({})));
    assert!(matches(&json!({ "detail": { "a": { "b": [{ "exists": false }] } } }), &json!({ "detail": {} })));
}

#[test]
fn one_element_of_a_list_suffices() {
    assert!(on_detail(&json!("b"), &json!({ "x": ["a", "b"] })));
    assert!(on_detail(&json!({ "anything-but": "a" }), &json!({ "x": ["a", "b"] })));
    assert!(!on_detail(&json!({ "anything-but": "a" }), &json!({ "x": ["a"] })));
    let pattern = json!({ "detail": { "rows": { "a": [1], "b": [2] } } });
    assert!(matches(&pattern, &json!({ "detail": { "rows": [{ "a": 0, "b": 2 }, { "a": 1, "b": 2 }] } })));
    assert!(!matches(&pattern, &json!({ "detail": { "rows": [{ "a": 1, "b": 0 }, { "a": 0, "b": 2 }] } })));
}

#[test]
fn what_would_match_otherwise_than_on_aws_is_refused_with_its_place() {
    for (pattern, reason) in [
        (json!([]), "the pattern is not an object"),
        (json!({}), "an object without fields matches nothing"),
        (json!({ "detail": {} }), "detail: an object without fields matches nothing"),
        (json!({ "source": [] }), "source: an empty list matches nothing"),
        (json!({ "source": "a" }), "source: put the value in a list: [\"a\"]"),
        (json!({ "source": [["a"]] }), "source: a list within a list"),
        (json!({ "detail": { "$or": [{}] } }), "detail.$or: $or is not supported"),
        (json!({ "detail": { "n": [{ "prefix": 1 }] } }), "detail.n: prefix wants a string that is not empty"),
        (json!({ "detail": { "n": [{ "exists": 1 }] } }), "detail.n: exists wants true or false"),
        (
            json!({ "detail": { "n": [{ "anything-but": { "prefix": "a" } }] } }),
            "detail.n: anything-but wants strings or numbers",
        ),
        (json!({ "detail": { "n": [{ "prefix": "a", "exists": true }] } }), "detail.n: a test has one operator, not 2"),
        (
            json!({ "detail": { "n": [{ "numeric": [">", 1] }] } }),
            "detail.n: unknown operator \"numeric\" (known: prefix, exists, anything-but)",
        ),
    ] {
        assert_eq!(format!("{:#}", Pattern::parse(&pattern).unwrap_err()), reason);
    }
    let typo = Pattern::parse(&json!({ "detail_type": ["a"] })).unwrap_err().to_string();
    assert!(typo.starts_with("an event has no field \"detail_type\" (it has: version, id, detail-type"), "{typo}");
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ]
}

fn comparable() -> impl Strategy<Value = Value> {
    scalar().prop_filter("strings and numbers", is_comparable)
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        scalar(),
        "[ab]{1,2}".prop_map(|prefix| json!({ "prefix": prefix })),
        any::<bool>().prop_map(|wanted| json!({ "exists": wanted })),
        prop::collection::vec(comparable(), 1..3).prop_map(|values| json!({ "anything-but": values })),
    ]
}

/// A field that is absent, a scalar, or a list of scalars.
fn detail() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        scalar().prop_map(|x| json!({ "x": x })),
        prop::collection::vec(scalar(), 1..3).prop_map(|x| json!({ "x": x })),
    ]
}

proptest! {
    #[test]
    fn alternatives_hold_when_one_of_them_does(tests in prop::collection::vec(test(), 1..4), detail in detail()) {
        let pattern = json!({ "detail": { "x": tests } });
        let one = tests.iter().any(|test| on_detail(test, &detail));
        prop_assert_eq!(matches(&pattern, &json!({ "detail": detail })), one);
    }

    #[test]
    fn fields_hold_when_all_of_them_do(x in test(), y in test(), a in scalar(), b in scalar()) {
        let event = json!({ "detail": { "x": a, "y": b } });
        let both = matches(&json!({ "detail": { "x": [x] } }), &event)
            && matches(&json!({ "detail": { "y": [y] } }), &event);
        prop_assert_eq!(matches(&json!({ "detail": { "x": [x], "y": [y] } }), &event), both);
    }

    #[test]
    fn fields_that_the_pattern_does_not_name_do_not_matter(test in test(), detail in detail(), other in scalar()) {
        let mut more = detail.clone();
        more["y"] = other;
        prop_assert_eq!(on_detail(&test, &detail), on_detail(&test, &more));
    }

    #[test]
    fn anything_but_is_the_opposite_of_equal_where_there_is_one_value(value in comparable(), x in scalar()) {
        let detail = json!({ "x": x });
        prop_assert_ne!(on_detail(&json!({ "anything-but": value }), &detail), on_detail(&value, &detail));
    }

    #[test]
    fn exists_false_is_the_opposite_of_exists_true(detail in detail()) {
        let [yes, no] = [true, false].map(|wanted| on_detail(&json!({ "exists": wanted }), &detail));
        prop_assert_ne!(yes, no);
    }
}
