//! What set a function off.

use std::future::Future;
use std::pin::Pin;

use learning_core::dataset::Dataset;
use learning_core::store::FACT_SOURCE;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::gateway::{self, Unreadable};
use crate::{Answer, Callers, Error, Problem, Reply, Request};

/// One invocation, by its source.
#[derive(Debug)]
pub enum Trigger {
    Http(Box<Request>),
    /// A fact on the bus about a dataset, by its `detail-type`.
    Fact {
        name: String,
        dataset: Dataset,
    },
    /// Changes of the datasets table: the partition keys of the changed items.
    Changes(Vec<String>),
    /// The schedule.
    Schedule,
    /// A task of a state machine: its input, which names the `task`.
    Task(serde_json::Value),
}

/// The members by which events are told apart.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "requestContext", borrow)]
    request_context: Option<&'a RawValue>,
    #[serde(rename = "Records", borrow)]
    records: Option<Vec<StreamRecord<'a>>>,
    task: Option<String>,
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    dataset: Option<Dataset>,
}

#[derive(Deserialize)]
struct StreamRecord<'a> {
    #[serde(borrow)]
    dynamodb: Option<Change<'a>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(rename = "Keys", borrow)]
    keys: Keys<'a>,
}

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    dataset: KeyValue<'a>,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(rename = "S")]
    text: &'a str,
}

/// An HTTP request that has no route is answered before a function sees it.
enum Read {
    Trigger(Trigger),
    Refused { problem: Problem, path: String },
}

impl Trigger {
    /// Reads an invocation and hands it to `respond` or `react`: HTTP gets a reply
    /// or a problem, other triggers a note or an error (on which they are repeated).
    ///
    /// # Errors
    /// What `react` fails with; a payload of no known source.
    pub async fn dispatch<Responding, Reacting>(
        payload: &RawValue,
        request_id: &str,
        callers: &Callers,
        respond: impl FnOnce(Box<Request>) -> Responding,
        react: impl FnOnce(Trigger) -> Reacting,
    ) -> Result<Answer, Error>
    where
        Responding: Future<Output = Result<Reply, Problem>> + Send,
        Reacting: Future<Output = Result<serde_json::Value, Error>> + Send,
    {
        match read(payload, callers)? {
            Read::Refused { problem, path } => Ok(Answer::http(Err(problem), &path, request_id)),
            Read::Trigger(Trigger::Http(request)) => {
                let path = request.path().to_owned();
                let is_get = request.route.method() == "GET";
                let if_none_match = request.header("if-none-match").map(str::to_owned);
                let outcome = boxed(respond(request)).await;
                let outcome = match outcome {
                    Ok(reply) if is_get => Ok(reply.answering_get(if_none_match.as_deref())),
                    outcome => outcome,
                };
                Ok(Answer::http(outcome, &path, request_id))
            }
            Read::Trigger(trigger) => Ok(Answer::Json(boxed(react(trigger)).await?)),
        }
    }

    /// Whether an invocation is a request over HTTP.
    pub fn is_http(payload: &RawValue) -> bool {
        #[derive(Deserialize)]
        struct Http<'a> {
            #[serde(rename = "requestContext", borrow)]
            request_context: Option<&'a RawValue>,
        }
        serde_json::from_str::<Http<'_>>(payload.get()).is_ok_and(|probe| probe.request_context.is_some())
    }

    /// The error of a function that was wired to a trigger it knows nothing of.
    pub fn unexpected(&self) -> Error {
        format!("this function does nothing on {self:?}: check what it is wired to").into()
    }
}

/// The futures of the SDK nest deeper than the compiler follows by default; here
/// the chain is cut, once per invocation.
fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

fn read(payload: &RawValue, callers: &Callers) -> Result<Read, Error> {
    let probe: Probe<'_> = serde_json::from_str(payload.get())
        .map_err(|error| format!("the payload is of no source that this function knows: {error}"))?;
    if probe.request_context.is_some() {
        let request = match gateway::request(payload)? {
            Ok(request) => request,
            Err(Unreadable { problem, path }) => return Ok(Read::Refused { problem, path }),
        };
        let path = lambda_http::RequestExt::raw_http_path(&request).to_owned();
        return Ok(match Request::new(request, callers) {
            Ok(request) => Read::Trigger(Trigger::Http(Box::new(request))),
            Err(problem) => Read::Refused { problem, path },
        });
    }
    if let Some(records) = probe.records {
        let changed = records.into_iter().filter_map(|record| Some(record.dynamodb?.keys.dataset.text.to_owned()));
        return Ok(Read::Trigger(Trigger::Changes(changed.collect())));
    }
    if probe.task.is_some() {
        return Ok(Read::Trigger(Trigger::Task(serde_json::from_str(payload.get())?)));
    }
    match (probe.source.as_deref(), probe.detail_type) {
        (Some(FACT_SOURCE), Some(name)) => match probe.detail.and_then(|detail| detail.dataset) {
            Some(dataset) => Ok(Read::Trigger(Trigger::Fact { name, dataset })),
            None => Err(format!("the fact {name:?} names no dataset").into()),
        },
        (Some("aws.events" | "aws.scheduler"), Some(_)) => Ok(Read::Trigger(Trigger::Schedule)),
        (source, detail_type) => {
            Err(format!("the payload is of no source that this function knows ({source:?}, {detail_type:?})").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use learning_core::dataset::settings::Settings;
    use serde_json::json;

    use super::*;

    fn payload(json: serde_json::Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(&json).unwrap()
    }

    fn callers() -> Callers {
        Callers::new(&Settings::default())
    }

    fn trigger(json: serde_json::Value) -> Trigger {
        match read(&payload(json), &callers()).unwrap() {
            Read::Trigger(trigger) => trigger,
            Read::Refused { problem, .. } => panic!("{problem:?}"),
        }
    }

    #[test]
    fn each_source_is_told_from_the_others() {
        let fact =
            json!({"source": FACT_SOURCE, "detail-type": "dataset ready", "detail": {"dataset": "goal", "version": 1}});
        assert!(matches!(trigger(fact), Trigger::Fact { name, dataset: Dataset::GOAL } if name == "dataset ready"));
        let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        assert!(matches!(trigger(schedule), Trigger::Schedule));
        assert!(matches!(trigger(json!({"task": "plan", "dataset": "goal"})), Trigger::Task(_)));
        let keys = json!({"dataset": {"S": "counter#03"}, "record": {"S": "counter"}});
        let changes = json!({"Records": [{"eventName": "MODIFY", "dynamodb": {"Keys": keys}}]});
        assert!(matches!(trigger(changes), Trigger::Changes(keys) if keys == ["counter#03"]));
    }

    #[test]
    fn a_payload_of_no_known_source_is_an_error() {
        for json in [json!({}), json!([]), json!({"source": FACT_SOURCE, "detail-type": "dataset ready", "detail": {}})]
        {
            assert!(read(&payload(json), &callers()).is_err());
        }
    }
}
