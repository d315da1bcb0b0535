//! The oracle is AWS's own signer.

use std::time::SystemTime;

use axum::http::{HeaderName, HeaderValue, Request};
use proptest::prelude::*;

use super::*;
use crate::engine::tests::signing;

const BODY: &str = r#"{"TableName":"fincoach-events"}"#;

fn credentials() -> Credentials {
    Credentials { access_key: "FINCOACH0123456789AB".to_owned(), secret_key: "ab".repeat(32) }
}

/// A request to DynamoDB that AWS's signer has signed at a time.
fn signed(credentials: &Credentials, body: &str, at: DateTime<Utc>) -> Parts {
    signed_with(credentials, body, at, &[("x-amz-target", "DynamoDB_20120810.Scan")])
}

fn signed_with(credentials: &Credentials, body: &str, at: DateTime<Utc>, headers: &[(&str, &str)]) -> Parts {
    let all =
        headers.iter().copied().chain([("host", "127.0.0.1:9002"), ("content-type", "application/x-amz-json-1.0")]);
    let all: Vec<(&str, &str)> = all.collect();
    let keys = (credentials.access_key.as_str(), credentials.secret_key.as_str());
    let added = signing::signature(keys, "dynamodb", &all, body.as_bytes(), SystemTime::from(at));
    let added = added.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut request = Request::builder().method("POST").uri("/");
    for (name, value) in all.iter().copied().chain(added) {
        request = request.header(name, value);
    }
    request.body(()).unwrap().into_parts().0
}

fn verified(head: &Parts, body: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    verify(&credentials(), "dynamodb", head, body.as_bytes(), now)
}

#[test]
fn what_the_sdk_signs_is_verified() {
    let now = Utc::now();
    assert_eq!(verified(&signed(&credentials(), BODY, now), BODY, now), Ok(()));
    assert_eq!(verified(&signed(&credentials(), "", now), "", now), Ok(()));
    let blanks = [("x-amz-target", "DynamoDB_20120810.Scan"), ("x-note", "  two   words ")];
    assert_eq!(verified(&signed_with(&credentials(), BODY, now, &blanks), BODY, now), Ok(()));
}

#[test]
fn another_key_or_secret_is_refused() {
    let now = Utc::now();
    let test = Credentials { access_key: "test".to_owned(), secret_key: "test".to_owned() };
    assert_eq!(verified(&signed(&test, BODY, now), BODY, now), Err(Refusal::UnknownKey));
    let other = Credentials { secret_key: "ac".repeat(32), ..credentials() };
    assert_eq!(verified(&signed(&other, BODY, now), BODY, now), Err(Refusal::Mismatch));
}

#[test]
fn whatever_is_changed_after_signing_is_found() {
    let now = Utc::now();
    let head = || signed(&credentials(), BODY, now);
    assert_eq!(verified(&head(), "{}", now), Err(Refusal::Mismatch), "the body");
    for (name, value) in
        [("x-amz-target", "DynamoDB_20120810.DeleteTable"), ("host", "localhost:9002"), ("content-type", "x")]
    {
        let mut changed = head();
        changed.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(verified(&changed, BODY, now), Err(Refusal::Mismatch), "{name}");
        let mut twice = head();
        twice.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(verified(&twice, BODY, now), Err(Refusal::Mismatch), "{name} twice");
        let mut absent = head();
        absent.headers.remove(name);
        assert_eq!(verified(&absent, BODY, now), Err(Refusal::Mismatch), "without {name}");
    }
    let mut method = head();
    method.method = axum::http::Method::PUT;
    assert_eq!(verified(&method, BODY, now), Err(Refusal::Mismatch));
    assert_eq!(
        verify(&credentials(), "events", &head(), BODY.as_bytes(), now),
        Err(Refusal::Incomplete),
        "another service"
    );
    for uri in ["/other", "/?a=b"] {
        let mut moved = head();
        moved.uri = uri.parse().unwrap();
        assert_eq!(verified(&moved, BODY, now), Err(Refusal::Incomplete), "{uri}");
    }
}

#[test]
fn a_signature_is_good_for_a_quarter_of_an_hour() {
    let now = Utc::now();
    for (minutes, expected) in [(-16, Err(Refusal::Skewed)), (-14, Ok(())), (14, Ok(())), (16, Err(Refusal::Skewed))] {
        let head = signed(&credentials(), BODY, now);
        assert_eq!(verified(&head, BODY, now + Duration::minutes(minutes)), expected, "{minutes} minutes");
    }
}

#[test]
fn a_request_without_a_whole_authorization_is_refused() {
    let now = Utc::now();
    let mut head = signed(&credentials(), BODY, now);
    let whole = head.headers["authorization"].to_str().unwrap().to_owned();
    head.headers.remove("authorization");
    assert_eq!(verified(&head, BODY, now), Err(Refusal::Missing));
    let without_target = whole.replace(";x-amz-target", "");
    assert_ne!(without_target, whole);
    for text in [
        "",
        "AWS4-HMAC-SHA256",
        "Bearer x",
        &whole.replace("aws4_request", "x"),
        &whole.replace("SignedHeaders=", "S="),
        &without_target,
    ] {
        head.headers.insert("authorization", text.parse().unwrap());
        assert_eq!(verified(&head, BODY, now), Err(Refusal::Incomplete), "{text}");
    }
    head.headers.insert("authorization", whole.parse().unwrap());
    assert_eq!(verified(&head, BODY, now), Ok(()), "whole again");
    head.headers.remove("x-amz-date");
    assert_eq!(verified(&head, BODY, now), Err(Refusal::Incomplete));
}

proptest! {
    #[test]
    fn no_other_signature_passes(at in 0_usize..64, digit in 0_u8..16, text in "\\PC{0,80}") {
        let now = Utc::now();
        let mut head = signed(&credentials(), BODY, now);
        let whole = head.headers["authorization"].to_str().unwrap().to_owned();
        let place = whole.len() - 64 + at;
        let mut changed = whole.clone().into_bytes();
        let replacement = char::from_digit(u32::from(digit), 16).unwrap() as u8;
        prop_assume!(changed[place] != replacement);
        changed[place] = replacement;
        head.headers.insert("authorization", HeaderValue::from_bytes(&changed).unwrap());
        prop_assert_eq!(verified(&head, BODY, now), Err(Refusal::Mismatch));
        if let Ok(any) = HeaderValue::from_str(&format!("{ALGORITHM} {text}")) {
            head.headers.insert("authorization", any);
            prop_assert!(verified(&head, BODY, now).is_err());
        }
    }
}
