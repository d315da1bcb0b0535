//! The HTTP door of the DynamoDB engine: verifies who asks, then runs the operation.
//!
//! dynoxide brings a server of its own, which verifies no signature and lets every web page read it; it
//! can only be given a port, on which nothing could stand in front of it. So its operations are called
//! as a library, from here.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use chrono::Utc;
use dynoxide::Database;
use uuid::Uuid;

use crate::engine::{Credentials, signature};

/// DynamoDB takes bodies of up to 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// As the name of the operation begins in `x-amz-target`: of the tables, and of their streams.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

struct Door {
    database: Database,
    credentials: Credentials,
}

pub(super) fn router(database: Database, credentials: Credentials) -> Router {
    Router::new()
        .route("/", any(handle))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(Door { database, credentials }))
}

async fn handle(State(door): State<Arc<Door>>, head: Parts, body: Bytes) -> Response {
    if head.method != Method::POST {
        return StatusCode::NOT_FOUND.into_response();
    }
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE.as_str()).split(';').next().unwrap_or_default().trim();
    if ![CONTENT_TYPE, "application/json"].iter().any(|known| known.eq_ignore_ascii_case(content_type)) {
        let message = format!("the content type has to be {CONTENT_TYPE}");
        return error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "SerializationException", &message);
    }
    if let Err(refusal) = signature::verify(&door.credentials, "dynamodb", &head, &body, Utc::now()) {
        return error(StatusCode::BAD_REQUEST, refusal.code(), &refusal.to_string());
    }
    let target = text("x-amz-target");
    let operation = TARGETS.iter().find_map(|prefix| target.strip_prefix(prefix)).unwrap_or_default();
    match fincoach_dynamodb::run(&door.database, operation, &body) {
        None => {
            error(StatusCode::BAD_REQUEST, "UnknownOperationException", &format!("there is no operation {target:?}"))
        }
        Some(Ok(json)) => answer(StatusCode::OK, json),
        Some(Err(failure)) => {
            let status = StatusCode::from_u16(failure.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
            if status.is_server_error() {
                tracing::error!(operation, error = %failure, "the DynamoDB engine failed on an operation");
            }
            answer(status, failure.to_json())
        }
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = serde_json::json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message});
    answer(status, body.to_string())
}

fn answer(status: StatusCode, json: String) -> Response {
    let id = Uuid::new_v4().to_string();
    (status, [(header::CONTENT_TYPE.as_str(), CONTENT_TYPE), ("x-amzn-requestid", &id)], json).into_response()
}
