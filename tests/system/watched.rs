//! The payloads of `events/` again, through the functions' own programs as `cargo
//! lambda watch` runs them. `tests/lambda/run` starts that and runs these tests.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fincoach_local::engine::CREDENTIALS_FILE;
use fincoach_local::stack::{Options, Stack};
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::payloads::Payload;

/// Ports that the script chose.
fn port(variable: &str) -> u16 {
    let port = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run tests/lambda/run"));
    port.parse().unwrap()
}

/// The keys that the watched functions sign with, as a data folder keeps them.
fn credentials() -> String {
    let variable =
        |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run tests/lambda/run"));
    let (access_key, secret_key) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    format!("aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n")
}

/// Has every payload that `wanted` picks answered, each on an empty stack where the
/// watched functions look for one.
async fn compare(wanted: impl Fn(&Payload) -> bool, answer: impl AsyncFn(&Payload) -> Value) {
    let (mut compared, mut complaints) = (0, Vec::new());
    for payload in Payload::all().into_iter().filter(wanted) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CREDENTIALS_FILE), credentials()).unwrap();
        let options = Options { data_dir: folder.path().to_owned(), port: port("STACK_PORT") };
        let stack = Stack::start(&options).await.unwrap();
        let complaint = payload.complaint(answer(&payload).await);
        println!("{} {}", if complaint.is_none() { "ok     " } else { "DIFFERS" }, payload.name());
        complaints.extend(complaint);
        stack.stop().await;
        compared += 1;
    }
    assert!(compared > 0, "nothing was compared");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// What `cargo lambda invoke` prints.
async fn invoke(function: &str, file: &Path) -> Value {
    let port = port("WATCH_PORT").to_string();
    let arguments = ["lambda", "invoke", function, "--invoke-address", "127.0.0.1", "--invoke-port", &port];
    let output = Command::new("cargo").args(arguments).arg("--data-file").arg(file).output().await.unwrap();
    let (answer, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{function} answers {answer}{error}")),
        false => json!({"error": message(&error)}),
    }
}

/// The message in what `cargo lambda invoke` prints of an invocation that fails: the
/// type, then the message behind a cross, wrapped, up to an empty line.
fn message(printed: &str) -> String {
    let (_, message) = printed.split_once("× ").unwrap_or(("", printed));
    let lines = message.lines().take_while(|line| !line.trim().is_empty());
    lines.map(|line| line.trim_start_matches([' ', '│'])).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants `cargo lambda watch`: tests/lambda/run"]
async fn invoked_every_payload_is_answered_as_the_file_beside_it_says() {
    compare(|_| true, async |payload| invoke(payload.function.name(), &payload.file).await).await;
}

/// Nobody checks tokens in front of the functions here, so what is refused for its
/// token is left out.
fn is_open_request(payload: &Payload) -> bool {
    let status = payload.expected["statusCode"].as_u64();
    payload.sent.get("requestContext").is_some() && !matches!(status, Some(401 | 403))
}

/// Sends over HTTP what the payload is the event of.
async fn request(payload: &Payload) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sent = &payload.sent;
    let url = format!(
        "http://127.0.0.1:{}/lambda-url/{}{}?{}",
        port("WATCH_PORT"),
        payload.function.name(),
        text(&sent["rawPath"]),
        text(&sent["rawQueryString"]),
    );
    let method = text(&sent["requestContext"]["http"]["method"]).parse().unwrap();
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().request(method, url);
    for (name, value) in sent["headers"].as_object().unwrap().iter().filter(|(name, _)| *name != "host") {
        request = request.header(name, text(value));
    }
    let body = text(&sent["body"]);
    let body = if sent["isBase64Encoded"] == true { STANDARD.decode(body).unwrap() } else { body.into_bytes() };
    let answer = request.body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes())))
    };
    let headers: Map<String, Value> = answer.headers().iter().map(header).collect();
    json!({"statusCode": status, "headers": headers, "body": answer.text().await.unwrap()})
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants `cargo lambda watch`: tests/lambda/run"]
async fn requested_every_payload_is_answered_as_the_file_beside_it_says() {
    compare(is_open_request, request).await;
}
