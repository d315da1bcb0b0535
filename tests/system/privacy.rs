//! Secrets that are planted in events are nowhere afterwards: not in the tables,
//! not in the objects, not in what the program says.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{event, program, run, transaction};

const SECRETS: [&str; 9] = [
    "hunter2-never-kept",
    "4111111111111111",
    "5555 5555 5555 4444",
    "GB82WEST12345698765432",
    "DE89 3704 0044 0532 0130 00",
    "123-45-6789",
    "jane.doe@private.example",
    "+49 171 1234567",
    "(415) 555-2671",
];

/// Events that hold every secret in every way: as a field, deep down, as a key, in what is refused.
fn planted() -> Vec<String> {
    let mut lines = Vec::new();
    for (number, secret) in (0..).zip(SECRETS.iter().skip(1)) {
        let text = format!("before {secret} after");
        let mut good = transaction(1, number);
        good["data"]["description"] = json!(text);
        good["data"]["more"] = json!([{"deep": [{"note": text}]}, {text.clone(): 1}]);
        good["trace"] = json!({"by": text});
        good[text.as_str()] = json!(text);
        lines.push(good.to_string());
        let mut refused = transaction(2, number);
        refused["data"]["amount"] = json!(text);
        lines.push(refused.to_string());
        lines.push(event(3, number, &text, json!({"page": text})).to_string());
        lines.push(event(4, number, "page_view", json!({"page": text})).to_string());
        lines.push(format!("{{\"user_id\": \"broken\", \"note\": \"{text}\""));
    }
    for (number, key) in (100..).zip(["password", "authToken", "card.number", "cvv", "pin", "userSSN", "private_key"]) {
        let mut good = transaction(5, number);
        good["data"][key] = json!(SECRETS[0]);
        good[key] = json!(SECRETS[0]);
        good["data"]["list"] = json!([{"x": {key: {"deep": SECRETS[0]}}}]);
        let mut refused = good.clone();
        refused["user_id"] = Value::Null;
        lines.push(good.to_string());
        lines.push(refused.to_string());
        lines.push(format!("{{\"{key}\": \"{}\", unreadable", SECRETS[0]));
    }
    lines
}

#[test]
fn planted_secrets_are_found_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let lines = planted();
    let file = folder.path().join("planted.ndjson");
    std::fs::File::create(&file).unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let data = folder.path().join("data");
    let mut command = program(&data, &["--exit", "--allow-rejected", "--events", file.to_str().unwrap()]);
    let (ok, out, err) = run(command.env("RUST_LOG", "debug,aws=info,hyper=info,dynoxide=info"));
    assert!(ok, "{err}");
    assert!(out.contains("accepted"), "{out}");
    let (ok, listed, _) = run(&mut program(&data, &["quarantine", "--json"]));
    assert!(ok);
    assert!(listed.lines().count() >= 30, "what was refused is in quarantine: {listed}");
    for secret in SECRETS {
        for (what, text) in [("stdout", &out), ("stderr", &err), ("the quarantine", &listed)] {
            let found = text.lines().find(|line| line.contains(secret));
            assert!(found.is_none(), "{secret} is in {what}: {found:?}");
        }
    }
    let files = files(&data);
    assert!(
        files.iter().any(|(path, bytes)| path.ends_with("dynamodb.sqlite") && contains(bytes, b"before [card] after"))
    );
    for (path, bytes) in &files {
        for secret in SECRETS {
            assert!(!contains(bytes, secret.as_bytes()), "{secret} is in {path}");
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    files
}
