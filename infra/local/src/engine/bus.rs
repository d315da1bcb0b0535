//! EventBridge: PutEvents over HTTP, matched against the rules, in memory.
//!
//! There is one bus, whatever name an entry gives. A fact that is on its way
//! when the process dies is lost: the sweep finds what it would have started.

mod pattern;
mod put_events;
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

pub use rules::Rules;

use super::{Credentials, signature};

/// More than ten of the facts that the service sends; no more than EventBridge takes.
const MAX_BODY: usize = 1024 * 1024;

/// An event for one target of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub target: String,
    pub rule: String,
    /// The whole event, as EventBridge hands it to a function.
    pub event: Value,
}

struct Bus {
    rules: Rules,
    deliveries: UnboundedSender<Delivery>,
    credentials: Credentials,
}

pub(super) fn router(rules: Rules, deliveries: UnboundedSender<Delivery>, credentials: Credentials) -> Router {
    Router::new().route("/", post(handle)).layer(DefaultBodyLimit::max(MAX_BODY)).with_state(Arc::new(Bus {
        rules,
        deliveries,
        credentials,
    }))
}

async fn handle(State(bus): State<Arc<Bus>>, head: Parts, body: Bytes) -> Response {
    let content_type = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !content_type.starts_with(b"application/x-amz-json-1.") {
        let body = json!({"__type": "SerializationException", "message": "the content type has to be application/x-amz-json-1.1"});
        return aws_json(StatusCode::UNSUPPORTED_MEDIA_TYPE, &body);
    }
    if let Err(refusal) = signature::verify(&bus.credentials, "events", &head, &body, Utc::now()) {
        return error(refusal.code(), &refusal.to_string());
    }
    match head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        Some("AWSEvents.PutEvents") => match put_events::answer(&bus, &body) {
            Ok(answer) => aws_json(StatusCode::OK, &answer),
            Err(message) => error("ValidationException", &message),
        },
        target => {
            error("UnknownOperationException", &format!("the local bus has no operation {}", target.unwrap_or("")))
        }
    }
}

fn error(kind: &str, message: &str) -> Response {
    aws_json(StatusCode::BAD_REQUEST, &json!({ "__type": kind, "message": message }))
}

fn aws_json(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}
