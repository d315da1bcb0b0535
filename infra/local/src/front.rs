//! What API Gateway is on AWS: requests become its v2 events, for the function
//! that owns the route.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use function_edge::{Answer, Function, RawValue, find_route};
use lambda_http::Body as LambdaBody;
use serde::Serialize;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::access::{Access, Claims};
use crate::functions::Functions;

/// API Gateway's limit.
const BODY_BYTES: usize = 10 * 1024 * 1024;

/// Requests whose bodies are in memory at once; others wait. On AWS each has a
/// process of its own.
const CONCURRENT: usize = 32;

#[derive(Clone)]
pub struct Front {
    functions: Arc<Functions>,
    access: Arc<Access>,
    turns: Arc<Semaphore>,
}

pub fn router(functions: Arc<Functions>, access: Arc<Access>) -> Router {
    let front = Front { functions, access, turns: Arc::new(Semaphore::new(CONCURRENT)) };
    Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(front.clone(), take_turns))
        .with_state(front)
}

/// Before the body is read.
async fn take_turns(State(front): State<Front>, request: Request, next: Next) -> Response<Body> {
    // It is never closed.
    let _turn = front.turns.acquire().await;
    next.run(request).await
}

async fn answer(
    State(Front { functions, access, .. }): State<Front>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    // A path that is nobody's is answered alike by all.
    let function =
        find_route(method.as_str(), uri.path()).map_or(Function::ReadinessCheck, |(route, _)| route.function());
    let outcome = match event(&method, &uri, &headers, &body, &access) {
        Ok(payload) => functions.invoke(function, payload).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(Answer::Http(answer)) => response(*answer).unwrap_or_else(|_| bad_gateway()),
        Ok(Answer::Json(_)) => bad_gateway(),
        Err(error) => {
            tracing::error!(%error, function = function.name(), "a function failed on a request");
            bad_gateway()
        }
    }
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
) -> serde_json::Result<Box<RawValue>> {
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
    serde_json::value::to_raw_value(&event)
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
