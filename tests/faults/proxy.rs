//! A proxy between the SDK and an engine, DynamoDB's or S3's, that does what networks
//! and services do: refuse, fail, stall, and lose answers after the work was done.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::locks::{Conflict, ItemLocks};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The service asks for fewer requests.
    Throttle,
    /// 500, before anything was done.
    InternalError,
    /// 503, before anything was done.
    Unavailable,
    /// The connection is cut before anything was done.
    CutBefore,
    /// The work is done, and the connection is cut before the answer.
    CutAfterEffect,
    /// Another transaction is said to be at work on one of the items.
    TransactionConflict,
    /// The answer comes, but late.
    Stall,
}

const FAULTS: [Fault; 7] = [
    Fault::Throttle,
    Fault::InternalError,
    Fault::Unavailable,
    Fault::CutBefore,
    Fault::CutAfterEffect,
    Fault::TransactionConflict,
    Fault::Stall,
];

#[derive(Clone)]
pub struct Proxy {
    engine: String,
    client: reqwest::Client,
    /// Of a hundred requests.
    faulty: u32,
    /// What every request meets, as long as it does.
    always: Arc<Mutex<Option<Fault>>>,
    injected: Arc<Mutex<BTreeMap<Fault, u64>>>,
    /// The tokens of transactions whose answers were lost: repeated, the service
    /// knows them as done, and has no conflict to report.
    done: Arc<Mutex<HashSet<String>>>,
    locks: ItemLocks,
    /// Writes of one item that met a transaction.
    conflicts: Arc<AtomicU64>,
}

impl Proxy {
    /// Serves on a port of its own, and answers its URL.
    pub async fn start(engine: &str, faulty: u32) -> (Self, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let proxy = Self {
            engine: engine.to_owned(),
            client,
            faulty,
            always: Arc::default(),
            injected: Arc::default(),
            done: Arc::default(),
            locks: ItemLocks::default(),
            conflicts: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Parts of a multipart upload are larger than what axum takes unless it is told.
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, url)
    }

    /// Lets every request meet a fault from now on, or only some again.
    pub fn always(&self, fault: Option<Fault>) {
        *self.always.lock().unwrap() = fault;
    }

    pub fn injected(&self) -> BTreeMap<Fault, u64> {
        self.injected.lock().unwrap().clone()
    }

    /// Writes of one item that were rejected because a transaction held the item.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    fn pick(&self, is_transaction: bool) -> Option<Fault> {
        let always = *self.always.lock().unwrap();
        if always.is_some() {
            return always.filter(|fault| is_transaction || *fault != Fault::TransactionConflict);
        }
        if rand::random_range(0..100) >= self.faulty {
            return None;
        }
        let fault = FAULTS[rand::random_range(0..FAULTS.len())];
        let fault = if fault == Fault::TransactionConflict && !is_transaction { Fault::Throttle } else { fault };
        *self.injected.lock().unwrap().entry(fault).or_default() += 1;
        Some(fault)
    }

    /// Whether this is a transaction that was carried out already.
    fn is_done(&self, body: &Bytes) -> bool {
        token(body).is_some_and(|token| self.done.lock().unwrap().contains(&token))
    }

    async fn forward(&self, asked: Asked) -> Response<Body> {
        let operation = asked.operation();
        let acquired = match self.is_done(&asked.body) {
            true => Ok(None),
            false => self.locks.acquire(operation.as_deref(), &asked.body),
        };
        let _held = match acquired {
            Ok(held) => held,
            Err(Conflict::Transaction(conflicts)) => return cancelled(&conflicts),
            Err(Conflict::Write) => {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
                return dynamodb_error(400, "TransactionConflictException", json!({}));
            }
        };
        let Asked { method, uri, headers, body } = asked;
        let url = format!("{}{}", self.engine, uri.path_and_query().map_or("/", |path| path.as_str()));
        let answer = self.client.request(method, url).headers(headers).body(body).send().await.unwrap();
        let mut response = Response::builder().status(answer.status());
        // How the body is framed is between the engine and us: our side frames it anew.
        for (name, value) in answer.headers().iter().filter(|(name, _)| **name != header::TRANSFER_ENCODING) {
            response = response.header(name, value);
        }
        response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
    }
}

/// A request as it came.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    /// The DynamoDB operation, such as `PutItem`; `None` for S3.
    fn operation(&self) -> Option<String> {
        let target = self.headers.get("x-amz-target")?.to_str().ok()?;
        Some(target.rsplit('.').next()?.to_owned())
    }
}

async fn pass(State(proxy): State<Proxy>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").map(|target| target.as_bytes().to_vec());
    let is_transaction = target.as_ref().is_some_and(|target| target.ends_with(b".TransactWriteItems"));
    let error = if target.is_some() { dynamodb_error } else { s3_error };
    let asked = Asked { method, uri, headers, body };
    match proxy.pick(is_transaction) {
        None => proxy.forward(asked).await,
        Some(Fault::Throttle) if target.is_none() => s3_error(503, "SlowDown", json!({})),
        Some(Fault::Throttle) => error(400, "ProvisionedThroughputExceededException", json!({})),
        Some(Fault::InternalError) => error(500, "InternalServerError", json!({})),
        Some(Fault::Unavailable) => error(503, "ServiceUnavailable", json!({})),
        Some(Fault::CutBefore) => cut(),
        Some(Fault::CutAfterEffect) => {
            let token = token(&asked.body);
            if proxy.forward(asked).await.status().is_success() {
                proxy.done.lock().unwrap().extend(token);
            }
            cut()
        }
        Some(Fault::TransactionConflict) => {
            if proxy.is_done(&asked.body) {
                proxy.forward(asked).await
            } else {
                conflict(&asked.body)
            }
        }
        Some(Fault::Stall) => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            proxy.forward(asked).await
        }
    }
}

/// Under which a transaction is written once.
fn token(body: &Bytes) -> Option<String> {
    let request: Value = serde_json::from_slice(body).ok()?;
    Some(request.get("ClientRequestToken")?.as_str()?.to_owned())
}

fn dynamodb_error(status: u16, code: &str, more: Value) -> Response<Body> {
    let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "injected"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/x-amz-json-1.0")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn s3_error(status: u16, code: &str, _more: Value) -> Response<Body> {
    let body = format!("<Error><Code>{code}</Code><Message>injected</Message></Error>");
    Response::builder().status(status).header("content-type", "application/xml").body(Body::from(body)).unwrap()
}

/// The last item is in conflict, as the service would say.
fn conflict(body: &Bytes) -> Response<Body> {
    let request: Value = serde_json::from_slice(body).unwrap();
    let items = request["TransactItems"].as_array().unwrap().len();
    let mut conflicts = vec![false; items - 1];
    conflicts.push(true);
    cancelled(&conflicts)
}

/// A cancelled transaction, by which of its items are in conflict.
fn cancelled(conflicts: &[bool]) -> Response<Body> {
    let reason = |conflict: &bool| match conflict {
        true => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
        false => json!({"Code": "None"}),
    };
    let reasons: Vec<Value> = conflicts.iter().map(reason).collect();
    dynamodb_error(400, "TransactionCanceledException", json!({"CancellationReasons": reasons}))
}

/// An answer that promises more than it holds: the connection breaks in its midst.
fn cut() -> Response<Body> {
    let broken = futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    Response::builder().header("content-length", "1000").body(Body::from_stream(broken)).unwrap()
}
