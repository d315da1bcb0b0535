//! `assess`: the judgement that files of events would get, before they are sent; or
//! that the datasets of a running service get.

mod blocks;
mod html;
pub mod judge;
mod plot;
mod recent;
mod service;
mod table;
mod traces;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::{Args, ValueEnum};
use learning_core::dataset::Dataset;
use learning_core::dataset::settings::Settings;
use serde_json::{Value, json};

pub use self::blocks::Input;
use self::judge::{Findings, Judge};
use crate::command::{Client, DEFAULT_URL, URL};
use crate::environment;

#[derive(Debug, Args)]
pub struct Assess {
    /// Files of events: JSON lines (NDJSON) or a JSON array, plain or compressed by gzip or
    /// zstd; `-` is standard input. Without any, a
    /// running service is asked.
    #[arg(value_name = "FILE", required_unless_present = "dataset")]
    files: Vec<PathBuf>,
    /// With FILE: judge only this dataset; all that have records in the files if not
    /// given. Without: the dataset of the service, by name or id. May be repeated.
    #[arg(long, value_name = "NAME")]
    dataset: Vec<String>,
    /// The service that is asked where there is no FILE, without a path; FINCOACH_URL or
    /// the local stack if not given.
    #[arg(long, conflicts_with = "files")]
    url: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write a report with plots as well: one HTML file that needs no network.
    #[arg(long, value_name = "PATH", requires = "files")]
    report: Option<PathBuf>,
    /// List the ids of all events that fail this rule, one a line, instead of the
    /// judgement. The judgement as JSON tells the `key` of each rule.
    #[arg(long, value_name = "KEY", requires = "files")]
    failing: Option<String>,
    /// The data folder whose redaction key replaces ids that look like personal data, if it has one.
    #[arg(long, value_name = "DIR", default_value = ".local", requires = "files")]
    data_dir: PathBuf,
    /// Threads; as many as there are processors if not given.
    #[arg(long, requires = "files")]
    threads: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A dataset is below the gate.
const BELOW: u8 = 1;
/// There is no judgement.
const FAILED: u8 = 2;

impl Assess {
    /// Exits with 0, with 1 where a dataset is below the quality gate, or with 2 and
    /// one line on standard error where there is no judgement.
    pub async fn run(self) -> ExitCode {
        let outcome = if self.files.is_empty() { self.ask().await } else { self.assess() };
        match outcome {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(BELOW),
            Err(error) => {
                eprintln!("error: {error:#}");
                ExitCode::from(FAILED)
            }
        }
    }

    /// Whether all datasets of the service pass.
    async fn ask(&self) -> Result<bool> {
        let from_environment = || std::env::var(URL).ok().filter(|url| !url.is_empty());
        let url = self.url.clone().or_else(from_environment).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let client = Client::new(&url)?;
        let mut assessed = Vec::new();
        for name in &self.dataset {
            assessed.push(service::assess(&client, name).await?);
        }
        let text = match self.format {
            Format::Table => service::tables(&assessed)?,
            Format::Json => format!("{:#}\n", service::as_json(&client, &assessed)),
        };
        std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the judgement")?;
        Ok(assessed.iter().all(service::Assessed::passed))
    }

    /// The datasets that the files are judged for.
    fn datasets(&self) -> Result<Vec<Dataset>> {
        if self.dataset.is_empty() {
            return Ok(Dataset::all().collect());
        }
        self.dataset.iter().map(|name| Ok(name.parse()?)).collect()
    }

    /// Whether all datasets of the files pass.
    fn assess(&self) -> Result<bool> {
        let settings = environment::offline_settings(&self.data_dir)?;
        let inputs: Vec<Input> = self.files.iter().map(|file| Input::open(file)).collect::<Result<_>>()?;
        if self.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
            bail!("standard input can be named once only");
        }
        let datasets = self.datasets()?;
        let threads = self.threads.or_else(|| Some(std::thread::available_parallelism().ok()?.get())).unwrap_or(1);
        let failing = self.failing.as_deref();
        let judge = Judge { settings: &settings, datasets, now: Utc::now(), threads: threads.max(1), failing };
        let findings = judge.judge(&inputs)?;
        if findings.judgements.is_empty() {
            bail!("{}", nothing(&findings));
        }
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        if let Some(path) = &self.report {
            let report = html::report(&names, &findings, &settings);
            std::fs::write(path, report).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let text = match (failing, self.format) {
            (Some(_), _) => findings.failing.iter().map(|event| format!("{event}\n")).collect(),
            (None, Format::Table) => table::all(&findings, &settings),
            (None, Format::Json) => format!("{:#}\n", as_json(&names, &findings, &settings)),
        };
        std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the judgement")?;
        Ok(findings.judgements.iter().all(|(_, judgement)| judgement.metrics.overall_score >= settings.quality_gate))
    }
}

/// Why there is no judgement.
fn nothing(findings: &Findings) -> String {
    let reasons: Vec<String> =
        findings.refused.iter().map(|(reason, count)| format!("{count} × {reason}")).take(3).collect();
    match (findings.lines, reasons.is_empty()) {
        (0, _) => "there are no events in the files: nothing to assess".to_owned(),
        (lines, true) => format!("none of the {lines} events is a record of a dataset: nothing to assess"),
        (lines, false) => format!(
            "none of the {lines} lines can be assessed: the service would refuse {} ({})",
            findings.refused_lines(),
            reasons.join("; ")
        ),
    }
}

/// As the API shows each judgement, and what became of the lines.
fn as_json(names: &[&str], findings: &Findings, settings: &Settings) -> Value {
    let datasets: Vec<Value> = findings
        .judgements
        .iter()
        .map(|(dataset, judgement)| {
            let mut shown = quality_assessment::view::judgement(*dataset, judgement);
            shown["passed"] = json!(judgement.metrics.overall_score >= settings.quality_gate);
            shown
        })
        .collect();
    json!({
        "files": names,
        "lines": findings.lines,
        "refused": findings.refused,
        "refused_examples": findings.refused_at,
        "repeated": findings.repeated,
        "differing": {
            "events": findings.differing.events,
            "event_ids": findings.differing.examples.values().collect::<Vec<_>>(),
        },
        "duplicate_keys": findings.duplicate_keys,
        "no_records": findings.other,
        "quality_gate": settings.quality_gate,
        "datasets": datasets,
    })
}
