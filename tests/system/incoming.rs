//! Bulk files under `incoming/`: whatever their compression, encoding and form, each of
//! their records is stored or held in quarantine before they are deleted, and an
//! interruption at any moment changes nothing.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use learning_core::dataset::settings::Settings;
use learning_core::event::UserId;
use learning_core::store::{EventScan, Objects, Quarantine, Quarantined};
use learning_core::usecase::{IncomingFiles, Ingest, Parts, Progress, Requeue, Status, Unanswered};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::bare::Bare;
use crate::support::transaction;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// A transaction that comes without an id.
fn nameless(user: u32, number: u32) -> Value {
    let mut event = transaction(user, number);
    event.as_object_mut().unwrap().remove("event_id");
    event
}

/// The engines, and the files that are put into them.
struct Folder {
    bare: Bare,
    files: IncomingFiles,
    objects: Objects,
}

impl Folder {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let bare = Bare::start(&[]).await;
        let mut settings = bare.settings.clone();
        change(&mut settings);
        let ingest = Arc::new(Ingest::new(&bare.clients, &settings));
        let road = Unanswered::new(ingest, &bare.clients, &settings);
        let files = IncomingFiles::new(road, &bare.clients, &settings);
        let objects = Objects::new(&bare.clients);
        Self { bare, files, objects }
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        self.objects.put(key, bytes.to_vec(), "application/octet-stream").await.unwrap();
    }

    async fn process(&self, key: &str) -> Progress {
        self.files.process(key, || true).await.unwrap().unwrap()
    }

    async fn is_there(&self, key: &str) -> bool {
        self.objects.get(key).await.unwrap().is_some()
    }

    /// The ids of all stored transactions.
    async fn stored(&self) -> BTreeSet<(Uuid, Uuid)> {
        let scan = EventScan::new(&self.bare.clients, 2);
        let spending = "spending".parse().unwrap();
        let users = scan.fold(spending, None, Vec::new, |users, user| users.push(user)).await.unwrap().concat();
        users.iter().flat_map(|user| &user.events).map(|one| (one.event.user.0, one.event.id.0)).collect()
    }

    async fn quarantined(&self) -> Vec<(u64, String)> {
        let all = Quarantine::new(&self.bare.clients).list().await.unwrap();
        all.into_iter().map(|one| (one.origin.line, one.body)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_whatever_its_compression_encoding_and_form() {
    let folder = Folder::start().await;
    let events: Vec<Value> = (0..30).map(|number| transaction(1, number)).collect();
    let text = lines(&events);
    let array = serde_json::to_string_pretty(&events).unwrap();
    let with_mark = |text: &str| utf16(&format!("\u{feff}{text}"));
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    for (number, (name, bytes)) in [
        ("array.json", array.clone().into_bytes()),
        ("events.ndjson.zst", zstd),
        ("gzip-without-its-name.ndjson", gzip(text.as_bytes())),
        ("mark.ndjson", format!("\u{feff}{text}").into_bytes()),
        ("windows.ndjson", text.replace('\n', "\r\n").into_bytes()),
        ("utf16.ndjson", with_mark(&text)),
        ("utf16-array.json.gz", gzip(&with_mark(&array))),
        ("batch.json", json!({"events": events}).to_string().into_bytes()),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("incoming/{name}");
        folder.put(&key, &bytes).await;
        let progress = folder.process(&key).await;
        assert_eq!((progress.status, progress.problem.as_deref()), (Status::Complete, None), "{name}");
        let (accepted, duplicates) = if number == 0 { (30, 0) } else { (0, 30) };
        assert_eq!((progress.accepted, progress.duplicates, progress.different), (accepted, duplicates, 0), "{name}");
        assert!(!folder.is_there(&key).await, "{name} is deleted");
    }
    assert_eq!(folder.stored().await.len(), 30);
    assert_eq!(folder.quarantined().await, []);
    folder.bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_nothing_readable_stays_and_says_why() {
    let folder = Folder::start().await;
    let text = lines(&[transaction(1, 1), transaction(1, 2)]);
    let latin: Vec<u8> = transaction(1, 3).to_string().replace("Groceries", "Caf#").bytes().map(latin).collect();
    for (name, bytes, reason) in [
        ("utf16-without-mark.ndjson", utf16(&text), "UTF-16 without a BOM"),
        ("latin1.ndjson", latin, "byte 0xE9 at line 1 is not UTF-8: Latin-1?"),
        ("table.csv", b"user,amount\n1,2\n".to_vec(), "none of the 2 records is a JSON object"),
        ("empty.ndjson", Vec::new(), "the file is empty"),
        ("blank.ndjson.gz", gzip(b"\n \n"), "the file is empty"),
        ("numbers.json", b"[1, 2]".to_vec(), "none of the 2 records is a JSON object"),
    ] {
        let key = format!("incoming/{name}");
        folder.put(&key, &bytes).await;
        let progress = folder.process(&key).await;
        let problem = progress.problem.clone().unwrap_or_default();
        assert_eq!(progress.status, Status::Unreadable, "{name}: {problem}");
        assert!(problem.contains(reason), "{name}: {problem}");
        assert!(folder.is_there(&key).await, "{name} stays");
        assert_eq!(folder.process(&key).await, progress, "{name} is not read again");
    }
    assert_eq!(folder.files.unfinished().await.unwrap(), Vec::<String>::new());
    assert_eq!(folder.stored().await.len(), 0);
    assert_eq!(folder.quarantined().await, []);

    // Whoever deletes the result wants it read again, and a better file is read at once.
    folder.objects.delete("incoming/table.csv.result.json").await.unwrap();
    assert_eq!(folder.files.unfinished().await.unwrap(), ["incoming/table.csv"]);
    folder.put("incoming/table.csv", text.as_bytes()).await;
    assert_eq!(folder.process("incoming/table.csv").await.accepted, 2);
    folder.bare.stop().await;
}

/// A byte of Latin-1 for each byte of ASCII; `#` stands for é.
fn latin(byte: u8) -> u8 {
    if byte == b'#' { 0xe9 } else { byte }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_break_is_kept_and_the_file_stays() {
    let folder = Folder::start().await;
    let events: Vec<Value> = (0..2_000).map(|number| transaction(number % 7, number)).collect();
    let mut torn = gzip(lines(&events).as_bytes());
    torn.truncate(torn.len() / 2);
    folder.put("incoming/torn.gz", &torn).await;
    let progress = folder.process("incoming/torn.gz").await;
    assert_eq!(progress.status, Status::Broken);
    assert!((500..1_900).contains(&progress.accepted), "{progress:?}");
    let problem = progress.problem.unwrap();
    assert!(problem.contains("byte") && problem.contains(&format!("line {}", progress.accepted + 1)), "{problem}");
    assert_eq!(folder.stored().await.len() as u64, progress.accepted);
    assert!(folder.is_there("incoming/torn.gz").await);
    assert!(parts(&folder).await.is_empty(), "no part outlives the work");

    // A record that cannot be decoded is not quarantined; those around it are stored.
    let mut text: Vec<u8> = lines(&[transaction(8, 1)]).into_bytes();
    text.extend(transaction(8, 2).to_string().replace("Groceries", "Caf#").bytes().map(latin));
    text.extend(format!("\n{{broken\n{}", transaction(8, 3)).bytes());
    for (name, bytes) in [("incoming/mixed.ndjson", text.clone()), ("incoming/mixed.gz", gzip(&text))] {
        folder.put(name, &bytes).await;
        let progress = folder.process(name).await;
        assert_eq!((progress.status, progress.unread, progress.rejected), (Status::Broken, 1, 1), "{progress:?}");
        assert_eq!(progress.accepted + progress.duplicates, 2);
        assert!(progress.problem.unwrap().contains("byte 0xE9 at line 2"));
        assert!(folder.is_there(name).await);
    }
    assert_eq!(folder.quarantined().await, [(3, "{broken".to_owned()), (3, "{broken".to_owned())]);
    folder.bare.stop().await;
}

async fn parts(folder: &Folder) -> Vec<String> {
    let keys = folder.objects.list("incoming/.parts/").await.unwrap();
    keys.into_iter().filter(|key| !key.ends_with("end.json")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_in_quarantine_in_full_or_its_file_stays() {
    let folder = Folder::start().await;
    let long = |bytes: usize| {
        let mut event = transaction(1, 1);
        event["data"]["notes"] = Value::from(vec!["long ".repeat(100); bytes / 503]);
        event.to_string()
    };
    // Beyond what an event may have, but held.
    let held = long(1_000_000);
    folder.put("incoming/held.ndjson", format!("{held}\n{}", transaction(1, 2)).as_bytes()).await;
    let progress = folder.process("incoming/held.ndjson").await;
    assert_eq!((progress.status, progress.accepted, progress.rejected), (Status::Complete, 1, 1), "{progress:?}");
    let kept = folder.quarantined().await;
    assert_eq!(kept, [(1, held)], "byte for byte");

    let text = format!("{}\n{}", long(5_000_000), transaction(1, 3));
    for (name, bytes) in
        [("incoming/cut.ndjson", text.clone().into_bytes()), ("incoming/cut.gz", gzip(text.as_bytes()))]
    {
        folder.put(name, &bytes).await;
        let progress = folder.process(name).await;
        assert_eq!((progress.status, progress.unread, progress.rejected), (Status::Broken, 1, 0), "{progress:?}");
        assert!(progress.problem.unwrap().contains("line 1"));
        assert!(folder.is_there(name).await);
    }
    assert_eq!(folder.quarantined().await.len(), 1, "no fragment is in quarantine");
    folder.bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_id_is_an_absent_one_and_repeats_differ_within_one_file() {
    let folder = Folder::start().await;
    let mut null = nameless(1, 1);
    null["event_id"] = Value::Null;
    null["schema_version"] = Value::Null;
    let events = [nameless(1, 1), null, nameless(1, 2)];
    folder.put("incoming/first.ndjson", lines(&events).as_bytes()).await;
    let progress = folder.process("incoming/first.ndjson").await;
    assert_eq!((progress.accepted, progress.duplicates), (3, 0), "{progress:?}");

    // Another export with other neighbours, other lines, another form.
    let events = [nameless(1, 9), nameless(1, 2), nameless(1, 1), nameless(1, 1), nameless(1, 1)];
    let array = Value::from(events.to_vec()).to_string();
    folder.put("incoming/second.json.gz", &gzip(array.as_bytes())).await;
    let progress = folder.process("incoming/second.json.gz").await;
    assert_eq!((progress.accepted, progress.duplicates, progress.different), (2, 3, 0), "{progress:?}");
    assert_eq!(folder.stored().await.len(), 5);

    // The same id with other content says so.
    let mut changed = transaction(2, 1);
    folder.put("incoming/third.ndjson", lines(&[changed.clone()]).as_bytes()).await;
    folder.process("incoming/third.ndjson").await;
    changed["data"]["amount"] = json!(7_777);
    folder.put("incoming/fourth.ndjson", lines(&[changed]).as_bytes()).await;
    let progress = folder.process("incoming/fourth.ndjson").await;
    assert_eq!((progress.duplicates, progress.different), (1, 1));
    assert_eq!(serde_json::to_value(progress.differences).unwrap(), json!({"data.amount": 1}));
    folder.bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_begins_with_blanks_gets_to_its_end_however_short_the_calls_are() {
    let folder = Folder::start().await;
    let text = format!("{}{}", "\n \r\n".repeat(1_000_000), lines(&[transaction(1, 1), transaction(1, 2)]));
    for (key, bytes) in
        [("incoming/blank.ndjson", text.clone().into_bytes()), ("incoming/blank.gz", gzip(text.as_bytes()))]
    {
        folder.put(key, &bytes).await;
        let mut calls = 0;
        let progress = loop {
            let progress = folder.files.process(key, || false).await.unwrap().unwrap();
            calls += 1;
            if progress.status != Status::InProgress || calls > 20 {
                break progress;
            }
        };
        assert_eq!((progress.status, progress.lines), (Status::Complete, 2_000_002), "{progress:?}");
    }
    assert_eq!(folder.stored().await.len(), 2);
    folder.bare.stop().await;
}

/// Equal records that are rejected are replayed as the different events that they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_the_quarantine_derives_the_ids_that_the_events_would_have_got() {
    let folder = Folder::start().await;
    let mut bad = nameless(1, 1);
    bad["data"]["transaction_type"] = json!("gift");
    let export = |first: &Value| lines(&[first.clone(), first.clone(), nameless(1, 2)]);
    folder.put("incoming/bad.ndjson", export(&bad).as_bytes()).await;
    let progress = folder.process("incoming/bad.ndjson").await;
    assert_eq!((progress.accepted, progress.rejected), (1, 2));

    let quarantine = Quarantine::new(&folder.bare.clients);
    let kept = quarantine.list().await.unwrap();
    assert_eq!(kept.iter().map(|one| one.occurrence).collect::<Vec<_>>(), [0, 1]);
    let fixed = kept.into_iter().map(|one| Quarantined { body: one.body.replace("gift", "debit"), ..one });
    quarantine.put(fixed.collect()).await.unwrap();
    let ingest = Ingest::new(&folder.bare.clients, &folder.bare.settings);
    let requeue = Requeue::new(&folder.bare.clients, &folder.bare.settings);
    let replayed = requeue.replay(&ingest, None, 100, || true, chrono::Utc::now()).await.unwrap();
    assert_eq!((replayed.accepted, replayed.duplicates, replayed.rejected), (2, 0, 0));
    assert_eq!(folder.quarantined().await, []);

    // The export, once it is corrected, holds nothing new.
    let mut good = bad.clone();
    good["data"]["transaction_type"] = json!("debit");
    folder.put("incoming/good.ndjson", export(&good).as_bytes()).await;
    let progress = folder.process("incoming/good.ndjson").await;
    assert_eq!((progress.accepted, progress.duplicates), (0, 3), "{progress:?}");
    folder.bare.stop().await;
}

/// A file with everything: ids and none, repeats, records that are rejected, blank lines.
fn mixed_file(events: u32) -> String {
    let mut text = String::new();
    for number in 0..events {
        match number % 10 {
            0 => text += &transaction(number % 11, number).to_string(),
            1 => text += "{\"user_id\": 1}",
            2 => text += "\n{broken",
            3 => text += &nameless(1, 3).to_string(),
            _ => text += &nameless(number % 7, number / 2).to_string(),
        }
        text += "\n";
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_at_any_moment_changes_nothing() {
    let seed = std::env::var("FILES_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("FILES_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let text = mixed_file(300);
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let small = |settings: &mut Settings| settings.batch_events = 30;
        let (whole, killed) = (Folder::start_with(small).await, Folder::start_with(small).await);
        let key = "incoming/file";
        whole.put(key, &bytes).await;
        let expected = whole.process(key).await;
        assert_eq!(expected.status, Status::Complete);
        assert_eq!(expected.lines, text.lines().count() as u64);

        killed.put(key, &bytes).await;
        let mut interruptions = 0;
        let progress = loop {
            // Longer each time, so that a slow machine comes to the end too.
            let millis = random.random_range(1..50 + (50.0 * 1.2f64.powi(interruptions)) as u64);
            let call = killed.files.process(key, || true);
            match tokio::time::timeout(Duration::from_millis(millis), call).await {
                Ok(done) => break done.unwrap().unwrap(),
                Err(_) => interruptions += 1,
            }
            // Two at a time, as triggers are repeated.
            if interruptions % 5 == 0 {
                let both =
                    futures::future::join(killed.files.process(key, || false), killed.files.process(key, || false));
                let (one, other) = both.await;
                assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
            }
        };
        println!("{interruptions} interruptions");
        assert!(interruptions > 0);
        assert_eq!(progress.status, Status::Complete, "{progress:?}");
        assert_eq!(progress.accepted + progress.duplicates, expected.accepted + expected.duplicates);
        assert_eq!((progress.events, progress.rejected), (expected.events, expected.rejected));
        assert_eq!(progress.reasons, expected.reasons);
        assert_eq!(killed.stored().await, whole.stored().await);
        assert_eq!(expected.accepted as usize, whole.stored().await.len());
        assert_eq!(killed.quarantined().await, whole.quarantined().await);
        assert!(!killed.is_there(key).await && parts(&killed).await.is_empty());
        killed.files.unfinished().await.unwrap();
        assert_eq!(killed.objects.list("incoming/").await.unwrap(), ["incoming/file.result.json"]);
        killed.bare.stop().await;
        whole.bare.stop().await;
    }
}

/// A call may read so many bytes of a file whatever was done before it: what it fetches
/// first, and twice as much.
const CALL_BYTES: u64 = 3 * 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_of_a_resume_does_not_grow_with_what_is_done() {
    let folder = Folder::start().await;
    let text =
        |events: u32| -> String { (0..events).map(|number| format!("{}\n", nameless(number % 50, number))).collect() };
    let files = [
        ("incoming/long.ndjson", 20_000u32, text(20_000).into_bytes()),
        ("incoming/long.gz", 8_000, gzip(text(8_000).as_bytes())),
    ];
    for (key, events, bytes) in files {
        folder.put(key, &bytes).await;
        let (mut before, mut calls, mut is_split) = (0, 0u32, false);
        let progress = loop {
            // Time for four batches.
            let budget = AtomicI64::new(3);
            let may_go_on = || budget.fetch_sub(1, Ordering::SeqCst) > 0;
            let progress = folder.files.process(key, may_go_on).await.unwrap().unwrap();
            let read = progress.bytes_read - before;
            // A compressed file that is split is read from its begin; its parts are not.
            if key.ends_with("ndjson") || is_split {
                assert!(read <= CALL_BYTES, "call {calls} read {read} bytes: {progress:?}");
            }
            (before, calls, is_split) = (progress.bytes_read, calls + 1, progress.events > 0);
            if progress.status != Status::InProgress {
                break progress;
            }
        };
        assert!(calls >= events / 1_000, "{calls} calls");
        assert_eq!((progress.status, progress.lines), (Status::Complete, u64::from(events)));
        assert_eq!(progress.accepted + progress.duplicates, u64::from(events));
    }
    assert_eq!(folder.stored().await.len(), 20_000);
    folder.bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_the_parts_of_a_file_that_is_under_way() {
    let folder = Folder::start_with(|settings| settings.batch_events = 20).await;
    let events: Vec<Value> = (0..200).map(|number| transaction(number % 2, number)).collect();
    folder.put("incoming/file.gz", &gzip(lines(&events).as_bytes())).await;
    // Split, and a first batch stored.
    let budget = AtomicI64::new(13);
    folder.files.process("incoming/file.gz", || budget.fetch_sub(1, Ordering::SeqCst) > 0).await.unwrap();
    let user = UserId(events[0]["user_id"].as_str().unwrap().parse().unwrap());
    let mentions = async || {
        let mut found = 0;
        for key in parts(&folder).await.iter().filter(|key| key.ends_with(".ndjson")) {
            let text = String::from_utf8(folder.objects.get(key).await.unwrap().unwrap()).unwrap();
            found += text.matches(&user.to_string()).count();
        }
        found
    };
    assert!(mentions().await > 0);
    Parts::new(&folder.bare.clients).erase(user).await.unwrap();
    assert_eq!(mentions().await, 0);
    let progress = folder.process("incoming/file.gz").await;
    assert_eq!(progress.status, Status::Complete, "{progress:?}");
    assert!((100..200).contains(&progress.accepted), "{progress:?}");
    folder.bare.stop().await;
}
