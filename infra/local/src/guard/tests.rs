use axum::routing::any;
use futures::FutureExt as _;
use tower::ServiceExt as _;

use super::*;

/// The status and the headers of the answer to a request with these headers.
fn asked(guard: &Guard, method: &str, uri: &str, headers: &[(&'static str, &str)]) -> (u16, HeaderMap) {
    let open = || async { [("access-control-allow-origin", "*"), ("access-control-allow-headers", "*")] };
    let router = guard.before(Router::new().route("/", any(open)).fallback(open));
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).now_or_never().unwrap().unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

fn status(headers: &[(&'static str, &str)]) -> u16 {
    asked(&Guard::default(), "POST", "/", headers).0
}

#[test]
fn a_request_names_one_host_of_loopback() {
    for host in ["localhost", "127.0.0.1:9000", "[::1]:9000"] {
        assert_eq!(status(&[("host", host)]), 200, "{host}");
    }
    for host in ["a b", "[::", "", "a:b", "user@localhost"] {
        assert_eq!(status(&[("host", host)]), 400, "{host:?}");
    }
    assert_eq!(status(&[]), 400, "no host");
    assert_eq!(status(&[("host", "localhost"), ("host", "localhost")]), 400, "two hosts");
    for host in ["evil.example", "localhost.evil.example:9000", "0.0.0.0:9000", "192.168.0.1"] {
        assert_eq!(status(&[("host", host)]), 403, "{host}");
    }
}

#[test]
fn a_url_in_the_request_line_agrees_with_the_host() {
    let guard = Guard::default();
    let ask = |uri| asked(&guard, "GET", uri, &[("host", "localhost:9000")]).0;
    assert_eq!((ask("http://localhost:9000/"), ask("http://LOCALHOST:9000/")), (200, 200));
    assert_eq!((ask("http://evil.example/"), ask("http://localhost/")), (400, 400));
    assert_eq!(asked(&guard, "CONNECT", "localhost:9000", &[("host", "localhost:9000")]).0, 400);
}

#[test]
fn what_a_setting_allows_passes_by_its_name_only() {
    let hosts = ["Stack.example".to_owned(), "[fd00::1]".to_owned()];
    let guard = Guard::new(&hosts, "192.168.0.1".parse().unwrap()).unwrap();
    let ask = |host| asked(&guard, "GET", "/", &[("host", host)]).0;
    for host in ["stack.example:9000", "[fd00::1]:9000", "192.168.0.1:9000", "localhost"] {
        assert_eq!(ask(host), 200, "{host}");
    }
    assert_eq!((ask("other.example"), ask("a.stack.example")), (403, 403));
    for wrong in ["", "a b", "stack.example:9000", "http://stack.example"] {
        assert!(Guard::new(&[wrong.to_owned()], "127.0.0.1".parse().unwrap()).is_err(), "{wrong:?}");
    }
}

#[test]
fn only_a_page_of_this_origin_may_send() {
    let from = |origin| status(&[("host", "127.0.0.1:9000"), ("origin", origin)]);
    assert_eq!((from("http://127.0.0.1:9000"), from("https://127.0.0.1:9000")), (200, 200));
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://localhost:9000",
        "http://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://127.0.0.1:9000.evil.example",
        "file://",
        "127.0.0.1:9000",
        "chrome-extension://127.0.0.1:9000",
    ] {
        assert_eq!(from(origin), 403, "{origin:?}");
    }
    let two = [("host", "127.0.0.1:9000"), ("origin", "http://127.0.0.1:9000"), ("origin", "http://evil.example")];
    assert_eq!(status(&two), 403);
}

#[test]
fn a_browser_says_where_a_request_comes_from() {
    let from = |site| status(&[("host", "localhost:9000"), ("sec-fetch-site", site)]);
    assert_eq!((from("same-origin"), from("none")), (200, 200));
    assert_eq!((from("cross-site"), from("same-site"), from("else")), (403, 403, 403));
}

#[test]
fn a_link_from_anywhere_leads_to_the_page_without_data_and_nowhere_else() {
    let page = Route::Dashboard.path();
    let ask = |method: &str, path: &str, mode: &str, dest: &str| {
        let headers = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", mode),
            ("sec-fetch-dest", dest),
        ];
        asked(&Guard::default(), method, path, &headers).0
    };
    assert_eq!(ask("GET", page, "navigate", "document"), 200);
    assert_eq!(ask("GET", page, "navigate", "iframe"), 403);
    assert_eq!(ask("GET", page, "no-cors", "document"), 403);
    assert_eq!(ask("POST", page, "navigate", "document"), 403);
    assert_eq!(ask("GET", Route::Status.path(), "navigate", "document"), 403);
}

#[test]
fn no_answer_opens_itself_to_another_origin() {
    for headers in [vec![("host", "localhost")], vec![("host", "evil.example")]] {
        let (_, answer) = asked(&Guard::default(), "OPTIONS", "/", &headers);
        assert!(answer.keys().all(|name| !name.as_str().starts_with("access-control-")), "{answer:?}");
        assert_eq!(answer["cross-origin-resource-policy"], "same-origin");
    }
}

#[test]
fn a_refusal_is_a_problem_with_an_id() {
    let (_, headers) = asked(&Guard::default(), "GET", "/", &[("host", "evil.example")]);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(!headers["x-request-id"].is_empty());
}
