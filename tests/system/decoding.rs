//! One decoder for every source: the same bytes give the same events over HTTP, from
//! files of `--events`, and in `assess`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Running, assert_counts_are_exact, program, run, transaction};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Five events of a user, as text in each of the forms.
fn lines(user: u32) -> String {
    (0..5).map(|number| format!("{}\n", transaction(user, number))).collect()
}

fn array(user: u32) -> String {
    let events: Vec<Value> = (0..5).map(|number| transaction(user, number)).collect();
    serde_json::to_string_pretty(&events).unwrap()
}

/// The same kind of five events in every form, each of a user of its own.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let pretty: String = (0..5).map(|n| serde_json::to_string_pretty(&transaction(6, n)).unwrap() + "\n").collect();
    vec![
        ("array.json", array(1).into_bytes()),
        ("lines.ndjson.zst", zstd(lines(2).as_bytes())),
        ("gzip-without-its-ending", gzip(lines(3).as_bytes())),
        ("mark.ndjson", format!("\u{feff}{}", lines(4)).into_bytes()),
        ("utf16.ndjson", utf16(&lines(5))),
        ("pretty.json", pretty.into_bytes()),
        ("batch.json", format!("{{\"events\": {}}}", array(7)).into_bytes()),
        ("utf16-array.zst.gz", gzip(&zstd(&utf16(&array(8))))),
        ("crlf.ndjson", lines(9).replace('\n', "\r\n\r\n").into_bytes()),
    ]
}

fn write(folder: &Path, inputs: &[(&str, Vec<u8>)]) -> Vec<PathBuf> {
    let write = |(name, bytes): &(&str, Vec<u8>)| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    inputs.iter().map(write).collect()
}

fn replay(folder: &Path, arguments: &[&str], files: &[PathBuf]) -> Command {
    let mut command = program(&folder.join("data"), &[&["--exit"], arguments].concat());
    command.arg("--events").args(files);
    command
}

fn assess(files: &[PathBuf]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    command.args(["assess", "--format", "json"]).args(files);
    command
}

/// The one line that says what is wrong, after the note on the redaction key.
fn error_of(err: &str) -> &str {
    let errors: Vec<&str> = err.lines().filter(|line| !line.starts_with("note: ")).collect();
    let [error] = errors[..] else { panic!("one line: {err}") };
    error
}

#[test]
fn files_of_every_form_are_replayed_and_assessed() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), &inputs());
    for file in &files {
        let (_, out, err) = run(&mut assess(std::slice::from_ref(file)));
        let assessed: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{file:?}: {err}"));
        assert_eq!(assessed["datasets"][0]["record_count"], 5, "{file:?}: {out}");
        assert_eq!((&assessed["lines"], &assessed["refused"]), (&json!(5), &json!({})), "{file:?}");
    }
    let (ok, out, err) = run(&mut replay(folder.path(), &[], &files));
    assert!(ok, "{err}");
    assert!(out.contains("45 events accepted (0 with warnings), 0 duplicates, 0 rejected"), "{out}");
    assert!(out.contains("  utf16-array.zst.gz: 5 accepted, 0 duplicates, 0 rejected"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_every_form_are_ingested() {
    let running = Running::start().await;
    let post = async |kind: &str, body: Vec<u8>| {
        let request = running.client.post(format!("{}/coaching/events", running.stack.api)).body(body);
        let answer = request.header("content-type", kind).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap())
    };
    for (name, body) in inputs() {
        let (status, answer) = post("application/x-ndjson", body).await;
        assert_eq!((status, &answer["accepted"]), (202, &json!(5)), "{name}: {answer}");
    }
    for (name, body) in inputs().into_iter().filter(|(name, _)| name.contains("array") || name.contains("batch")) {
        let (status, answer) = post("application/json", body).await;
        assert_eq!((status, &answer["duplicates"]), (202, &json!(5)), "{name}: {answer}");
    }
    let (status, answer) = post("application/json", utf16(&transaction(20, 1).to_string())).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)), "{answer}");

    // What cannot be read is rejected before anything of it is ingested.
    let torn = |bytes: Vec<u8>| bytes[..bytes.len() - 9].to_vec();
    for (kind, body, said) in [
        ("application/x-ndjson", utf16(&lines(21))[2..].to_vec(), "UTF-16 without a BOM"),
        ("application/json", b"{\"user_id\": \"\xe9\"}".to_vec(), "byte 0xE9 at line 1 is not UTF-8: Latin-1?"),
        ("application/x-ndjson", torn(gzip(lines(21).as_bytes())), "end early"),
        ("application/x-ndjson", torn(zstd::encode_all(lines(21).as_bytes(), 3).unwrap()), "end early"),
        ("application/json", format!("[{}, ]", transaction(21, 1)).into_bytes(), "not JSON"),
        ("application/x-ndjson", format!("[{}, ]", transaction(21, 1)).into_bytes(), "comma"),
        ("application/x-ndjson", b"PK\x03\x04 and so on".to_vec(), "ZIP"),
    ] {
        let (status, answer) = post(kind, body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(said), "{said}: {answer}");
    }

    // A line that is not UTF-8 is rejected alone, and nothing of it is replaced.
    let latin1 = [lines(22).as_bytes(), b"{\"user_id\": \"caf\xe9\"}\n"].concat();
    let (status, answer) = post("application/x-ndjson", latin1).await;
    assert_eq!((status, &answer["accepted"], &answer["rejected"]), (202, &json!(5), &json!(1)));
    let fault = &answer["results"][5]["errors"][0];
    assert_eq!(fault["code"], "wrong_encoding");
    assert!(fault["message"].as_str().unwrap().starts_with("byte 0xE9 at line 6 "), "{fault}");

    // Keys that come twice are reported with their path, in each form.
    let twice = |number| {
        let text = transaction(23, number).to_string();
        text.replacen("\"amount\":", "\"amount\":1,\"note\":{\"a\":1,\"a\":2},\"amount\":", 1)
    };
    for (kind, body) in [
        ("application/json", twice(1)),
        ("application/json", format!("[{}]", twice(2))),
        ("application/json", format!("{{\"events\":[{}]}}", twice(3))),
        ("application/x-ndjson", twice(4)),
    ] {
        let (status, answer) = post(kind, body.into_bytes()).await;
        assert_eq!(status, 202, "{answer}");
        let warnings = answer["results"][0]["warnings"].as_array().unwrap();
        let twice = warnings.iter().filter(|warning| warning["code"] == "duplicate_key").map(|warning| &warning["loc"]);
        assert_eq!(twice.collect::<Vec<_>>(), [&json!(["data", "note", "a"]), &json!(["data", "amount"])], "{answer}");
    }
    running.stack.settle().await.unwrap();
    assert_eq!(assert_counts_are_exact(&running.stack).await, 45 + 1 + 5 + 4);
    running.stop().await;
}

#[test]
fn what_is_not_utf8_is_named_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let latin1 = [lines(1).as_bytes(), b"\n{\"merchant_name\": \"Caf\xe9\"}\n"].concat();
    let files = write(folder.path(), &[("latin1.ndjson", latin1), ("utf16.ndjson", utf16(&lines(2))[2..].to_vec())]);
    let (ok, out, err) = run(&mut replay(folder.path(), &[], &files));
    assert!(!ok && out.contains("5 events accepted") && out.contains("1 × line that is not UTF-8"), "{out}");
    assert!(err.contains("latin1.ndjson:7: byte 0xE9 at line 7 is not UTF-8: Latin-1?"), "{err}");
    let last = err.lines().last().unwrap();
    assert!(last.contains("utf16.ndjson: this is UTF-16 without a BOM"), "{err}");
    assert!(!format!("{out}{err}").contains('\u{fffd}'));
    let (_, listed, _) = run(&mut program(&folder.path().join("data"), &["quarantine", "--json"]));
    assert_eq!(listed, "", "what cannot be decoded is not quarantined");

    let (_, out, err) = run(&mut assess(&files[..1]));
    let assessed: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    assert_eq!(assessed["refused"], json!({"this is not UTF-8": 1}));
    assert!(assessed["refused_examples"][0].as_str().unwrap().contains("byte 0xE9 at line 7"), "{out}");
    let (ok, _, err) = run(&mut assess(&files[1..]));
    assert!(!ok && error_of(&err).contains("UTF-16 without a BOM"), "{err}");
}

#[test]
fn a_file_that_breaks_off_says_where_and_what_came_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..3_000).map(|number| format!("{}\n", transaction(number % 50, number))).collect();
    let packed = gzip(text.as_bytes());
    let files = write(folder.path(), &[("torn.ndjson.gz", packed[..packed.len() * 2 / 3].to_vec())]);
    let (ok, out, err) = run(&mut replay(folder.path(), &["--allow-rejected"], &files));
    let last = err.lines().last().unwrap();
    assert!(!ok && last.contains("torn.ndjson.gz: the gzip data end early"), "{err}");
    let accepted: u64 =
        out.split(" events accepted").next().unwrap().rsplit('\n').next().unwrap().replace(',', "").parse().unwrap();
    assert!(last.contains(&format!("line {}", accepted + 1)), "{accepted}: {last}");
    assert!(accepted > 1_000 && out.contains(" 0 rejected"), "{out}");
    let (ok, _, err) = run(&mut assess(&files));
    assert!(!ok && error_of(&err).contains("the gzip data end early"), "{err}");
}

#[test]
fn rejected_lines_fail_a_replay_and_repeats_that_differ_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = vec![transaction(1, 1), transaction(1, 2), transaction(1, 3)];
    for number in 1..=3 {
        let mut changed = transaction(1, number);
        changed["data"]["amount"] = json!(1_000);
        events.push(changed);
    }
    let (mut null_version, mut null_id, mut with_zero) = (transaction(1, 4), transaction(1, 5), transaction(1, 6));
    null_version["schema_version"] = Value::Null;
    null_id["event_id"] = Value::Null;
    with_zero["data"]["merchant_name"] = json!("a\0b");
    events.extend([null_version, null_id, with_zero, json!({"user_id": null})]);
    let text: String = events.iter().map(|event| format!("{event}\n")).collect();
    let files = write(folder.path(), &[("events.ndjson", text.into_bytes())]);

    let (ok, out, err) = run(&mut replay(folder.path(), &[], &files));
    assert!(!ok && err.lines().last().unwrap().contains("1 lines were rejected"), "{err}");
    assert!(err.contains("--allow-rejected"), "{err}");
    assert!(out.contains("6 events accepted (0 with warnings), 3 duplicates, 1 rejected"), "{out}");
    assert!(out.contains("duplicates: 3 have other content") && out.contains("data.amount (3)"), "{out}");
    let (ok, out, err) = run(&mut replay(folder.path(), &["--allow-rejected"], &files));
    assert!(ok && out.contains("0 events accepted (0 with warnings), 9 duplicates, 1 rejected"), "{out}{err}");

    let (_, out, _) = run(&mut assess(&files));
    let assessed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&assessed["repeated"], &assessed["differing"]["events"]), (&json!(3), &json!(3)));
    assert_eq!(assessed["differing"]["event_ids"].as_array().unwrap().len(), 3);
    assert_eq!(assessed["datasets"][0]["record_count"], 6, "{out}");
    let (_, table, _) = run(Command::new(env!("CARGO_BIN_EXE_fincoach-local")).arg("assess").args(&files));
    assert!(table.contains("3 have other content than the first event of their id"), "{table}");
}
