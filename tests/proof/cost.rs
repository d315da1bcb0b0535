//! What AWS would bill for a million events and for a prepared version, from requests and
//! capacity units that are counted between the functions and their storage.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use fincoach_local::access::Access;
use fincoach_local::engine::Endpoints;
use fincoach_local::functions::Functions;
use fincoach_local::report::{grouped, table};
use fincoach_local::stack::{Options, Stack};
use fincoach_local::{environment, front};
use fincoach_simulate::Simulation;
use function_edge::Function;
use learning_core::dataset::Dataset;
use serde_json::{Value, json};

use crate::meter::{Meter, Usage};
use crate::process::client;

/// Dollars, us-east-1, on demand: AWS's public price lists as they were after DynamoDB's cut of November 2024.
/// Write and read units, S3 writes (PUT, POST, LIST) and reads, bus events, API requests, Lambda's requests: a million.
const WRITE_UNITS: f64 = 0.625;
const READ_UNITS: f64 = 0.125;
const S3_WRITES: f64 = 5.0;
const S3_READS: f64 = 0.4;
const BUS: f64 = 1.0;
const API: f64 = 1.0;
const LAMBDA: f64 = 0.2;

struct Metered {
    stack: Stack,
    url: String,
    meters: [Meter; 3],
    _folder: tempfile::TempDir,
}

impl Metered {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
        // What the stack does by itself goes past the meters: here it has nothing to do.
        stack.switch(Function::QualityAssessment, false);
        stack.switch(Function::DataPreparation, false);
        let (tables, dynamodb) =
            Meter::start(&stack.engines.dynamodb, &stack.engines.endpoints().dynamodb_credentials).await;
        let (bucket, s3) = Meter::start(&stack.engines.s3, &stack.engines.credentials).await;
        let (facts, bus) = Meter::start(&stack.engines.bus, &stack.engines.credentials).await;
        let clients =
            environment::clients_at(&Endpoints { dynamodb, s3, bus, ..stack.engines.endpoints() }, &stack.settings);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let functions = Arc::new(Functions::new(&clients, &stack.settings));
        tokio::spawn(axum::serve(listener, front::router(functions, Arc::new(Access::Open))).into_future());
        Self { stack, url, meters: [tables, bucket, facts], _folder: folder }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = client().post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert!(status < 300, "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn used(&self) -> BTreeMap<String, Usage> {
        let mut all = BTreeMap::new();
        for meter in &self.meters {
            all.extend(meter.read().await);
        }
        all
    }
}

/// Dollars for what was used; and per operation, per `per` of something.
fn dollars(used: &BTreeMap<String, Usage>) -> f64 {
    let one = |(operation, usage): (&String, &Usage)| {
        let request = match operation.as_str() {
            "PUT" | "POST" | "LIST" => S3_WRITES,
            "GET" | "HEAD" => S3_READS,
            "PutEvents" => BUS,
            _ => 0.0,
        };
        usage.requests as f64 * request + usage.write_units * WRITE_UNITS + usage.read_units * READ_UNITS
    };
    used.iter().map(one).sum::<f64>() / 1e6
}

/// Meters batches of several sizes, then an assessment and a version of each dataset.
/// Answers the write units of an event in full batches.
pub async fn cost(events: usize) -> f64 {
    let simulation = Simulation { users: 400, days: 120, ..Simulation::default() };
    let all: Vec<Value> =
        simulation.generate().unwrap().events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let sample: Vec<&Value> = all.iter().take(events).collect();
    println!("{} simulated events of {} users", sample.len(), simulation.users);

    let mut rows = Vec::new();
    let mut full = 0.0;
    for batch in [500, 100, 10, 1] {
        let metered = Metered::start().await;
        // Singly, fewer are enough.
        let sent = &sample[..if batch < 100 { events / 20 } else { events }];
        let mut accepted = 0;
        let mut requests = 0.0;
        for events in sent.chunks(batch) {
            let answer = metered.post("/coaching/events", &json!({"events": events})).await;
            accepted += answer["accepted"].as_u64().unwrap();
            requests += 1.0;
        }
        let used = metered.used().await;
        let writes: f64 = used.values().map(|usage| usage.write_units).sum();
        let reads: f64 = used.values().map(|usage| usage.read_units).sum();
        let each = accepted as f64;
        let edge = requests * (API + LAMBDA) / each;
        if batch == 500 {
            full = writes / each;
            print(&format!("ingestion, {batch} a request"), &used);
        }
        rows.push([
            batch.to_string(),
            format!("{:.2}", writes / each),
            format!("{:.2}", reads / each),
            format!("{:.2}", dollars(&used) / each * 1e6),
            format!("{edge:.2}"),
        ]);
        if batch == 500 {
            versions(&metered, accepted).await;
        }
        metered.stack.stop().await;
    }
    let header = [
        "events a request",
        "write units an event",
        "read units an event",
        "$ of storage a million",
        "$ of requests a million",
    ];
    println!("{}", table(header, rows, &[0, 1, 2, 3, 4]));
    full
}

async fn versions(metered: &Metered, events: u64) {
    let mut rows = Vec::new();
    for dataset in Dataset::all() {
        for (what, path) in [("assessment", "assess-quality"), ("version", "prepare-data")] {
            let begun = Instant::now();
            let body = json!({"dataset_id": dataset.id(), "force": true, "reason": "to meter it"});
            metered.post(&format!("/coaching/continuous-learning/{path}"), &body).await;
            let seconds = begun.elapsed().as_secs_f64();
            let used = metered.used().await;
            let sum = |part: fn(&Usage) -> f64| used.values().map(part).sum::<f64>();
            let of = |names: &[&str]| {
                names.iter().filter_map(|name| used.get(*name)).map(|usage| usage.requests).sum::<u64>()
            };
            rows.push([
                format!("{what} of {dataset}"),
                format!("{:.0}", sum(|usage| usage.read_units)),
                format!("{:.0}", sum(|usage| usage.write_units)),
                of(&["PUT", "POST", "LIST"]).to_string(),
                of(&["GET", "HEAD"]).to_string(),
                format!("{:.5}", dollars(&used)),
                format!("{seconds:.1}"),
            ]);
        }
    }
    println!("with {} events stored:", grouped(events));
    let header = ["", "read units", "write units", "S3 writes", "S3 reads", "$ of storage", "seconds here"];
    println!("{}", table(header, rows, &[1, 2, 3, 4, 5, 6]));
}

fn print(what: &str, used: &BTreeMap<String, Usage>) {
    let rows = used.iter().map(|(operation, usage)| {
        let units = |units: f64| grouped(units.round() as u64);
        [operation.clone(), grouped(usage.requests), units(usage.write_units), units(usage.read_units)]
    });
    println!("{what}\n{}", table(["", "requests", "write units", "read units"], rows, &[1, 2, 3]));
}
