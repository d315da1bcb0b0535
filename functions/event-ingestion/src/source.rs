//! Telling apart what sets the function off, beside HTTP.

use function_edge::{Error, RawValue};
use learning_core::event::decode::{Json, parse};
use learning_core::store::{ERASURE_REQUESTED, FACT_SOURCE, FILE_PARTLY_INGESTED};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use uuid::Uuid;

#[derive(Debug, PartialEq)]
pub enum Source {
    /// SQS messages.
    Queue(Vec<Value>),
    /// Changes of a foreign DynamoDB table.
    Stream(Vec<Value>),
    /// Objects that were created, by their keys.
    Objects(Vec<String>),
    /// An event on a bus of the app.
    Bus(Json),
    /// A file that is not taken in to its end.
    PartlyIngested(String),
    ErasureRequested(Uuid),
    Schedule,
    /// `{"replay": "quarantine"}`, by an operator; `after` is the `next` of an earlier answer.
    ReplayQuarantine {
        after: Option<String>,
    },
}

impl Source {
    /// # Errors
    /// For a payload of no known source. It is not quoted: it may hold anything.
    pub fn read(payload: &RawValue) -> Result<Self, Error> {
        let mut json = parse(payload.get().as_bytes()).map_err(|fault| format!("the payload: {}", fault.message))?;
        if let Some(Value::Array(records)) = json.value.get_mut("Records").map(Value::take) {
            return of_records(records);
        }
        let event = &json.value;
        let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
        if event.get("replay").is_some_and(|what| what == "quarantine") {
            return Ok(Source::ReplayQuarantine { after: text("after") });
        }
        match (text("source").as_deref(), text("detail-type").as_deref()) {
            (Some(FACT_SOURCE), Some(FILE_PARTLY_INGESTED)) => {
                let object = event.pointer("/detail/object").and_then(Value::as_str);
                Ok(Source::PartlyIngested(object.ok_or("the fact names no object")?.to_owned()))
            }
            (Some(FACT_SOURCE), Some(ERASURE_REQUESTED)) => {
                let erasure = event.pointer("/detail/erasure").and_then(Value::as_str);
                Ok(Source::ErasureRequested(erasure.ok_or("the fact names no erasure")?.parse()?))
            }
            (Some("aws.events" | "aws.scheduler"), Some(_)) => Ok(Source::Schedule),
            // Facts of our own that are not for this function would be stored as behaviour.
            (Some(source), Some(_)) if source != FACT_SOURCE && event.get("detail").is_some() => Ok(Source::Bus(json)),
            _ => Err("the payload is of no source that this function knows: check what it is wired to".into()),
        }
    }
}

/// All records of an invocation come from one source.
fn of_records(records: Vec<Value>) -> Result<Source, Error> {
    let source = records.first().and_then(|record| record.get("eventSource")).and_then(Value::as_str);
    match source {
        Some("aws:sqs") => Ok(Source::Queue(records)),
        Some("aws:dynamodb") => Ok(Source::Stream(records)),
        Some("aws:s3") => Ok(Source::Objects(records.iter().map(key).collect::<Result<_, _>>()?)),
        _ => Err("the records are of no source that this function knows".into()),
    }
}

/// S3 writes keys as in a query string.
fn key(record: &Value) -> Result<String, Error> {
    let key = record.pointer("/s3/object/key").and_then(Value::as_str).ok_or("a record names no object")?;
    let key = key.replace('+', " ");
    Ok(percent_decode_str(&key).decode_utf8().map_err(|_| "the key of an object is no UTF-8")?.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: Value) -> Result<Source, Error> {
        Source::read(&serde_json::value::to_raw_value(&json).unwrap())
    }

    #[test]
    fn each_source_is_told_from_the_others() {
        let queue = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m"}]});
        assert!(matches!(read(queue).unwrap(), Source::Queue(records) if records.len() == 1));
        let stream = json!({"Records": [{"eventSource": "aws:dynamodb"}]});
        assert!(matches!(read(stream).unwrap(), Source::Stream(_)));
        let created =
            json!({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "incoming/a+b%C3%BC.gz"}}}]});
        assert_eq!(read(created).unwrap(), Source::Objects(vec!["incoming/a bü.gz".to_owned()]));
        let event = json!({"source": "shop", "detail-type": "order placed", "detail": {}});
        assert!(matches!(read(event).unwrap(), Source::Bus(_)));
        let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
        assert_eq!(read(schedule).unwrap(), Source::Schedule);
        let paused =
            json!({"source": FACT_SOURCE, "detail-type": FILE_PARTLY_INGESTED, "detail": {"object": "incoming/x"}});
        assert_eq!(read(paused).unwrap(), Source::PartlyIngested("incoming/x".to_owned()));
        let asked =
            json!({"source": FACT_SOURCE, "detail-type": ERASURE_REQUESTED, "detail": {"erasure": Uuid::nil()}});
        assert_eq!(read(asked).unwrap(), Source::ErasureRequested(Uuid::nil()));
        let replay = |after: Option<&str>| Source::ReplayQuarantine { after: after.map(str::to_owned) };
        assert_eq!(read(json!({"replay": "quarantine"})).unwrap(), replay(None));
        assert_eq!(
            read(json!({"replay": "quarantine", "after": "quarantine/x"})).unwrap(),
            replay(Some("quarantine/x"))
        );
    }

    #[test]
    fn anything_else_is_an_error() {
        for payload in [
            json!(null),
            json!({"Records": []}),
            json!({"Records": [{"eventSource": "aws:kinesis"}]}),
            json!({"source": FACT_SOURCE, "detail-type": "dataset ready", "detail": {"dataset": "goal"}}),
            json!({"replay": "everything"}),
        ] {
            assert!(read(payload).is_err());
        }
    }
}
