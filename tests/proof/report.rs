//! What was measured, in words and numbers, for docs/PROOF.md.

use std::fmt::{Display, Write};
use std::path::Path;
use std::process::Command;

use fincoach_local::report::grouped;

/// One part of the proof. It exists only where everything that it claims was checked.
pub struct Chapter {
    title: &'static str,
    about: String,
    facts: Vec<(String, String)>,
}

impl Chapter {
    pub fn new(title: &'static str, about: impl Into<String>) -> Self {
        Self { title, about: about.into(), facts: Vec::new() }
    }

    pub fn number(&mut self, what: &str, value: u64) {
        self.fact(what, grouped(value));
    }

    pub fn fact(&mut self, what: &str, value: impl Display) {
        println!("{}: {what}: {value}", self.title);
        self.facts.push((what.to_owned(), value.to_string()));
    }
}

/// Writes the report.
pub fn write(file: &Path, chapters: &[Chapter], minutes: f64) {
    let mut text = format!(
        "# Proof under load and faults\n\n\
         Written by `cargo test {release}--locked -p fincoach-local --test proof -- --ignored --nocapture` from what it\n\
         measured; it writes nothing where a check fails. Do not edit.\n\n\
         | | |\n|---|---|\n\
         | date | {date} |\n| commit | {commit} |\n| build | {build} |\n| machine | {cores} cores, shared with others |\n\
         | took | {minutes:.0} minutes |\n\n\
         In every chapter the program runs as a process of its own, with its embedded engines on a disk. Afterwards\n\
         `tests/proof/recount.rs` counts all items and checks all files anew, by code that shares nothing with what\n\
         counted them first, and the log is searched for panics.\n",
        release = if cfg!(debug_assertions) { "" } else { "--release " },
        date = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
        commit = commit(),
        build =
            if cfg!(debug_assertions) { "debug (SQLite and the engine optimised, see Cargo.toml)" } else { "release" },
        cores = std::thread::available_parallelism().map_or(0, usize::from),
    );
    for Chapter { title, about, facts } in chapters {
        write!(text, "\n## {title}\n\n{about}\n\n| measured | |\n|---|---:|\n").unwrap();
        for (what, value) in facts {
            writeln!(text, "| {what} | {value} |").unwrap();
        }
    }
    std::fs::write(file, text).unwrap();
}

/// The commit that is checked out, and whether the code differs from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--", ":!docs"]).as_deref() {
        Some("") => commit,
        _ => format!("{commit}, with changes that are not committed"),
    }
}
