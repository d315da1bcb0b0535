//! SQS: each message is parsed by itself, and one that fails, or panics the
//! handler, fails alone: it is named in the answer, and SQS brings it again.

use chrono::Utc;
use learning_core::store::Origin;
use learning_core::usecase::{Arrival, Failed, Unanswered, caught, parse};
use serde_json::{Value, json};

use crate::bus;

/// Takes messages in; answers which are to be brought again.
pub async fn take(road: &Unanswered, messages: Vec<Value>) -> Value {
    let failed = each_alone(messages, |messages| async move {
        let arrivals = messages.iter().enumerate().flat_map(|(request, message)| arrivals(message, request)).collect();
        road.ingest(arrivals, Utc::now()).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
    let failures: Vec<Value> = failed.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failures})
}

/// Runs `work` on all messages together, which is cheapest; where that fails, on
/// each by itself. Answers the ids of those that fail then.
async fn each_alone<W>(messages: Vec<Value>, work: impl Fn(Vec<Value>) -> W) -> Vec<String>
where
    W: Future<Output = Result<(), String>>,
{
    if succeeds(|| work(messages.clone())).await {
        return Vec::new();
    }
    let mut failed = Vec::new();
    for message in messages {
        let id = id(&message).to_owned();
        if !succeeds(|| work(vec![message])).await {
            failed.push(id);
        }
    }
    failed
}

async fn succeeds<W: Future<Output = Result<(), String>>>(work: impl FnOnce() -> W) -> bool {
    match caught(work).await {
        Ok(()) => true,
        Err(Failed::Error(error)) => {
            tracing::warn!(error, "messages could not be taken in; they are tried one by one, then brought again");
            false
        }
        Err(Failed::Panicked) => {
            tracing::error!("messages panicked the handler; they are tried one by one, then brought again");
            false
        }
    }
}

fn id(message: &Value) -> &str {
    message.get("messageId").and_then(Value::as_str).unwrap_or_default()
}

/// The events of a message: one, a batch under `events`, or an event of a bus
/// that a rule sent to the queue. A message is one request: a redelivered one has the
/// same events with the same ids.
fn arrivals(message: &Value, request: usize) -> Vec<Arrival> {
    let body = message.get("body").and_then(Value::as_str).unwrap_or_default();
    let arn = message.get("eventSourceARN").and_then(Value::as_str).unwrap_or_default();
    let source = arn.rsplit(':').next().unwrap_or_default();
    let origin = |line| Origin { road: "queue".to_owned(), source: source.to_owned(), line };
    let events = match parse(body.as_bytes()) {
        Err(fault) => {
            return vec![Arrival {
                incoming: Err(fault),
                origin: origin(1),
                body: body.to_owned(),
                request,
                earlier: None,
            }];
        }
        Ok(json) if bus::is_event(&json) => bus::events(json),
        Ok(json) => batch(json),
    };
    events.into_iter().zip(1..).map(|(event, line)| arrival(event, request, origin(line))).collect()
}

/// The events under `events`, or the one that this is.
pub fn batch(mut json: Value) -> Vec<Value> {
    match json.get_mut("events").map(Value::take) {
        Some(Value::Array(events)) => events,
        Some(other) => vec![other],
        None => vec![json],
    }
}

/// An event of a request.
pub fn arrival(event: Value, request: usize, origin: Origin) -> Arrival {
    Arrival { body: event.to_string(), incoming: Ok(event), origin, request, earlier: None }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn message(id: &str, body: &str) -> Value {
        json!({"messageId": id, "body": body, "eventSourceARN": "arn:aws:sqs:us-east-1:1:events"})
    }

    fn run(messages: Vec<Value>, work: impl Fn(Vec<Value>) -> Result<(), String>) -> Vec<String> {
        let work = &work;
        let all = each_alone(messages, |messages| async move { work(messages) });
        all.now_or_never().expect("nothing waits")
    }

    #[test]
    fn a_message_that_panics_the_handler_fails_alone() {
        let messages = vec![message("a", "1"), message("b", "boom"), message("c", "3"), message("d", "no")];
        let failed = run(messages, |messages| {
            for message in messages {
                match message["body"].as_str() {
                    Some("boom") => panic!("a message that nobody foresaw"),
                    Some("no") => return Err("the store does not answer".to_owned()),
                    _ => {}
                }
            }
            Ok(())
        });
        assert_eq!(failed, ["b", "d"]);
    }

    #[test]
    fn the_events_of_a_message_belong_to_one_request() {
        let batch = message("m", r#"{"events": [{"user_id": "u"}, {"event_id": "given"}, 3]}"#);
        let requests: Vec<usize> = arrivals(&batch, 7).iter().map(|arrival| arrival.request).collect();
        assert_eq!(requests, [7; 3]);

        let broken = arrivals(&message("m", "{broken"), 0);
        assert!(broken[0].incoming.is_err());
        assert_eq!((broken[0].origin.source.as_str(), broken[0].body.as_str()), ("events", "{broken"));
    }
}
