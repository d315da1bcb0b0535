//! What API Gateway is on AWS: requests become its v2 events, for the function
//! that owns the route.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use function_edge::{Answer, Error, Function, RawValue, find_route};
use futures::StreamExt as _;
use lambda_http::Body as LambdaBody;
use serde::Serialize;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::access::{Access, Claims};
use crate::functions::Functions;
use crate::work::{Done, Weight, Work};

/// API Gateway's limit.
const BODY_BYTES: usize = 10 * 1024 * 1024;

/// How long a body may take to come: as long as API Gateway gives a whole request.
const BODY_LASTS: Duration = Duration::from_secs(30);

/// Bytes of bodies that are in memory at once. Who comes when it is full is asked to come
/// again: nobody waits for those who send slowly.
const MEMORY: usize = 32 * BODY_BYTES;

#[derive(Clone)]
pub struct Front {
    functions: Arc<Functions>,
    access: Arc<Access>,
    memory: Arc<Semaphore>,
    work: Work,
}

/// Everything that the API answers, for callers that have `access`. The functions work on the runtime that
/// calls this, wherever the router is served.
pub fn router(functions: Arc<Functions>, access: Arc<Access>) -> Router {
    let memory = Arc::new(Semaphore::new(MEMORY));
    Router::new().fallback(answer).with_state(Front { functions, access, memory, work: Work::here() })
}

async fn answer(State(front): State<Front>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_LASTS, read(body, &front.memory)).await;
    let (body, memory) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(status)) => return refusal(status),
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT),
    };
    // A path that is nobody's is answered alike by all.
    let (route, function) = match find_route(head.method.as_str(), head.uri.path()) {
        Ok((route, _)) => (Some(route), route.function()),
        Err(_) => (None, Function::ReadinessCheck),
    };
    let weight = Weight::of(route, &head.headers, body.len());
    let Front { functions, access, work, .. } = front;
    let invocation = async move {
        // Freed when the work is done, also where the caller has gone.
        let _memory = memory;
        let payload = event(&head.method, &head.uri, &head.headers, &body, &access)?;
        drop(body);
        functions.invoke(function, payload).await
    };
    match work.run(weight, invocation).await {
        Done::Answered(Ok(Answer::Http(answer))) => response(*answer).unwrap_or_else(|_| bad_gateway()),
        Done::Answered(Ok(Answer::Json(_))) => bad_gateway(),
        Done::Answered(Err(error)) => {
            tracing::error!(%error, function = function.name(), "a function failed on a request");
            bad_gateway()
        }
        Done::Panicked => bad_gateway(),
        Done::Busy => refusal(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// A body, and its share of the memory, piece by piece as it comes: what was announced and
/// is never sent takes none.
async fn read(body: Body, memory: &Arc<Semaphore>) -> Result<(Bytes, Option<OwnedSemaphorePermit>), StatusCode> {
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut pieces = body.into_data_stream();
    let (mut all, mut held) = (Vec::new(), None::<OwnedSemaphorePermit>);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| StatusCode::BAD_REQUEST)?;
        if all.len() + piece.len() > BODY_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let size = u32::try_from(piece.len()).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let more = Arc::clone(memory).try_acquire_many_owned(size);
        let more = more.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        all.extend_from_slice(&piece);
    }
    Ok((all.into(), held))
}

/// As API Gateway refuses what its function never sees.
fn refusal(status: StatusCode) -> Response<Body> {
    let message = json!({"message": status.canonical_reason()}).to_string();
    let mut response = Response::new(Body::from(message));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// As API Gateway answers when its function fails.
fn bad_gateway() -> Response<Body> {
    let mut response = Response::new(Body::from(r#"{"message":"Internal Server Error"}"#));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

fn response(
    answer: aws_lambda_events::apigw::ApiGatewayV2httpResponse,
) -> Result<Response<Body>, Box<dyn std::error::Error>> {
    let body = match answer.body {
        None => Body::empty(),
        Some(LambdaBody::Text(text)) => Body::from(text),
        Some(LambdaBody::Binary(bytes)) => Body::from(bytes),
        Some(_) => return Err("the function answered with a body of an unknown kind".into()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(u16::try_from(answer.status_code)?)?;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'a str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    headers: BTreeMap<&'a str, String>,
    query_string_parameters: BTreeMap<String, String>,
    request_context: Context<'a>,
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer: Option<Authorizer>,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: String,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: i64,
}

/// What the JWT authorizer adds to a request whose token it has checked.
#[derive(Serialize)]
struct Authorizer {
    jwt: Jwt,
}

#[derive(Serialize)]
struct Jwt {
    claims: Claims,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    source_ip: &'a str,
    user_agent: &'a str,
}

/// The request as an API Gateway v2 event (payload format 2.0).
fn event(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
    access: &Access,
) -> Result<Box<RawValue>, Error> {
    let now = Utc::now();
    let query = uri.query().unwrap_or_default();
    let text = std::str::from_utf8(body);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let event = Event {
        version: "2.0",
        route_key: "$default",
        raw_path: uri.path(),
        raw_query_string: query,
        headers: joined(headers),
        query_string_parameters: form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        request_context: Context {
            account_id: crate::engine::ACCOUNT,
            api_id: "local",
            authorizer: access.claims(header("authorization"), now).map(|claims| Authorizer { jwt: Jwt { claims } }),
            domain_name: header("host"),
            domain_prefix: "local",
            http: Http {
                method: method.as_str(),
                path: uri.path(),
                protocol: "HTTP/1.1",
                source_ip: "127.0.0.1",
                user_agent: header("user-agent"),
            },
            request_id: Uuid::new_v4().to_string(),
            route_key: "$default",
            stage: "$default",
            time: now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: now.timestamp_millis(),
        },
        is_base64_encoded: text.is_err(),
        body: match text {
            Ok("") => None,
            Ok(text) => Some(Cow::Borrowed(text)),
            Err(_) => Some(Cow::Owned(STANDARD.encode(body))),
        },
    };
    Ok(serde_json::value::to_raw_value(&event)?)
}

/// Lower-case names; the values of one name joined by commas.
fn joined(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined = BTreeMap::<&str, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}
