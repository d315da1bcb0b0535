//! Who may reach the running stack: hosts, origins, and the tokens of users on every route.

use std::process::Command;

use fincoach_local::access::Access;
use fincoach_local::stack::{Options, Stack};
use function_edge::{Audience, Route, Scope};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::{Running, program, run, transaction};

/// Sends bytes as they are, and returns the status and the body of the answer.
async fn raw(address: &str, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (status.unwrap_or_else(|| panic!("no answer to {:?}: {answer:?}", String::from_utf8_lossy(request))), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_host_is_a_problem_of_its_sender_on_every_port() {
    let running = Running::start().await;
    let engines = &running.stack.engines;
    for url in [&running.stack.api, &engines.s3, &engines.dynamodb, &engines.bus] {
        let address = url.trim_start_matches("http://");
        for host in [
            "Host: a b",
            "Host: [::",
            "Host: ",
            "Host: a:b",
            "Host: localhost:99999999",
            "Host: user@localhost",
            "Host: a/b",
            "Host: a%20b",
            "Host: \u{fc}",
            "Host: [::1",
            "Host: localhost\r\nHost: localhost",
            "Host: localhost, localhost",
            "X: no host at all",
            "Host: xn--a-\u{7f}",
            "Host: localhost#",
            "Host: \\localhost",
        ] {
            let request =
                format!("GET /coaching/continuous-learning/health HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n");
            let (status, body) = raw(address, request.as_bytes()).await;
            assert_eq!(status, 400, "{host:?} at {url}");
            // What is no HTTP at all, the server itself refuses, without a body.
            assert!(body.is_empty() || body.contains("/problems/malformed-request"), "{host:?}: {body}");
        }
        for line in ["http://evil.example/", "http://a b/", "http://[::/", "https://127.0.0.1:1/", "http:///"] {
            let request = format!("GET {line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            assert_eq!(raw(address, request.as_bytes()).await.0, 400, "{line} at {url}");
        }
        let foreign = "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
        assert_eq!(raw(address, foreign.as_bytes()).await.0, 403, "{url}");
    }
    let api = running.stack.api.trim_start_matches("http://");
    let path = "/coaching/continuous-learning/health";
    for request in [
        format!("GET {path} HTTP/1.1\r\nHost: LOCALHOST\r\nConnection: close\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n\r\n"),
        format!("GET http://{api}{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\r\n"),
    ] {
        assert_eq!(raw(api, request.as_bytes()).await.0, 200, "{request}");
    }
    // What API Gateway would set, a client may not break either.
    for header in ["X-Forwarded-Proto: a b", "X-Forwarded-Proto: \u{fc}", "X-Forwarded-Proto: gopher"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {api}\r\n{header}\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(api, request.as_bytes()).await.0, 400, "{header}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_needs_a_content_type() {
    let running = Running::start().await;
    let url = format!("{}/coaching/events", running.stack.api);
    let post = || running.client.post(&url).body(transaction(1, 1).to_string());
    assert_eq!(post().send().await.unwrap().status(), 415);
    assert_eq!(post().header("content-type", "text/plain").send().await.unwrap().status(), 415);
    assert_eq!(post().header("content-type", "application/json; charset=utf-8").send().await.unwrap().status(), 202);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_token_reaches_that_user_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let access = Access::guarded(folder.path()).unwrap();
    let Access::Guarded(key) = access.clone() else { unreachable!() };
    let stack = Stack::start_with(&Options { data_dir: folder.path().to_owned(), port: 0 }, access).await.unwrap();
    let (own, other) = (Uuid::from_u128(2), Uuid::from_u128(3));
    let now = chrono::Utc::now();
    let (users, services) = (key.token(&Scope::ALL, Some(own), now), key.token(&Scope::ALL, None, now));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |route: Route, user: Uuid, token: Option<&str>| {
        let path = route.path().replace("{user_id}", &user.to_string());
        let path = path.replace(['{', '}'], "");
        let mut request = client.request(route.method().parse().unwrap(), format!("{}{path}", stack.api));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if route.method() == "POST" {
            request = request.header("content-type", "application/json").body("{}");
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for route in Route::ALL {
        let (as_nobody, _) = ask(route, own, None).await;
        let (as_service, _) = ask(route, other, Some(&services)).await;
        let (as_user, of_others) = ask(route, other, Some(&users)).await;
        let (as_owner, _) = ask(route, own, Some(&users)).await;
        let passes = |status: u16| ![401, 403].contains(&status) && status < 500;
        assert!(passes(as_service), "a service at {route:?}: {as_service}");
        match route.audience() {
            Audience::Anyone => assert_eq!((as_nobody, as_user), (200, 200), "{route:?}"),
            Audience::Services(_) => {
                assert_eq!((as_nobody, as_user, as_owner), (401, 403, 403), "{route:?}");
                assert!(of_others.contains("a token of one user does not reach it"), "{route:?}: {of_others}");
            }
            Audience::Users(_) if route == Route::PostEvents => {
                assert!(as_nobody == 401 && passes(as_owner), "{route:?}: {as_nobody} {as_owner}");
            }
            Audience::Users(_) => {
                assert_eq!((as_nobody, as_user), (401, 403), "{route:?}");
                assert!(passes(as_owner), "{route:?}: {as_owner}");
            }
        }
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_variables_reach_the_engines_and_the_old_keys_do_not() {
    let running = Running::start().await;
    let port = |url: &str| url.rsplit_once(':').unwrap().1.to_owned();
    let mut env = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    env.args(["env", "--port", &port(&running.stack.api), "--data-dir"]).arg(running.folder.path());
    let (ok, out, err) = run(&mut env);
    assert!(ok, "{err}");
    let credentials = &running.stack.engines.credentials;
    assert!(out.contains(&format!("export AWS_ACCESS_KEY_ID={}\n", credentials.access_key)), "{out}");
    assert!(out.contains(&format!("export AWS_SECRET_ACCESS_KEY={}\n", credentials.secret_key)), "{out}");
    running.stop().await;
    let nowhere = tempfile::tempdir().unwrap();
    let (ok, _, err) =
        run(Command::new(env!("CARGO_BIN_EXE_fincoach-local")).args(["env", "--data-dir"]).arg(nowhere.path()));
    assert!(!ok && err.contains("start the service on this folder first"), "{err}");
    assert_eq!(std::fs::read_dir(nowhere.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn a_short_key_is_refused_and_a_users_token_names_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let user = Uuid::from_u128(7).to_string();
    let token = |folder: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
        command.args(["token", "--user", &user, "--data-dir"]).arg(folder);
        command
    };
    let (ok, out, err) = run(&mut token(folder.path()));
    assert!(ok, "{err}");
    let payload = out.trim().split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((claims["sub"].as_str(), claims["iss"].as_str()), (Some(&*user), Some("fincoach-local")), "{claims}");
    assert!(!claims["scope"].as_str().unwrap().contains("service"), "{claims}");
    for text in ["", "abcd\n"] {
        std::fs::write(folder.path().join("auth.key"), text).unwrap();
        for command in
            [&mut token(folder.path()), &mut program(folder.path(), &["--require-auth", "--exit", "--no-replay"])]
        {
            let (ok, _, err) = run(command);
            assert!(!ok && err.contains("auth.key") && err.contains("64 hexadecimal digits"), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
    }
}
