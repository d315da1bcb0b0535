//! A client of the API.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The variable that holds a token. It is no argument: arguments show in lists of processes.
pub const TOKEN: &str = "FINCOACH_TOKEN";

#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Client {
    /// # Errors
    /// An address that is none.
    pub fn new(url: &str) -> Result<Self> {
        let url = url.trim_end_matches('/');
        reqwest::Url::parse(url).with_context(|| format!("{url} is no URL: it should be like https://host"))?;
        let http = reqwest::Client::builder().build().context("cannot make an HTTP client")?;
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Ok(Self { http, url: url.to_owned(), token })
    }

    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn get(&self, route: &str) -> Result<Value> {
        self.call(Method::GET, route, None).await
    }

    /// # Errors
    /// One line: see [`super::Question::run`].
    pub async fn post(&self, route: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, route, Some(body)).await
    }

    /// The id of a dataset of this name, as the service has it.
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

    async fn call(&self, method: Method, route: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}/coaching/continuous-learning/{route}", self.url);
        let mut request = self.http.request(method, url);
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
        let json: Value = serde_json::from_slice(&answer.bytes().await.context("the answer broke off")?)
            .with_context(|| format!("{} answered {status} with something that is no JSON", self.url))?;
        match status {
            status if status.is_success() => Ok(json),
            StatusCode::UNAUTHORIZED => bail!("{} wants a token: set {TOKEN}", self.url),
            status => bail!("{status}: {}", json["detail"].as_str().unwrap_or("no reason is given")),
        }
    }
}
