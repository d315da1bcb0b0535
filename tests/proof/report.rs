//! What was measured, in words and numbers, for docs/PROOF.md.

use std::fmt::{Display, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

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

/// The report, written anew with every chapter that has passed.
pub struct Report {
    file: PathBuf,
    begun: Instant,
    commit: String,
    planned: usize,
    chapters: Vec<Chapter>,
}

impl Report {
    pub fn new(file: PathBuf, planned: usize) -> Self {
        Self { file, begun: Instant::now(), commit: commit(), planned, chapters: Vec::new() }
    }

    pub fn add(&mut self, chapter: Chapter) {
        self.chapters.push(chapter);
        std::fs::write(&self.file, self.text()).unwrap();
    }

    fn text(&self) -> String {
        let release = if cfg!(debug_assertions) { "" } else { "--release " };
        let build = if cfg!(debug_assertions) { "debug (SQLite and the engine optimised)" } else { "release" };
        let mut text = format!(
            "# Proof under load and faults\n\n\
             Written by `cargo test {release}--locked -p fincoach-local --test proof -- --ignored --nocapture`\n\
             from what it measured. A chapter is added when all of its checks have passed. Do not edit.\n\n\
             | | |\n|---|---|\n| chapters that have passed | {passed} of {planned} |\n| date | {date} |\n\
             | commit | {commit} |\n| build | {build} |\n| machine | {cores} cores; load {load} at the end |\n\
             | took | {minutes:.0} minutes |\n\n\
             In every chapter the program has its embedded engines and a folder of its own. Afterwards\n\
             `tests/proof/recount.rs` counts all items and checks all files anew, by code that shares nothing with\n\
             what counted them first, and the log is searched for panics.\n",
            passed = self.chapters.len(),
            planned = self.planned,
            date = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
            commit = self.commit,
            cores = std::thread::available_parallelism().map_or(0, usize::from),
            load = load(),
            minutes = self.begun.elapsed().as_secs_f64() / 60.0,
        );
        for Chapter { title, about, facts } in &self.chapters {
            write!(text, "\n## {title}\n\n{about}\n\n| measured | |\n|---|---:|\n").unwrap();
            for (what, value) in facts {
                writeln!(text, "| {what} | {value} |").unwrap();
            }
        }
        text
    }
}

/// Processes that wanted to run, over the last fifteen minutes: what else the machine had to do.
fn load() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').nth(2).unwrap_or("unknown").to_owned()
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
