//! Whoever asks whether the program lives is answered at once, whatever else it has to chew on.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use uuid::Uuid;

use crate::process::{Place, client};
use crate::report::Chapter;

/// Senders at once, each of which sends the next body when the last one is answered.
const CONNECTIONS: usize = 8;
/// Between two questions for liveness.
const PAUSE: Duration = Duration::from_millis(20);
/// The program's limits, as they are unless set.
const DECOMPRESSED: usize = 32 << 20;
const BODY: usize = 4 << 20;
const STRING: usize = 32 << 10;

/// What a scanner for personal data starts to read, and may read again from each of its signs.
pub const ALPHABETS: [&str; 20] = [
    "%40",
    "%2B4",
    "4",
    "4111-",
    "4111 1111 1111 1111 ",
    "deadbeef",
    "0f",
    "-",
    "a-",
    "@",
    "a@b.",
    "a.",
    "DE89 3704 ",
    "+1 (415) ",
    "&#64;",
    "password=",
    "Bearer ey",
    "sk_live_",
    "{\\\"a\\\":",
    "\u{ff14}\u{200b}",
];

/// A body, whether it is compressed, and whether it is NDJSON.
type Attack = (Vec<u8>, bool, bool);

fn event(text: &str) -> String {
    let (id, user) = (Uuid::new_v4(), Uuid::from_u128(7));
    let at = "2026-01-01T00:00:00Z";
    format!(
        r#"{{"event_id":"{id}","user_id":"{user}","event_type":"page_view","occurred_at":"{at}","data":{{"d":"{text}"}}}}"#
    )
}

fn of_length(alphabet: &str, bytes: usize) -> String {
    alphabet.repeat(bytes / alphabet.len())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every alphabet as one string of all that may be decompressed, as lines that are each as long as may be,
/// and as a batch of as many bytes as a request may have.
fn attacks(alphabets: &[&str]) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for alphabet in alphabets {
        let longest = of_length(alphabet, STRING - 8);
        attacks.push((gzip(event(&of_length(alphabet, DECOMPRESSED - 1_000)).as_bytes()), true, false));
        let lines: String = (0..DECOMPRESSED / (STRING + 200)).map(|_| event(&longest) + "\n").collect();
        attacks.push((gzip(lines.as_bytes()), true, true));
        let events: Vec<String> = (0..BODY / (STRING + 200)).map(|_| event(&longest)).collect();
        attacks.push((format!(r#"{{"events":[{}]}}"#, events.join(",")).into_bytes(), false, false));
    }
    attacks
}

/// Attacks with so many alphabets for so long, and returns how long each question for liveness took meanwhile, sorted.
pub async fn adversary(alphabets: usize, lasts: Duration) -> (Chapter, Vec<Duration>) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path(), &[("LEARNING_AUTO_PREPARE", "false")]);
    let mut program = place.start().await;
    let attacks = Arc::new(attacks(&ALPHABETS[..alphabets]));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|sender| {
            let (attacks, stop, answered) = (Arc::clone(&attacks), Arc::clone(&stop), Arc::clone(&answered));
            let url = format!("{}/coaching/events", place.url());
            tokio::spawn(async move {
                for number in (sender..).step_by(CONNECTIONS) {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let (body, is_gzip, is_ndjson) = attacks[number * 7 % attacks.len()].clone();
                    let kind = if is_ndjson { "application/x-ndjson" } else { "application/json" };
                    let mut request = client().post(&url).header("content-type", kind).timeout(Duration::from_secs(60));
                    if is_gzip {
                        request = request.header("content-encoding", "gzip");
                    }
                    if let Ok(answer) = request.body(body).send().await {
                        let status = answer.status().as_u16();
                        assert!([202, 413, 422, 429, 503].contains(&status), "{status}");
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    let mut asked = ask(format!("{}/coaching/continuous-learning/health", place.url()), lasts).await;
    stop.store(true, Ordering::SeqCst);
    assert!(program.is_running(), "it goes on");
    program.kill();
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(place.said("panicked"), Vec::<String>::new());

    asked.sort_unstable();
    let milliseconds =
        |share: f64| format!("{:.1}", asked[((asked.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0);
    let mut chapter = Chapter::new(
        "Liveness under attack",
        format!(
            "For {} seconds, {CONNECTIONS} connections send what is dearest to decode and to redact: {} alphabets of a scanner\n\
             for personal data, each as one string of 32 MB within gzip, as NDJSON of 32 MB within gzip whose events and\n\
             strings are as long as may be, and as a batch of 4 MB. Meanwhile liveness is asked for every {} ms.",
            lasts.as_secs(),
            alphabets,
            PAUSE.as_millis(),
        ),
    );
    chapter.number("attacks that were answered", answered.load(Ordering::SeqCst));
    chapter.number("questions for liveness, all answered 200", asked.len() as u64);
    for (what, share) in [("median", 0.5), ("99th percentile", 0.99), ("slowest", 1.0)] {
        chapter.fact(&format!("answered in, {what}, in ms"), milliseconds(share));
    }
    (chapter, asked)
}

/// From a thread of its own, which nothing that the senders do holds up.
async fn ask(url: String, lasts: Duration) -> Vec<Duration> {
    let asking = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let (begun, mut asked) = (Instant::now(), Vec::new());
            while begun.elapsed() < lasts {
                let sent = Instant::now();
                let answer = client.get(&url).timeout(Duration::from_secs(30)).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.bytes().await.unwrap();
                asked.push(sent.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            asked
        })
    });
    asking.await.unwrap()
}
