//! The judgement of a running service.

use anyhow::{Context, Result, bail};
use learning_core::quality::Judgement;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::table;
use crate::command::Client;
use crate::command::datasets::{array, text, time};
use crate::command::progress::Progress;

/// What the service answered, and its gate.
#[derive(Debug)]
pub struct Assessed {
    answer: Value,
    gate: f64,
}

impl Assessed {
    pub fn passed(&self) -> bool {
        self.answer["passed"] == true
    }
}

/// Lets the service assess a dataset of this name or id, and waits for the assessment
/// where it is only promised.
///
/// # Errors
/// One line: the service does not answer, or says why it does not do it.
pub async fn assess(client: &Client, dataset: &str) -> Result<Assessed> {
    let progress = Progress::begin(format!("Assessing {dataset}"));
    let id = client.id(dataset).await?;
    let shown = client.get(&format!("datasets/{id}")).await?;
    let gates = array(&shown["readiness"], "gates");
    let quality = gates.iter().find(|gate| gate["gate"] == "quality");
    let gate = quality.and_then(|gate| gate["required"].as_f64()).context("the service tells no quality gate")?;
    let answered = client.post("assess-quality", &json!({"dataset_id": id})).await?;
    let answer = if answered.status == StatusCode::ACCEPTED {
        let location = answered.location.context("the service does not say where the assessment will be")?;
        progress.say(format!("{dataset} has many records: waiting for its assessment"));
        client.follow(&location, |assessment| assessment["state"] != "pending", |_| ()).await?
    } else {
        answered.body
    };
    if answer["state"] != "done" {
        bail!("{dataset} is not assessed: {}", text(&answer["reason"]));
    }
    Ok(Assessed { answer, gate })
}

/// As of files.
///
/// # Errors
/// An answer of a service that is too different from this program.
pub fn tables(assessed: &[Assessed]) -> Result<String> {
    let mut parts = Vec::new();
    for Assessed { answer, gate } in assessed {
        let kept = if answer["cached"] == true { "; the records are unchanged since" } else { "" };
        let id = text(&answer["assessment_id"]);
        parts.push(format!(
            "{}Assessment {id}, made {}{kept}.\n",
            table::one(&text(&answer["dataset"]), &judgement(answer)?, *gate),
            time(&answer["assessment_timestamp"]),
        ));
    }
    Ok(parts.join("\n"))
}

/// As the API shows each.
pub fn as_json(client: &Client, assessed: &[Assessed]) -> Value {
    let answers: Vec<&Value> = assessed.iter().map(|one| &one.answer).collect();
    json!({
        "service": client.url(),
        "quality_gate": assessed.first().map(|one| one.gate),
        "datasets": answers,
    })
}

fn judgement(answer: &Value) -> Result<Judgement> {
    let mut judgement = answer.clone();
    judgement["metrics"] = judgement["quality_metrics"].take();
    serde_json::from_value(judgement).context("the answer is of another version of the service: see --format json")
}
