//! Starting the stack or the program, sending events, recounting everything.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chrono::{DateTime, Duration, Utc};
use fincoach_local::stack::{Options, Stack};
use function_edge::Function;
use learning_core::dataset::history::History;
use learning_core::dataset::lifecycle::{Head, Preparation, State};
use learning_core::dataset::spec::Role;
use learning_core::dataset::totals::Totals;
use learning_core::dataset::{Counts, Dataset, Epoch};
use learning_core::event::{EventType, StoredEvent};
use learning_core::store::{Counters, EventScan, Heads, Objects, Saved, Versions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

/// A running stack on a folder of its own, and a client of its API.
pub struct Running {
    pub stack: Stack,
    pub client: reqwest::Client,
    pub folder: TempDir,
}

impl Running {
    pub async fn start() -> Self {
        Self::start_on(tempfile::tempdir().unwrap()).await
    }

    pub async fn start_on(folder: TempDir) -> Self {
        let options = Options { data_dir: folder.path().to_owned(), port: 0 };
        let stack = Stack::start(&options).await.unwrap();
        Self { stack, client: reqwest::Client::builder().no_proxy().build().unwrap(), folder }
    }

    pub async fn stop(self) -> TempDir {
        self.stack.stop().await;
        self.folder
    }

    /// Status and JSON of an answer.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.stack.api);
        let mut request = self.client.request(method.parse().unwrap(), url);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    pub async fn get(&self, route: &str) -> (u16, Value) {
        self.call("GET", &format!("/coaching/continuous-learning/{route}"), None).await
    }

    pub async fn post(&self, route: &str, body: Value) -> (u16, Value) {
        self.call("POST", &format!("/coaching/continuous-learning/{route}"), Some(body)).await
    }

    pub async fn send(&self, events: &[Value]) -> (u16, Value) {
        self.call("POST", "/coaching/events", Some(json!({"events": events}))).await
    }

    /// Hands a payload to event-ingestion as its trigger does.
    pub async fn invoke_ingestion(&self, payload: &Value) -> Result<Value, String> {
        let payload = serde_json::value::to_raw_value(payload).unwrap();
        match self.stack.invoke(Function::EventIngestion, payload).await {
            Ok(answer) => Ok(serde_json::to_value(answer).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Sends `each` events of every one of so many users.
    pub async fn send_of(&self, users: u32, each: u32, event: fn(u32, u32) -> Value) {
        for user in 0..users {
            let events: Vec<Value> = (0..each).map(|number| event(user, number)).collect();
            assert_eq!(self.send(&events).await.1["accepted"], each);
        }
    }

    /// Writes down, as another process would, that a version is being made.
    pub async fn begin_preparation(&self, dataset: Dataset, now: DateTime<Utc>, lease: Duration) -> Head {
        let heads = Heads::new(&self.stack.clients);
        let mut head = heads.read(dataset).await.unwrap().unwrap();
        head.preparation = Some(Preparation::begun(&head, head.epoch, None, now, now + lease));
        head.enter(State::Preparing, now);
        assert_eq!(heads.save(&mut head, now).await.unwrap(), Saved::Yes);
        head
    }

    /// Reports that a model was trained on a dataset's first version.
    pub async fn report_trained(&self, dataset: Dataset) {
        let report = json!({"model_id": "lstm", "model_version": "3", "metrics": {}});
        let (status, answer) = self.post(&format!("datasets/{}/versions/1/trained", dataset.id()), report).await;
        assert_eq!(status, 201, "{answer}");
    }

    pub async fn force(&self, dataset: Dataset) -> (u16, Value) {
        self.post("prepare-data", json!({"dataset_id": dataset.id(), "force": true, "reason": "a test"})).await
    }
}

/// An event of user `user`, some time in 2024 to 2026; the same arguments, the same event.
pub fn event(user: u32, number: u32, event_type: &str, data: Value) -> Value {
    let start: DateTime<Utc> = "2024-01-01T00:00:00Z".parse().unwrap();
    json!({
        "event_id": Uuid::from_u128(u128::from(user + 1) << 64 | u128::from(number)),
        "user_id": Uuid::from_u128(u128::from(user) + 1),
        "event_type": event_type,
        "occurred_at": start + Duration::hours(i64::from(number % 3_000) * 7),
        "data": data,
    })
}

pub fn transaction(user: u32, number: u32) -> Value {
    let data = json!({
        "transaction_id": format!("{user}-{number}"), "amount": number % 90 + 1,
        "transaction_type": if number.is_multiple_of(9) { "credit" } else { "debit" }, "category": "Groceries",
    });
    event(user, number, "transaction_creation", data)
}

/// One event of the four that feed datasets.
pub fn any_event(user: u32, number: u32) -> Value {
    match number % 8 {
        0 => event(
            user,
            number,
            "goal_modification",
            json!({"goal_id": number.to_string(), "interaction_type": "achieve"}),
        ),
        1 => event(
            user,
            number,
            "recommendation_interaction",
            json!({"recommendation_id": number.to_string(), "interaction_type": "helpful"}),
        ),
        2 => event(user, number, "page_view", json!({"page": "/home"})),
        _ => transaction(user, number),
    }
}

/// Counts everything anew from the stored events, and compares it with what is
/// kept: the invariant of exact counting. Answers the number of stored events.
pub async fn assert_counts_are_exact(stack: &Stack) -> u64 {
    let shards = Counters::new(&stack.clients).read_all().await.unwrap();
    let mut totals = Totals::default();
    for shard in &shards {
        totals.merge(shard.totals.clone());
    }
    for overview in stack.overviews().await.unwrap() {
        let dataset = overview.head.dataset;
        assert!(overview.head.preparation.is_none(), "{dataset} is at rest");
        let inputs = inputs(stack, dataset, None).await;
        let stored: Vec<_> =
            inputs.into_iter().filter(|stored| dataset.role(&stored.event) == Some(Role::Record)).collect();
        let records = stored.len() as u64;
        assert_eq!(totals.records(dataset), records, "records of {dataset}");

        let versions = Versions::new(&stack.clients).page(dataset, 1_000, None).await.unwrap().items;
        let closed: Counts = versions.iter().map(|version| version.new).sum();
        assert_eq!(overview.head.closed, closed, "the versions of {dataset} closed what its head says");
        let all = overview.head.stored() + overview.open;
        let counted = match dataset {
            Dataset::SEGMENTATION => sufficient_users(&stored, stack),
            _ => {
                let times = stack.settings.limits.times;
                let counts = |stored: &&StoredEvent| dataset.counts(&stored.event) && stored.has_plausible_time(times);
                stored.iter().filter(counts).count() as u64
            }
        };
        assert_eq!(all.counting, counted, "what {dataset} counted");
        let erased = overview.head.erased;
        // What was erased since is in no version that is still there.
        for version in versions.iter().filter(|version| version.withdrawn.is_none()) {
            let input = self::inputs(stack, dataset, Some(version.epoch)).await;
            assert_eq!(version.input.events, input.len() as u64, "the input of {dataset} {}", version.version);
            let earlier: Counts =
                versions.iter().filter(|other| other.version <= version.version).map(|other| other.new).sum();
            if erased == Counts::default() || Some(version.version) == overview.head.last_version {
                assert_eq!(version.input, earlier - erased, "{dataset} {} is all that was new", version.version);
            }
            assert_files_are_whole(stack, &version.manifest).await;
        }
        assert_eq!(versions.len() as u32, overview.head.last_version.map_or(0, |version| version.0));
    }
    totals.events()
}

/// The stored events that a dataset takes in, up to an epoch.
async fn inputs(stack: &Stack, dataset: Dataset, up_to: Option<Epoch>) -> Vec<StoredEvent> {
    let scan = EventScan::new(&stack.clients, 3);
    let segments = scan.fold_inputs(dataset, up_to, Vec::new, |all, user| all.push(user)).await.unwrap();
    let users: Vec<_> = segments.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = users.iter().map(|user| user.user).collect();
    assert_eq!(distinct.len(), users.len(), "each user comes once, whole");
    users.into_iter().flat_map(|user| user.events).collect()
}

fn sufficient_users(stored: &[StoredEvent], stack: &Stack) -> u64 {
    let mut times = BTreeMap::<_, Vec<_>>::new();
    let bounds = stack.settings.limits.times;
    let transactions = stored.iter().filter(|stored| stored.event.event_type == EventType::TransactionCreation);
    for stored in transactions.filter(|stored| stored.has_plausible_time(bounds)) {
        times.entry(stored.event.user).or_default().push(stored.event.occurred_at);
    }
    let rule = &stack.settings.sufficiency;
    let sufficient = times.into_values().filter_map(History::of).filter(|history| history.suffices(rule));
    sufficient.count() as u64
}

/// Every file of a version is there, with the size and checksum that its manifest states.
async fn assert_files_are_whole(stack: &Stack, manifest_key: &str) {
    let objects = Objects::new(&stack.clients);
    let manifest: Value = serde_json::from_slice(&objects.get(manifest_key).await.unwrap().unwrap()).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let key = manifest_key.replace("manifest.json", file["path"].as_str().unwrap());
        let bytes = objects.get(&key).await.unwrap().unwrap();
        assert_eq!(bytes.len() as u64, file["bytes"], "{key}");
        assert_eq!(hex::encode(Sha256::digest(&bytes)), file["sha256"].as_str().unwrap(), "{key}");
    }
}

/// The program, with the given arguments, on a data folder and any free ports.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    command.args(arguments).arg("--data-dir").arg(folder);
    if !arguments.contains(&"--port") {
        command.args(["--port", "0"]);
    }
    command.stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A file of real events, as its lines; `None`, and a word about it, where it is not there.
pub fn real_events(name: &str) -> Option<(std::path::PathBuf, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("skipped: the real events {name} are not here");
        return None;
    };
    let mut lines = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut lines).unwrap();
    Some((path, lines))
}
