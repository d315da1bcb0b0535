//! What happens to events, as an operator hears of it. Each signal owns its log
//! line and its metric, so that the two never tell different stories; neither
//! holds anything of a user.
//!
//! Metrics are lines in CloudWatch's embedded format, for whoever was named with
//! [`send_metrics_to`]: standard output in a Lambda, nobody by default.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::dataset::Dataset;
use crate::event::FaultCode;
use crate::event::privacy::Redactions;

const NAMESPACE: &str = "FinCoachLearning";

/// A fact about events that were taken in, or were not.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal<'a> {
    /// `None`: behaviour that feeds no dataset.
    Accepted {
        dataset: Option<Dataset>,
        events: u64,
    },
    /// `different` of them were not what is stored under their ids.
    Duplicate {
        events: u64,
        different: u64,
    },
    /// By the first fault of each.
    Rejected {
        reason: FaultCode,
        events: u64,
    },
    /// Kept for a replay, as nobody waits for an answer on that road.
    Quarantined {
        road: &'a str,
        reason: FaultCode,
        events: u64,
    },
    Redacted(Redactions),
    /// The store had to be asked again.
    Retried(Cause),
    /// How long a dataset has failed the quality gate, and how long its next step
    /// has been waiting, in seconds: 0 where it does neither.
    Standing {
        dataset: Dataset,
        blocked: u64,
        waiting: u64,
    },
}

/// Why the store had to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Contention,
    Throttled,
    Unavailable,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Cause::Contention => "contention",
            Cause::Throttled => "throttled",
            Cause::Unavailable => "unavailable",
        }
    }
}

type Sink = Box<dyn Fn(&str) + Send + Sync>;
static SINK: OnceLock<Sink> = OnceLock::new();

/// Names who gets the lines of metrics, once per process; later calls change nothing.
pub fn send_metrics_to(sink: impl Fn(&str) + Send + Sync + 'static) {
    let _ = SINK.set(Box::new(sink));
}

impl Signal<'_> {
    /// Logs the signal and sends its metric.
    pub fn emit(&self) {
        match self {
            Signal::Accepted { dataset, events } => {
                tracing::info!(dataset = dataset.map_or("none", Dataset::name), events, "events were accepted");
            }
            Signal::Duplicate { events, different: 0 } => {
                tracing::info!(events, "events were stored already");
            }
            Signal::Duplicate { events, different } => {
                tracing::warn!(
                    events,
                    different,
                    "events were stored already, some with other content: a sender reuses ids"
                );
            }
            Signal::Rejected { reason, events } => {
                tracing::info!(reason = reason.as_str(), events, "events were rejected");
            }
            Signal::Quarantined { road, reason, events } => {
                tracing::warn!(
                    road,
                    reason = reason.as_str(),
                    events,
                    "events are in quarantine until they are replayed"
                );
            }
            Signal::Redacted(Redactions { dropped, masked, truncated }) => {
                tracing::info!(dropped, masked, truncated, "sensitive data were taken out of events");
            }
            Signal::Retried(cause) => {
                tracing::info!(cause = cause.as_str(), "the store is asked again");
            }
            // What most sweeps find is worth no line.
            Signal::Standing { blocked: 0, waiting: 0, .. } => {}
            Signal::Standing { dataset, blocked, waiting } => {
                tracing::info!(%dataset, blocked, waiting, "a dataset is blocked or waits for its next step");
            }
        }
        if let Some(sink) = SINK.get() {
            sink(&self.metric().to_string());
        }
    }

    /// In CloudWatch's embedded format.
    fn metric(&self) -> Value {
        match self {
            Signal::Accepted { dataset, events } => {
                metric(&[("Accepted", *events)], &[("Dataset", dataset.map_or("none", Dataset::name))])
            }
            Signal::Duplicate { events, different } => {
                metric(&[("Duplicates", *events), ("DuplicatesWithOtherContent", *different)], &[])
            }
            Signal::Rejected { reason, events } => metric(&[("Rejected", *events)], &[("Reason", reason.as_str())]),
            Signal::Quarantined { road, reason, events } => {
                metric(&[("Quarantined", *events)], &[("Road", road), ("Reason", reason.as_str())])
            }
            Signal::Redacted(Redactions { dropped, masked, truncated }) => metric(
                &[
                    ("Dropped", u64::from(*dropped)),
                    ("Masked", u64::from(*masked)),
                    ("Truncated", u64::from(*truncated)),
                ],
                &[],
            ),
            Signal::Retried(cause) => metric(&[("Retried", 1)], &[("Cause", cause.as_str())]),
            Signal::Standing { dataset, blocked, waiting } => metric_in(
                "Seconds",
                &[("BlockedSeconds", *blocked), ("WaitingSeconds", *waiting)],
                &[("Dataset", dataset.name())],
            ),
        }
    }
}

fn metric(values: &[(&str, u64)], dimensions: &[(&str, &str)]) -> Value {
    metric_in("Count", values, dimensions)
}

fn metric_in(unit: &str, values: &[(&str, u64)], dimensions: &[(&str, &str)]) -> Value {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let metrics: Vec<Value> = values.iter().map(|(name, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": chrono::Utc::now().timestamp_millis(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics}],
        }),
    );
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_names_its_dimensions_and_carries_its_values() {
        let mut line = Signal::Accepted { dataset: Some(Dataset::SPENDING), events: 3 }.metric();
        assert!(line["_aws"]["Timestamp"].is_i64());
        line["_aws"]["Timestamp"] = json!(0);
        let directive = json!({
            "Namespace": NAMESPACE, "Dimensions": [["Dataset"]], "Metrics": [{"Name": "Accepted", "Unit": "Count"}],
        });
        let expected = json!({
            "_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "Dataset": "spending", "Accepted": 3,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn every_metric_that_is_declared_is_there() {
        for signal in [
            Signal::Accepted { dataset: None, events: 1 },
            Signal::Duplicate { events: 2, different: 1 },
            Signal::Rejected { reason: FaultCode::Missing, events: 1 },
            Signal::Quarantined { road: "queue", reason: FaultCode::Missing, events: 1 },
            Signal::Redacted(Redactions { dropped: 1, masked: 1, truncated: 1 }),
            Signal::Retried(Cause::Throttled),
            Signal::Standing { dataset: Dataset::GOAL, blocked: 1, waiting: 2 },
        ] {
            let line = signal.metric();
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for name in directive["Dimensions"][0].as_array().unwrap() {
                assert!(line[name.as_str().unwrap()].is_string(), "{line}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{line}");
            }
        }
    }
}
