//! The command line: what it takes, and what it says when something is wrong.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{program, run, transaction};

/// Runs the program; it must fail with one line that holds all of `words`.
fn fails(command: &mut Command, words: &[&str]) {
    let (ok, _, err) = run(command);
    assert!(!ok);
    assert_eq!(err.lines().count(), 1, "one line: {err}");
    for word in words {
        assert!(err.contains(word), "{word:?} is not in {err}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fails(
        program(path, &["--exit"]).env("LEARNING_TRESHOLD_GOAL", "1"),
        &["LEARNING_TRESHOLD_GOAL", "no such setting"],
    );
    fails(program(path, &["--exit"]).env("LEARNING_QUALITY_GATE", "2"), &["LEARNING_QUALITY_GATE", "between 0 and 1"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(&mut program(path, &["--exit", "--port", &port]), &[&port, "in use", "--port"]);
    std::fs::write(path.join("file"), "").unwrap();
    fails(&mut program(&path.join("file/below"), &["--exit"]), &["file/below", "--data-dir"]);
    fails(&mut program(path, &["--exit", "--events", "no-such-file"]), &["no-such-file", "NDJSON"]);
    fails(&mut program(path, &["--exit", "--events", path.to_str().unwrap()]), &["folder"]);
}

#[test]
fn help_names_every_option() {
    let folder = tempfile::tempdir().unwrap();
    let (ok, out, _) = run(&mut program(folder.path(), &["--help"]));
    assert!(ok);
    for option in ["--events", "--data-dir", "--port", "--no-replay", "--exit", "quarantine", "simulate"] {
        assert!(out.contains(option), "{option} is not in the help");
    }
}

#[test]
fn a_broken_line_is_named_kept_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let without_user = {
        let mut event = transaction(1, 3);
        event["user_id"] = Value::Null;
        event
    };
    std::fs::write(&file, format!("{}\n{{\"broken\n\n{}\n{}\n", transaction(1, 1), transaction(1, 2), without_user))
        .unwrap();
    let data = folder.path().join("data");
    let (ok, out, err) = run(&mut program(&data, &["--exit", "--events", file.to_str().unwrap()]));
    assert!(!ok, "{err}");
    assert!(err.contains("events.ndjson:2:"), "{err}");
    assert!(out.contains("2 events accepted") && out.contains("2 rejected"), "{out}");

    let (ok, listed, _) = run(&mut program(&data, &["quarantine", "--json"]));
    assert!(ok);
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["origin"]["line"], &listed[0]["body"]), (&2.into(), &"{\"broken".into()));
    assert_eq!(listed[1]["errors"][0]["loc"][0], "user_id");
    // Once more: the same two, not four.
    run(&mut program(&data, &["--exit", "--events", file.to_str().unwrap()]));
    assert_eq!(run(&mut program(&data, &["quarantine", "--json"])).1.lines().count(), 2);
}

#[test]
fn standard_input_and_gzip_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for number in 0..10 {
        writeln!(gzip, "{}", transaction(1, number)).unwrap();
    }
    let mut child = program(folder.path(), &["--exit", "--events", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&gzip.finish().unwrap()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&out.stdout).contains("10 events accepted"));
}

#[test]
fn simulated_events_can_be_written_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("simulated.ndjson");
    let written = Command::new(env!("CARGO_BIN_EXE_fincoach-local"))
        .args(["simulate", "--users", "3", "--days", "60", "--dirt", "0", "--output"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(written.success());
    let events = std::fs::read_to_string(&file).unwrap().lines().count();
    let (ok, out, _) = run(&mut program(&folder.path().join("data"), &["--exit", "--events", file.to_str().unwrap()]));
    assert!(ok && out.contains(&format!("{events} events accepted (0 with warnings)")), "{out}");
}

#[test]
fn the_quarantine_is_replayed_a_user_erased_and_a_token_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let mut bad = crate::support::transaction(1, 2);
    bad["user_id"] = serde_json::Value::Null;
    std::fs::write(&file, format!("{}\n{bad}\n", crate::support::transaction(1, 1))).unwrap();
    let data = folder.path().join("data");
    let arguments = ["--exit", "--allow-rejected", "--events", file.to_str().unwrap()];
    let (ok, _, err) = run(&mut program(&data, &arguments));
    assert!(ok, "{err}");
    let (ok, out, err) = run(&mut program(&data, &["replay"]));
    assert!(ok, "{err}");
    assert_eq!(out.trim(), "0 accepted, 0 stored already, 1 still in quarantine");

    let user = crate::support::transaction(1, 1)["user_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let (ok, out, err) = run(&mut program(&data, &["erase", &user, "--format", "json"]));
        assert!(ok, "{err}");
        let receipt: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&receipt["status"], &receipt["events"]), (&"complete".into(), &1.into()), "{receipt}");
    }

    let mut token = std::process::Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    let (ok, out, err) = run(token.args(["token", "--scope", "events:write", "--data-dir"]).arg(&data));
    assert!(ok, "{err}");
    assert_eq!(out.trim().split('.').count(), 3);
}
