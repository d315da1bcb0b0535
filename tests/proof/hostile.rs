//! A hostile client: whatever it sends, it is refused, nobody else notices, and nothing
//! of it is kept.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use chrono::Utc;
use fincoach_local::access::{Access, LocalKey};
use flate2::Compression;
use flate2::write::GzEncoder;
use function_edge::{Route, Scope};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::process::{Place, client, settled};
use crate::recount::{assert_found_nowhere, audit};
use crate::report::Chapter;
use crate::senders::{Load, SECRETS};

/// Connections that send their bodies, or their headers, a byte at a time.
const SLOW: usize = 128;
/// Seconds within which an honest request is answered all the same.
const PROMPT: f64 = 20.0;

pub async fn hostile(load: Load) -> Chapter {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::new(folder.path(), &[("RUST_LOG", "info,dynoxide=error,s3s=error")]);
    place.arguments = vec!["--require-auth"];
    let mut program = place.start().await;
    let Access::Guarded(key) = Access::guarded(&place.data).unwrap() else { unreachable!() };
    place.token = Some(key.token(&Scope::ALL, None, Utc::now()));
    let before = program.memory().unwrap();
    let honest = tokio::spawn({
        let (port, token) = (Arc::clone(&place.port), place.token.clone());
        async move { load.send(&port, token.as_deref(), &Arc::new(AtomicU32::new(0))).await }
    });

    let mut client = Hostile { url: place.url(), key, answers: BTreeMap::new(), slowest_honest: 0.0 };
    client.malformed_bodies().await;
    client.compressed_bodies().await;
    client.large_bodies().await;
    client.wrong_tokens().await;
    client.other_users_data(&load).await;
    client.paths().await;
    client.raw_bytes().await;
    client.slow_connections().await;
    let told = honest.await.unwrap();

    assert!(program.is_running(), "it goes on");
    let after = program.memory().unwrap();
    settled(&place).await;
    let found = audit(&place, program).await;
    found.assert_is(&load);
    assert_eq!(told.accepted, u64::from(load.events));
    assert_eq!(place.said(" ERROR "), Vec::<String>::new(), "no attack is an error of ours");
    let read = assert_found_nowhere(&place, &SECRETS);

    let mut chapter = Chapter::new(
        "A hostile client",
        format!(
            "While honest senders send, a client sends bodies that are malformed, deep, oversize, compressed to explode or cut\n\
             off, uses tokens that lack the scope or are forged, reaches for other users' data, plays tricks with paths\n\
             and headers, and holds {SLOW} connections each with headers and bodies that come a byte at a time. Everything\n\
             was refused (by a 202 only where a batch is answered event by event, none of which it accepts), nothing of it was stored, no key file was given away, and every honest\n\
             event was counted.",
        ),
    );
    chapter.number("attacks", client.answers.values().sum());
    for (status, times) in &client.answers {
        chapter.number(&format!("answered {status}"), *times);
    }
    chapter.fact(
        "slowest honest request beside the slow connections, in seconds",
        format!("{:.2}", client.slowest_honest),
    );
    chapter.number("honest events, stored and counted anew", found.events.len() as u64);
    chapter.number("requests repeated by honest senders", told.repeated);
    chapter.number("counts that the program's reconciler compared", found.compared);
    chapter.number("MB searched for planted secrets", read / 1_000_000);
    chapter.fact("MB resident, before and after", format!("{before:.0}, {after:.0}"));
    chapter
}

struct Hostile {
    url: String,
    key: LocalKey,
    /// How often which status was answered; `cut` where the connection was closed without one.
    answers: BTreeMap<String, u64>,
    slowest_honest: f64,
}

impl Hostile {
    fn token(&self, scopes: &[Scope], user: Option<Uuid>) -> String {
        self.key.token(scopes, user, Utc::now())
    }

    fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.post_as("application/json", body)
    }

    fn post_as(&self, kind: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = client().post(format!("{}/coaching/events", self.url)).bearer_auth(self.token(&Scope::ALL, None));
        request.header("content-type", kind).body(body)
    }

    /// The attack is answered by one of these.
    async fn refused(&mut self, what: &str, request: RequestBuilder, by: &[u16]) -> String {
        let Ok(answer) = request.timeout(Duration::from_secs(60)).send().await else {
            // Refused before it was sent to its end.
            assert!(by.contains(&413), "{what} is answered");
            *self.answers.entry("by closing the connection".to_owned()).or_default() += 1;
            return String::new();
        };
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        assert!(by.contains(&status), "{what}: {status} {text}");
        let accepted = |answer: Value| answer["accepted"].as_u64();
        let accepted = serde_json::from_str(&text).ok().and_then(accepted);
        assert!(accepted.is_none_or(|events| events == 0), "{what}: {text}");
        *self.answers.entry(format!("with {status}")).or_default() += 1;
        text
    }

    async fn malformed_bodies(&mut self) {
        let deep =
            format!("{{\"event_type\": \"page_view\", \"data\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        let event = Load { events: 1, senders: 1, users: 1, batch: 1 }.event(3).to_string();
        let mut bodies: Vec<Vec<u8>> = [
            "", " ", "null", "{}", "{\"events\": {}}", "{\"events\": [", "\u{0}", "{\"a\": 1e999999}", "tru", "\"",
            "{\"event_id\": \"\\ud800\"}", "{\"events\": null}", &deep, "{\"user_id\": {\"$ne\": null}}",
            "{\"event_id\": 1, \"user_id\": [], \"event_type\": {}, \"occurred_at\": true, \"data\": \"'; DROP TABLE x\"}",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        bodies.push(vec![0xff; 1_000]);
        bodies.push(json!({"events": vec![json!({}); 501]}).to_string().into_bytes());
        // Every way to cut an event off.
        bodies.extend((1..event.len()).step_by(7).map(|end| event.as_bytes()[..end].to_vec()));
        for body in bodies {
            self.refused("a malformed body", self.post(body), &[400, 413, 422]).await;
        }
        // In a batch each is refused by itself.
        let batch = format!("{{\"events\": [{deep}, 1, null, {{}}]}}");
        self.refused("a batch of nothing but faults", self.post(batch), &[202, 400]).await;
        let request = self.post_as("text/html", "x");
        self.refused("another content type", request, &[400, 415]).await;
        let request = self.post("x").header("idempotency-key", "k".repeat(300));
        self.refused("a long key", request, &[400]).await;
    }

    async fn compressed_bodies(&mut self) {
        let gzip = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let bomb = gzip(&vec![b' '; 200_000_000]);
        let twice = gzip(&bomb);
        let members = gzip(&vec![b'\n'; 1_000_000]).repeat(60);
        let whole = gzip(&json!({"events": []}).to_string().repeat(100).into_bytes());
        for (what, body) in [
            ("a bomb", bomb.clone()),
            ("a bomb in a bomb", twice),
            ("a bomb of many members", members),
            ("a bomb that is cut off", bomb[..bomb.len() / 2].to_vec()),
            ("compressed and cut off", whole[..whole.len() / 2].to_vec()),
            ("no gzip", b"hello".to_vec()),
        ] {
            for kind in ["application/json", "application/x-ndjson"] {
                let request = self.post_as(kind, body.clone()).header("content-encoding", "gzip");
                self.refused(what, request, &[202, 400, 413]).await;
            }
        }
        for encoding in ["br", "gzip, gzip", "deflate"] {
            let request = self.post("x").header("content-encoding", encoding);
            self.refused("another encoding", request, &[415]).await;
        }
    }

    async fn large_bodies(&mut self) {
        for megabytes in [5, 9, 12, 64] {
            self.refused("an oversize body", self.post(vec![b' '; megabytes << 20]), &[413]).await;
        }
    }

    async fn wrong_tokens(&mut self) {
        let all = self.token(&Scope::ALL, None);
        let payload = all.split('.').nth(1).unwrap().to_owned();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
        let expired = self.key.token(&Scope::ALL, None, Utc::now() - chrono::Duration::days(2));
        for route in Route::ALL {
            let Some(scope) = route.scope() else { continue };
            let path = filled(route.path());
            let ask = || {
                client().request(Method::from_bytes(route.method().as_bytes()).unwrap(), format!("{}{path}", self.url))
            };
            let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
            let lacking = ask().bearer_auth(self.token(&others, None));
            let mut requests = vec![(lacking, 403), (ask(), 401), (ask().header("authorization", "Basic eDp4"), 401)];
            for token in [unsigned.clone(), expired.clone(), all[..all.len() - 3].to_owned(), "a.b.c".to_owned()] {
                requests.push((ask().bearer_auth(token), 401));
            }
            for (request, status) in requests {
                self.refused(&format!("{route:?} without a token for it"), request, &[status]).await;
            }
        }
    }

    async fn other_users_data(&mut self, load: &Load) {
        let mine = Uuid::from_u128(u128::MAX - 1);
        let token = self.token(&Scope::ALL, Some(mine));
        let theirs = load.user(0);
        let foreign = load.event(load.events + 1).to_string();
        self.refused("another user's event", self.post(foreign.clone()).bearer_auth_only(&token), &[403]).await;
        let batch = format!("{{\"events\": [{foreign}]}}");
        let answer = self.refused("a batch of them", self.post(batch).bearer_auth_only(&token), &[202]).await;
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["rejected"], 1, "{answer}");
        for (method, path) in [
            ("DELETE", format!("/coaching/users/{theirs}/data")),
            ("GET", format!("/coaching/users/{theirs}/erasures/{mine}")),
            ("GET", format!("/coaching/continuous-learning/features/{theirs}")),
        ] {
            let request = client().request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(&token);
            self.refused("another user's data", request, &[403]).await;
        }
    }

    async fn paths(&mut self) {
        let token = self.token(&Scope::ALL, None);
        let id = Uuid::from_u128(7);
        for path in [
            "/../auth.key",
            "/%2e%2e/%2e%2e/auth.key",
            "/coaching/..%2f..%2fauth.key",
            "/coaching/events/../../auth.key",
            "//coaching//events",
            "/coaching/events/",
            "/COACHING/EVENTS",
            "/coaching/continuous-learning/%00",
            "/coaching/continuous-learning/datasets/..",
            "/coaching/continuous-learning/datasets/%2e%2e%2fstatus",
            "/coaching/continuous-learning/datasets/%ff",
            "/.git/config",
            "/auth.key",
            "/%C0%AE%C0%AE/auth.key",
            "/coaching/continuous-learning/quality-metrics/x?limit=-1",
            "/openapi.json/..;/auth.key",
            "/\\..\\auth.key",
            &format!("/coaching/continuous-learning/datasets/{id}/versions/99999999999999999999"),
            &format!("/coaching/continuous-learning/datasets/{id}/versions/1/diff/../../.."),
            &format!("/coaching/continuous-learning/features/{id}?as_of=99999-01-01T00:00:00Z"),
            &format!("/coaching/continuous-learning/features/{id}?as_of=%00"),
            &format!("/{}", "a/".repeat(3_000)),
        ] {
            // As it is: a client library would tidy the path up.
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
            );
            self.raw(path, request.as_bytes(), &[400, 404, 405, 414, 431]).await;
        }
        for method in ["TRACE", "PATCH", "PUT", "OPTIONS", "CONNECT", "BREW"] {
            let request = format!(
                "{method} /coaching/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
            );
            self.raw(method, request.as_bytes(), &[400, 404, 405]).await;
        }
    }

    async fn raw_bytes(&mut self) {
        let flood: String = (0..5_000).map(|number| format!("x-{number}: y\r\n")).collect();
        let long = "y".repeat(2_000_000);
        for (what, request) in [
            ("a flood of headers", format!("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n{flood}\r\n")),
            ("a long header", format!("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n")),
            (
                "two lengths",
                "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"
                    .into(),
            ),
            ("a negative length", "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n".into()),
            (
                "a length beyond all",
                "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\nx".into(),
            ),
            ("a host of two words", "GET /openapi.json HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n".into()),
            ("half an address", "GET /openapi.json HTTP/1.1\r\nhost: [::\r\nconnection: close\r\n\r\n".into()),
            ("no host", "GET /openapi.json HTTP/1.1\r\nconnection: close\r\n\r\n".into()),
            ("no HTTP", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n".into()),
            ("a line end in a header", "GET / HTTP/1.1\r\nhost: localhost\r\nx\n: y\r\n\r\n".into()),
            (
                "a chunk of no size",
                "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".into(),
            ),
        ] {
            self.raw(what, request.as_bytes(), &[400, 401, 404, 408, 413, 431]).await;
        }
    }

    /// Sends bytes as they are, and reads the status.
    async fn raw(&mut self, what: &str, request: &[u8], by: &[u16]) {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
        // It may be refused before it is sent to its end.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer));
        assert!(read.await.is_ok() || !answer.is_empty(), "{what}: the connection hangs");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        assert!(status.is_none_or(|status| by.contains(&status)), "{what}: {answer}");
        let how = status.map_or_else(|| "by closing the connection".to_owned(), |status| format!("with {status}"));
        *self.answers.entry(how).or_default() += 1;
    }

    /// Connections that send a byte at a time, and an honest request beside them.
    async fn slow_connections(&mut self) {
        let mut held = Vec::new();
        let token = self.token(&Scope::ALL, None);
        for number in 0..2 * SLOW {
            let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).await.unwrap();
            let head = if number % 2 == 0 {
                "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\nx-slow: ".to_owned()
            } else {
                format!(
                    "POST /coaching/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                     content-type: application/json\r\ncontent-length: 4000000\r\n\r\n{{"
                )
            };
            stream.write_all(head.as_bytes()).await.unwrap();
            held.push(stream);
        }
        for _ in 0..5 {
            for stream in &mut held {
                // Some may have been cut off already.
                let _ = stream.write_all(b" ").await;
            }
            let begun = Instant::now();
            let request = client().get(format!("{}/coaching/continuous-learning/status", self.url)).bearer_auth(&token);
            let answer = request.timeout(Duration::from_secs(60)).send().await;
            assert!(
                answer.is_ok_and(|answer| answer.status() == 200),
                "an honest request is answered beside slow ones"
            );
            self.slowest_honest = self.slowest_honest.max(begun.elapsed().as_secs_f64());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(self.slowest_honest < PROMPT, "slow connections hold nobody up: {} s", self.slowest_honest);
        *self.answers.entry("with nothing, as they never came to their end".to_owned()).or_default() +=
            held.len() as u64;
    }
}

trait OnlyToken {
    fn bearer_auth_only(self, token: &str) -> Self;
}

impl OnlyToken for RequestBuilder {
    /// In place of the token that it has.
    fn bearer_auth_only(self, token: &str) -> Self {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        self.headers(headers)
    }
}

/// A path with something in its places.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{version}" | "{other}" => "1".to_owned(),
        part if part.starts_with('{') => Uuid::from_u128(7).to_string(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}
