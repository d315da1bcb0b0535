//! SQS: each message is parsed by itself, and one that fails, or panics the
//! handler, fails alone: it is named in the answer, and SQS brings it again.

use chrono::Utc;
use learning_core::event::decode::{DecodeLimits, Json, records};
use learning_core::event::{Fault, FaultCode};
use learning_core::store::Origin;
use learning_core::usecase::{Arrival, Failed, Unanswered, caught};
use serde_json::{Value, json};

use crate::bus;

/// A message has at most 1 MB; what its events may have is for the use case to say.
const LIMITS: DecodeLimits = DecodeLimits { record_bytes: 1 << 20, decompressed_bytes: 1 << 20 };

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

/// The events of a message: one, a batch under `events`, an array, lines, or an event of
/// a bus that a rule sent to the queue. A message is one request: a redelivered one has
/// the same events with the same ids.
fn arrivals(message: &Value, request: usize) -> Vec<Arrival> {
    let body = message.get("body").and_then(Value::as_str).unwrap_or_default();
    let arn = message.get("eventSourceARN").and_then(Value::as_str).unwrap_or_default();
    let source = arn.rsplit(':').next().unwrap_or_default();
    let origin = |line| Origin { road: "queue".to_owned(), source: source.to_owned(), line };
    // A message that cannot be read to its end is rejected whole: its sender wrote one document.
    let rejected = |fault| {
        vec![Arrival { incoming: Err(fault), origin: origin(1), body: body.to_owned(), request, earlier: None }]
    };
    let records = match records(body.as_bytes(), LIMITS).collect::<Result<Vec<_>, _>>() {
        Err(error) => return rejected(Fault::new(&[], FaultCode::InvalidFormat, error.to_string())),
        Ok(records) if records.is_empty() => return rejected(Fault::new(&[], FaultCode::Missing, "it holds no event")),
        Ok(records) => records,
    };
    let is_one = records.len() == 1;
    let arrivals = records.into_iter().flat_map(|record| {
        let text = String::from_utf8(record.text.clone()).unwrap_or_default();
        match record.json() {
            Ok(json) if is_one && bus::is_event(&json.value) => whole(bus::events(json), request),
            Ok(json) if is_one && json.value.get("events").is_some() => whole(batch(json), request),
            incoming => vec![Arrival { incoming, origin: origin(0), body: text, request, earlier: None }],
        }
    });
    arrivals.zip(1..).map(|(arrival, line)| Arrival { origin: origin(line), ..arrival }).collect()
}

fn whole(events: Vec<Json>, request: usize) -> Vec<Arrival> {
    let origin = Origin { road: String::new(), source: String::new(), line: 0 };
    events.into_iter().map(|event| arrival(event, request, origin.clone())).collect()
}

/// The events under `events`, or the one that this is.
pub fn batch(mut json: Json) -> Vec<Json> {
    if json.value.get("events").is_some() { json.take("events").elements() } else { vec![json] }
}

/// An event of a request.
pub fn arrival(event: Json, request: usize, origin: Origin) -> Arrival {
    Arrival { body: event.value.to_string(), incoming: Ok(event), origin, request, earlier: None }
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

        let event = r#"{"user_id": "u"}"#;
        for (body, events) in [
            (format!("[{event}, {event}]"), 2),
            (format!("{event}\n{event}\n{event}\n"), 3),
            (r#"{"note": 1, "events": [{}, {}]}"#.to_owned(), 2),
            (r#"{"detail-type": "purchase", "detail": {"events": [{}, {}]}}"#.to_owned(), 2),
            ("{\n  \"user_id\": \"u\"\n}".to_owned(), 1),
            (event.to_owned(), 1),
        ] {
            let read = arrivals(&message("m", &body), 0);
            assert_eq!(read.len(), events, "{body}");
            assert!(read.iter().all(|arrival| arrival.incoming.is_ok() && arrival.origin.source == "events"));
            assert_eq!(read.last().unwrap().origin.line, events as u64);
        }
        let twice = arrivals(&message("m", r#"{"detail-type": "x", "detail": {"a": 1, "a": 2}}"#), 0);
        assert_eq!(twice[0].incoming.as_ref().unwrap().duplicate_keys, [["a"]]);
        for body in ["", "[{}, {}", "[{}] {}"] {
            let read = arrivals(&message("m", body), 0);
            assert!(read.len() == 1 && read[0].incoming.is_err() && read[0].body == body, "{body}");
        }

        let broken = arrivals(&message("m", "{broken"), 0);
        assert!(broken[0].incoming.is_err());
        assert_eq!((broken[0].origin.source.as_str(), broken[0].body.as_str()), ("events", "{broken"));
    }
}
