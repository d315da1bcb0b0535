//! What holds on every route, by the table of routes.

use std::collections::HashSet;

use function_edge::{Function, Route};
use learning_core::dataset::Dataset;
use reqwest::header::{ALLOW, CACHE_CONTROL, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::erasure::completed;
use crate::support::{Running, transaction};

/// Answers of the moment: nobody asks for them by a tag.
const MOMENTARY: [Route; 2] = [Route::Health, Route::Dependencies];

/// A system in which every route has something to answer, and where that is.
struct Known {
    running: Running,
    assessment: String,
    rule: String,
    erasure: String,
}

impl Known {
    async fn start() -> Self {
        let running = Running::start().await;
        let mut odd = transaction(1, 900);
        odd["data"]["category"] = Value::Null;
        let events: Vec<Value> = (0..20).map(|number| transaction(number % 3, number)).chain([odd]).collect();
        assert_eq!(running.send(&events).await.1["accepted"], 21);
        let (_, assessed) = running.post("assess-quality", json!({"dataset_id": Dataset::SPENDING.id()})).await;
        assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
        let (_, asked) = running.call("DELETE", &format!("/coaching/users/{}/data", Uuid::from_u128(99)), None).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        // A receipt changes until it is complete, and its tag with it.
        completed(&running, asked["receipt"].as_str().unwrap()).await;
        Self {
            assessment: text(&assessed["assessment_id"]),
            rule: text(&assessed["explanation"][0]["key"]),
            erasure: text(&asked["erasure_id"]),
            running,
        }
    }

    /// The path of a route, of things that are there.
    fn path(&self, route: Route) -> String {
        let user = if matches!(route, Route::EraseUser | Route::Erasure) { 99 } else { 1 };
        let path = route
            .path()
            .replace("{dataset_id}", &Dataset::SPENDING.id().to_string())
            .replace("{version}", "1")
            .replace("{other}", "1")
            .replace("{assessment_id}", &self.assessment)
            .replace("{erasure_id}", &self.erasure)
            .replace("{user_id}", &Uuid::from_u128(user).to_string());
        assert!(!path.contains('{'), "{path} has a segment that this test does not know");
        if route == Route::FailingRecords { format!("{path}?rule={}", self.rule) } else { path }
    }

    async fn ask(&self, method: &str, path: &str, tag: Option<&str>) -> Response {
        let request = self.running.client.request(method.parse().unwrap(), format!("{}{path}", self.running.stack.api));
        let request = if let Some(tag) = tag { request.header(IF_NONE_MATCH, tag) } else { request };
        request.send().await.unwrap()
    }
}

fn text(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_get_has_a_tag_and_is_not_sent_twice() {
    let known = Known::start().await;
    for route in Route::ALL.into_iter().filter(|route| route.method() == "GET") {
        let path = known.path(route);
        let answer = known.ask("GET", &path, None).await;
        assert_eq!(answer.status(), 200, "{route:?}");
        if MOMENTARY.contains(&route) {
            assert_eq!(
                (text(answer.headers(), CACHE_CONTROL), text(answer.headers(), ETAG)),
                ("no-store", ""),
                "{route:?}"
            );
            continue;
        }
        let tag = text(answer.headers(), ETAG).to_owned();
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{route:?} has the tag {tag:?}");
        assert_eq!(text(answer.headers(), CACHE_CONTROL), "no-cache", "{route:?}");
        let again = known.ask("GET", &path, Some("*")).await;
        assert_eq!(again.status(), 304, "{route:?}");
        assert!(again.bytes().await.unwrap().is_empty(), "{route:?}");
        // The links to a version's files are signed anew each time.
        if route != Route::Version {
            let again = known.ask("GET", &path, Some(&tag)).await;
            assert_eq!((again.status().as_u16(), text(again.headers(), ETAG)), (304, &*tag), "{route:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_method_is_refused_with_what_is_allowed() {
    let known = Known::start().await;
    for route in Route::ALL {
        let path = known.path(route);
        let same_path = Route::ALL.into_iter().filter(|other| other.path() == route.path());
        let allowed: Vec<&str> = same_path.map(Route::method).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = known.ask(method, &path, None).await;
            assert_eq!(
                (answer.status().as_u16(), text(answer.headers(), ALLOW)),
                (405, &*allowed.join(", ")),
                "{method} {path}"
            );
            assert_eq!(text(answer.headers(), "content-type"), "application/problem+json", "{method} {path}");
        }
        // A HEAD has no body to hold a problem.
        assert_eq!(known.ask(Method::HEAD.as_str(), &path, None).await.status(), 405, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_id_of_its_own_whatever_it_is() {
    let known = Known::start().await;
    let mut ids = HashSet::new();
    let mut note = |what: String, answer: &Response| {
        let id = text(answer.headers(), "x-request-id").to_owned();
        assert!(!id.is_empty(), "{what} has no request id");
        assert!(ids.insert(id), "{what} has the id of another request");
    };
    for route in Route::ALL {
        let path = known.path(route);
        // As it should be, or a 4xx where a body is missing; not found; the wrong method; what the caller has.
        for (method, path, tag) in [
            (route.method(), path.clone(), None),
            (route.method(), format!("{path}/nothing"), None),
            ("PATCH", path.clone(), None),
            (route.method(), path.clone(), Some("*")),
        ] {
            let answer = known.ask(method, &path, tag).await;
            assert!(answer.status().as_u16() < 500, "{method} {path}: {}", answer.status());
            note(format!("{method} {path}: {}", answer.status()), &answer);
        }
    }
    // What fails inside is a problem too, and a function that fails is the gateway's to answer.
    known.running.stack.switch(Function::ReadinessCheck, false);
    assert_eq!(known.ask("GET", &known.path(Route::Status), None).await.status(), 502);
}
