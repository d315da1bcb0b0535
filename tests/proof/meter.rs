//! A proxy that counts what AWS would bill: requests by operation, and the capacity units of tables.
//!
//! Units are counted by the rules of "DynamoDB read and write operations" in AWS's developer guide: a write
//! unit for each KB begun of an item, twice that in a transaction, whether it is committed or cancelled. What
//! reads take, the engine says itself (`ReturnConsumedCapacity`), by the same rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, Method, Response, Uri, header};
use fincoach_local::engine::Credentials;
use serde_json::{Value, json};

use crate::signing::signature;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub requests: u64,
    pub read_units: f64,
    pub write_units: f64,
}

#[derive(Clone, Default)]
pub struct Meter {
    engine: String,
    /// The access key and the secret: what is changed on its way is signed again.
    keys: (String, String),
    client: reqwest::Client,
    used: Arc<Mutex<BTreeMap<String, Usage>>>,
    /// IAM's names of what was done, each with the table, or the bucket and key, that it was done to.
    done: Arc<Mutex<BTreeSet<(String, String)>>>,
    /// How often transactions named items that they did not bring: what these weigh is looked up afterwards.
    named: Arc<Mutex<BTreeMap<String, (Value, u64)>>>,
}

impl Meter {
    /// Serves on a port of its own, and answers its URL.
    pub async fn start(engine: &str, credentials: &Credentials) -> (Self, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let keys = (credentials.access_key.clone(), credentials.secret_key.clone());
        let meter = Self { engine: engine.to_owned(), keys, client, ..Self::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(meter.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        (meter, url)
    }

    /// What was used since it was asked last.
    pub async fn read(&self) -> BTreeMap<String, Usage> {
        let named = std::mem::take(&mut *self.named.lock().unwrap());
        for (ask, times) in named.into_values() {
            let body = ask.to_string();
            let request =
                self.client.post(&self.engine).headers(self.signed("DynamoDB_20120810.GetItem", body.as_bytes()));
            let answer = request.body(body).send().await.unwrap().bytes().await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let bytes = answer.get("Item").map_or(0, item_bytes);
            self.add("TransactWriteItems", |usage| usage.write_units += (times * 2 * kilobytes(bytes)) as f64);
        }
        std::mem::take(&mut *self.used.lock().unwrap())
    }

    /// The actions that a role must allow for all that was done, and on what.
    pub fn done(&self) -> BTreeSet<(String, String)> {
        self.done.lock().unwrap().clone()
    }

    /// The headers of a request to the tables.
    fn signed(&self, target: &str, body: &[u8]) -> HeaderMap {
        let host = self.engine.trim_start_matches("http://");
        let headers = [("host", host), ("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        let keys = (self.keys.0.as_str(), self.keys.1.as_str());
        let added = signature(keys, "dynamodb", &headers, body, SystemTime::now());
        let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain(added).map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    fn note(&self, action: &str, on: &str) {
        self.done.lock().unwrap().insert((action.to_owned(), on.to_owned()));
    }

    fn note_tables(&self, operation: &str, request: &Value) {
        match operation {
            "TransactWriteItems" => {
                for part in request["TransactItems"].as_array().unwrap() {
                    let (kind, part) = part.as_object().unwrap().iter().next().unwrap();
                    self.note(&format!("dynamodb:{kind}Item"), part["TableName"].as_str().unwrap());
                }
            }
            "BatchGetItem" | "BatchWriteItem" => {
                for table in request["RequestItems"].as_object().unwrap().keys() {
                    self.note(&format!("dynamodb:{operation}"), table);
                }
            }
            _ => self.note(&format!("dynamodb:{operation}"), request["TableName"].as_str().unwrap_or_default()),
        }
    }

    fn note_objects(&self, method: &Method, uri: &Uri) {
        let path = uri.path().trim_matches('/');
        let query = uri.query().unwrap_or_default();
        let action = match method.as_str() {
            _ if !path.contains('/') && !query.contains("delete") => "s3:ListBucket",
            "GET" | "HEAD" => "s3:GetObject",
            "DELETE" => "s3:DeleteObject",
            "POST" if query.contains("delete") => "s3:DeleteObject",
            _ => "s3:PutObject",
        };
        self.note(action, path);
    }

    fn add(&self, operation: &str, change: impl FnOnce(&mut Usage)) {
        change(self.used.lock().unwrap().entry(operation.to_owned()).or_default());
    }

    fn transaction(&self, request: &Value) {
        for part in request["TransactItems"].as_array().unwrap() {
            let (kind, part) = part.as_object().unwrap().iter().next().unwrap();
            if kind == "Put" {
                let units = 2 * kilobytes(item_bytes(&part["Item"]));
                self.add("TransactWriteItems", |usage| usage.write_units += units as f64);
            } else {
                let ask = json!({"TableName": part["TableName"], "Key": part["Key"]});
                self.named.lock().unwrap().entry(ask.to_string()).or_insert((ask, 0)).1 += 1;
            }
        }
    }
}

async fn pass(
    State(meter): State<Meter>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    mut body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default().to_owned();
    let operation = match target.rsplit_once('.') {
        Some((_, operation)) => operation.to_owned(),
        None if method == Method::GET && uri.query().is_some_and(|query| query.contains("list-type")) => {
            "LIST".to_owned()
        }
        None => method.to_string(),
    };
    meter.add(&operation, |usage| usage.requests += 1);
    if target.starts_with("DynamoDB_") {
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        meter.note_tables(&operation, &request);
        if operation == "TransactWriteItems" {
            meter.transaction(&request);
        } else {
            request["ReturnConsumedCapacity"] = json!("TOTAL");
            body = request.to_string().into();
            headers = meter.signed(&target, &body);
        }
    }
    if target.is_empty() {
        meter.note_objects(&method, &uri);
    } else if operation == "PutEvents" {
        meter.note("events:PutEvents", "bus");
    }
    let url = format!("{}{}", meter.engine, uri.path_and_query().map_or("/", |path| path.as_str()));
    let answer = meter.client.request(method, url).headers(headers).body(body).send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| **name != header::TRANSFER_ENCODING) {
        response = response.header(name, value);
    }
    let body = answer.bytes().await.unwrap();
    if let Some(consumed) =
        serde_json::from_slice::<Value>(&body).ok().and_then(|answer| answer.get("ConsumedCapacity").cloned())
    {
        let tables = match consumed {
            Value::Array(tables) => tables,
            table => vec![table],
        };
        let units: f64 = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
        let reads = matches!(operation.as_str(), "GetItem" | "BatchGetItem" | "Query" | "Scan");
        meter.add(&operation, |usage| *if reads { &mut usage.read_units } else { &mut usage.write_units } += units);
    }
    response.body(Body::from(body)).unwrap()
}

/// Kilobytes begun; an item that is not there weighs one.
fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024).max(1)
}

/// What an item weighs, by "DynamoDB item sizes and formats" of the developer guide.
pub fn item_bytes(item: &Value) -> u64 {
    let members = item.as_object().into_iter().flatten();
    members.map(|(name, value)| name.len() as u64 + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> u64 {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "N" => value.as_str().unwrap().trim_start_matches('-').len().div_ceil(2) as u64 + 1,
        "M" => 3 + item_bytes(value) + value.as_object().unwrap().len() as u64,
        "L" => 3 + value.as_array().unwrap().iter().map(|value| 1 + value_bytes(value)).sum::<u64>(),
        "BOOL" | "NULL" => 1,
        _ => value.as_str().map_or(0, |text| text.len() as u64),
    }
}

#[test]
fn an_item_weighs_what_the_guide_says() {
    let item =
        json!({"id": {"S": "abc"}, "n": {"N": "-1234"}, "l": {"L": [{"BOOL": true}]}, "m": {"M": {"a": {"S": "b"}}}});
    assert_eq!(item_bytes(&item), (2 + 3) + (1 + 3) + (1 + 3 + 2) + (1 + 3 + 1 + 1 + 1));
}
