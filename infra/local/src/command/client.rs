//! A client of the API.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

/// The variable that holds a token. It is no argument: arguments show in lists of processes.
pub const TOKEN: &str = "FINCOACH_TOKEN";
/// The variable that names the service where `--url` does not.
pub const URL: &str = "FINCOACH_URL";
/// The local stack.
pub const DEFAULT_URL: &str = "http://127.0.0.1:9000";

/// Where the routes about datasets begin.
pub const LEARNING: &str = "/coaching/continuous-learning/";

/// Between two questions after the same thing.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Failures in a row after which a service is given up that may only be busy: half a minute of them.
const PATIENCE: u32 = 10;

#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// A path on the same service.
    pub location: Option<String>,
    pub body: Value,
}

/// The service did not do it, and says why.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    why: String,
    retry_after: Option<Duration>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.why)
    }
}

impl std::error::Error for Refused {}

impl Client {
    /// # Errors
    /// An address that is none.
    pub fn new(url: &str) -> Result<Self> {
        let url = url.trim_end_matches('/');
        let parsed = Url::parse(url).with_context(|| format!("{url} is no URL: it should be like https://host"))?;
        let mut http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10));
        // A proxy does not know this machine's own addresses.
        if matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            http = http.no_proxy();
        }
        let http = http.build().context("cannot make an HTTP client")?;
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Ok(Self { http, url: url.to_owned(), token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Of a route about datasets.
    ///
    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn get(&self, route: &str) -> Result<Value> {
        Ok(self.call(Method::GET, &format!("{LEARNING}{route}"), None).await?.body)
    }

    /// To a route about datasets.
    ///
    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn post(&self, route: &str, body: &Value) -> Result<Answer> {
        self.call(Method::POST, &format!("{LEARNING}{route}"), Some(body)).await
    }

    /// The id of a dataset of this name or id, as the service has it.
    ///
    /// # Errors
    /// A name that the service has no dataset of.
    pub async fn id(&self, name: &str) -> Result<String> {
        let status = self.get("status").await?;
        let datasets = status["datasets"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(dataset) = datasets.iter().find(|dataset| dataset["type"] == name || dataset["id"] == name) {
            return Ok(dataset["id"].as_str().unwrap_or_default().to_owned());
        }
        let names: Vec<&str> = datasets.iter().filter_map(|dataset| dataset["type"].as_str()).collect();
        bail!("there is no dataset {name}: {} has {}", self.url, names.join(", "));
    }

    /// Asks for what is under way, at growing intervals, until `is_done`. Each answer is told to `told`.
    ///
    /// # Errors
    /// As [`Client::patiently`].
    pub async fn follow(&self, path: &str, is_done: impl Fn(&Value) -> bool, told: impl Fn(&Value)) -> Result<Value> {
        let mut wait = FIRST_WAIT;
        loop {
            let answer = self.patiently(Method::GET, path).await?.body;
            told(&answer);
            if is_done(&answer) {
                return Ok(answer);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 3 / 2).min(LONGEST_WAIT);
        }
    }

    /// Asks again where the service is only busy or away for a moment. For what may be repeated without harm.
    ///
    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn patiently(&self, method: Method, path: &str) -> Result<Answer> {
        let mut failures = 0;
        loop {
            let error = match self.call(method.clone(), path, None).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures += 1;
            let Some(wait) = passes(&error).filter(|_| failures < PATIENCE) else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
    }

    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.with_context(|| {
            format!("{} does not answer: start the local stack with `serve`, or name another with --url", self.url)
        })?;
        let status = answer.status();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // The token is for this service: a place elsewhere is not followed.
        let location = header(LOCATION).filter(|location| location.starts_with('/') && !location.starts_with("//"));
        let retry_after = header(RETRY_AFTER).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let body: Value = serde_json::from_slice(&answer.bytes().await.context("the answer broke off")?)
            .with_context(|| format!("{} answered {status} with something that is no JSON", self.url))?;
        if status.is_success() {
            return Ok(Answer { status, location, body });
        }
        // A gateway says `message`.
        let said = body["detail"].as_str().or_else(|| body["message"].as_str()).unwrap_or("no reason is given");
        match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => bail!("{} wants a token: set {TOKEN}", self.url),
            (StatusCode::UNAUTHORIZED, Some(_)) => bail!("{} does not take the token in {TOKEN}: {said}", self.url),
            _ => Err(Refused { status, why: said.to_owned(), retry_after }.into()),
        }
    }
}

/// How long to wait for an error to pass; `None` for one that stays.
pub fn passes(error: &Error) -> Option<Duration> {
    match error.downcast_ref::<Refused>() {
        Some(Refused { status, retry_after, .. }) => matches!(status.as_u16(), 429 | 502 | 503 | 504)
            .then(|| retry_after.unwrap_or(Duration::from_secs(2)).min(Duration::from_secs(30))),
        // Nobody answered, or not to the end.
        None => error.is::<reqwest::Error>().then_some(Duration::from_secs(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Refused { status, why: String::new(), retry_after: retry_after.map(Duration::from_secs) }.into()
    }

    #[test]
    fn only_what_passes_is_waited_for() {
        assert_eq!(passes(&refused(503, Some(5))), Some(Duration::from_secs(5)));
        assert_eq!(passes(&refused(429, None)), Some(Duration::from_secs(2)));
        for status in [400, 403, 404, 409, 500] {
            assert_eq!(passes(&refused(status, Some(1))), None, "{status}");
        }
        assert_eq!(passes(&anyhow::anyhow!("something else")), None);
    }
}
