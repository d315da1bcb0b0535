use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn redacted(mut json: Value) -> (Value, Redactions) {
    let done = Redactor::default().redact_json(&mut json);
    (json, done)
}

#[test]
fn values_are_masked_in_free_text() {
    for (text, kept) in [
        ("card 4111 1111 1111 1111 exp 12/25", "card [card] exp 12/25"),
        ("4111111111111111", "[card]"),
        ("3782-822463-10005", "[card]"),
        ("5555\u{a0}5555\u{a0}5555\u{a0}4444", "[card]"),
        ("to GB82 WEST 1234 5698 7654 32, thanks", "to [iban], thanks"),
        ("DE89370400440532013000", "[iban]"),
        ("ssn 123-45-6789.", "ssn [ssn]."),
        ("SSN: 123456789", "SSN: [ssn]"),
        ("write to Jane.Doe+x@mail.example.co.uk!", "write to [email]!"),
        ("/reset?mail=joe%40example.com&a=1", "/reset?mail=[email]&a=1"),
        ("call (415) 555-2671 now", "call [phone] now"),
        ("+49 171 1234567", "[phone]"),
        ("+1-415-555-2671", "[phone]"),
        ("0044 20 7946 0958", "[phone]"),
        ("tel 020 7946 0958", "tel [phone]"),
        ("01 23 45 67 89", "[phone]"),
        ("415.555.2671", "[phone]"),
    ] {
        assert_eq!(redacted(json!(text)).0, json!(kept));
    }
}

#[test]
fn what_only_looks_like_it_is_kept() {
    for text in [
        "4111 1111 1111 1112",
        "invoice 536365 of 2011-12-09",
        "2026-01-31T10:00:00.123456Z",
        "31.01.2026 12:30",
        "01-31-2026 12",
        "12,345.67 EUR",
        "960cf240-310c-5496-9b51-c5b65dbee86d",
        "12345678-1234-4111-8111-111111111111",
        "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
        "1706695200000",
        "user@localhost",
        "000-12-3456",
        "CARD PAYMENT TO TFL TRAVEL CH,2.40 GBP, RATE 1.00/GBP ON 09-07-2015",
    ] {
        assert_eq!(redacted(json!({"description": text})), (json!({"description": text}), Redactions::default()));
    }
}

#[test]
fn an_identifier_is_not_taken_for_a_phone_number() {
    let event = json!({"transaction_id": "4155552671", "note": "4155552671"});
    assert_eq!(redacted(event).0, json!({"transaction_id": "4155552671", "note": "[phone]"}));
    assert_eq!(redacted(json!({"transaction_id": 4111111111111111u64})).0, json!({"transaction_id": "[card]"}));
}

#[test]
fn sensitive_keys_are_dropped_at_every_depth_and_counted() {
    let event = json!({
        "author": "a", "keyboard": 1, "monkey": true, "authToken": "t",
        "card": {"number": 1, "type": "visa"},
        "items": [{"cvv": 1, "n": 2}, [{"password": {"x": 1}}]],
    });
    let (kept, done) = redacted(event);
    let expected = json!({
        "author": "a", "keyboard": 1, "monkey": true, "card": {"type": "visa"}, "items": [{"n": 2}, [{}]],
    });
    assert_eq!(kept, expected);
    assert_eq!(done, Redactions { dropped: 4, masked: 0, truncated: 0 });
}

#[test]
fn long_strings_are_cut_between_characters() {
    let (kept, done) = redacted(json!("ü€😀".repeat(400)));
    let kept = kept.as_str().unwrap();
    assert_eq!(kept.chars().count(), 1_000);
    assert!(kept.ends_with(TRUNCATED) && kept.starts_with("ü€😀"));
    assert_eq!(done.truncated, 1);
    assert_eq!(redacted(json!("x".repeat(1_000))).1, Redactions::default());
}

#[test]
fn keys_are_masked_too_and_none_is_lost() {
    let (kept, done) = redacted(json!({"joe@example.com": 1, "jim@example.com": 2}));
    assert_eq!(kept.as_object().unwrap().len(), 2);
    assert!(!kept.to_string().contains("example.com"));
    assert_eq!(done.masked, 2);
}

#[test]
fn each_rule_has_a_switch() {
    let off = Rules {
        keys: false,
        cards: false,
        ibans: false,
        ssns: false,
        emails: false,
        phones: false,
        string_chars: None,
    };
    let texts = ["4111111111111111", "GB82WEST12345698765432", "123-45-6789", "a@b.io", "+49 171 1234567"];
    let mut event = json!({"texts": texts, "password": "p", "long": "x".repeat(2_000)});
    let before = event.clone();
    assert_eq!(Redactor::from(off).redact_json(&mut event), Redactions::default());
    assert_eq!(event, before);
    let only = |rules: Rules| {
        let mut texts = json!(texts);
        Redactor::from(rules).redact_json(&mut texts).masked
    };
    for rules in [
        Rules { cards: true, ..off },
        Rules { ibans: true, ..off },
        Rules { ssns: true, ..off },
        Rules { emails: true, ..off },
        Rules { phones: true, ..off },
    ] {
        assert_eq!(only(rules), 1, "{rules:?}");
    }
}

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[3-6][0-9]{14}".prop_map(with_luhn),
        "[3-6][0-9]{14}".prop_map(|digits| {
            let card = with_luhn(digits);
            format!("{} {} {} {}", &card[..4], &card[4..8], &card[8..12], &card[12..])
        }),
        "[0-9]{18}".prop_map(|account| german_iban(&account)),
        "[1-5][0-9]{2}-[1-9][0-9]-[1-9][0-9]{3}",
        "[a-z0-9]{1,8}(\\.[a-z]{1,5})?@[a-z0-9]{1,8}\\.[a-z]{2,4}",
        "\\+[1-9][0-9]{1,2} [0-9]{3} [0-9]{5,7}",
        "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}",
    ]
}

fn with_luhn(digits: String) -> String {
    (0..10).map(|check| format!("{digits}{check}")).find(|card| digits::is_card(card.as_bytes())).expect("one of ten")
}

fn german_iban(account: &str) -> String {
    let remainder = format!("{account}131400").bytes().fold(0u32, |r, byte| (r * 10 + u32::from(byte - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

/// Text without digits, so that it cannot turn a secret into a longer number.
fn around() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z :;,()äß\n]{0,20}[ :;,(\n]".boxed()]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[0-9 +.()@a-zA-Z/-]{0,60}".prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        (secret(), secret()).prop_map(|(a, b)| Value::from(format!("{a} {b}{a}"))),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_.]{1,12}|card|number|pin|[a-z]@[a-z]\\.io", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn redacting_twice_is_redacting_once(json in any_json(), most in 32usize..80) {
        let rules = Rules { string_chars: Some(most), ..Rules::default() };
        let mut once = json;
        Redactor::from(rules).redact_json(&mut once);
        let mut twice = once.clone();
        prop_assert_eq!(Redactor::from(rules).redact_json(&mut twice), Redactions::default());
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn a_planted_secret_never_passes(
        secret in secret(), before in around(), after in around(), path in prop::collection::vec(any::<bool>(), 0..12),
    ) {
        let after: String = after.chars().rev().collect();
        let mut json = json!(format!("{before}{secret}{after}"));
        for list in path {
            json = if list { json!([1, json]) } else { json!({"note": json}) };
        }
        let (kept, done) = redacted(json);
        prop_assert!(!kept.to_string().contains(&secret), "{} in {}", secret, kept);
        prop_assert!(done.masked >= 1);
    }

    #[test]
    fn a_secret_in_what_is_no_json_never_passes(secret in secret(), before in around()) {
        let (kept, _) = Redactor::default().redact_text(&format!("{{\"note\": \"{before}{secret}"));
        prop_assert!(!kept.contains(&secret), "{}", kept);
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>(), rules in any::<[bool; 6]>()) {
        let [keys, cards, ibans, ssns, emails, phones] = rules;
        let rules = Rules { keys, cards, ibans, ssns, emails, phones, string_chars: Some(40) };
        Redactor::from(rules).redact_text(&text);
        Redactor::from(rules).redact_json(&mut json!({ text.clone(): [text] }));
    }
}
