//! A request over HTTP, as the functions see it.

use chrono::{DateTime, Utc};
use lambda_http::{Body, RequestExt};
use learning_core::dataset::{Dataset, Version};
use learning_core::event::{Fault, FaultCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::caller;
use crate::route::{self, Segments};
use crate::{Caller, Callers, Problem, Route};

/// What a synchronous Lambda takes, less what escaping adds to a body.
const BODY_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub struct Request {
    pub route: Route,
    pub caller: Caller,
    /// The client that the caller's token was issued to, where the token names one.
    pub client: Option<String>,
    segments: Segments,
    inner: lambda_http::Request,
}

impl Request {
    /// # Errors
    /// Where there is no such route, and where the caller may not use it.
    pub(crate) fn new(inner: lambda_http::Request, callers: &Callers) -> Result<Self, Problem> {
        let path = inner.raw_http_path();
        let (route, segments) = route::find(inner.method().as_str(), path).map_err(|problem| problem.at(path))?;
        let caller = callers.identify(&inner, route.audience()).map_err(|problem| problem.at(path))?;
        let client = caller::client(&inner);
        Ok(Self { route, caller, client, segments, inner })
    }

    pub(crate) fn path(&self) -> &str {
        self.inner.raw_http_path()
    }

    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        self.inner.query_string_parameters().first(name).map(str::to_owned)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 413, 415, and 400 with the place where the JSON breaks.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let content_type = self.content_type()?;
        if !content_type.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type(format!("{content_type} is not taken; send application/json")));
        }
        let body = self.body(BODY_BYTES)?;
        serde_json::from_slice(body).map_err(|error| Problem::malformed(format!("the body cannot be read: {error}")))
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The content type of the body, without parameters. A sender has to name it: a page of another site can
    /// make a browser send a body without one, but not name one of these.
    ///
    /// # Errors
    /// 415 where there is none.
    pub fn content_type(&self) -> Result<&str, Problem> {
        let named = self.header("content-type").and_then(|value| value.split(';').next()).map(str::trim);
        named
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Problem::unsupported_media_type("name the content type of the body: application/json"))
    }

    /// Whether the caller asks for this very content type.
    pub fn accepts(&self, kind: &str) -> bool {
        let asked = self.header("accept").unwrap_or_default().split(',');
        asked.filter_map(|asked| asked.split(';').next()).any(|asked| asked.trim().eq_ignore_ascii_case(kind))
    }

    /// The body as it came.
    ///
    /// # Errors
    /// 413 for more than `most` bytes.
    pub fn body(&self, most: usize) -> Result<&[u8], Problem> {
        let body = match self.inner.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            // `Body` may grow; what it grows by is no body that we know.
            _ => &[],
        };
        if body.len() > most {
            return Err(Problem::too_large(format!("the body has {} bytes; at most {most} are taken", body.len())));
        }
        Ok(body)
    }

    /// The id of `{name}` in the path.
    ///
    /// # Errors
    /// 400 for what is no UUID.
    pub fn uuid(&self, name: &str) -> Result<Uuid, Problem> {
        let text = self.segments.get(name).map_or("", String::as_str);
        Uuid::parse_str(text).map_err(|_| Problem::malformed(format!("{name} must be a UUID")))
    }

    /// The dataset of `{dataset_id}` in the path.
    ///
    /// # Errors
    /// See [`dataset_of`].
    pub fn dataset(&self) -> Result<Dataset, Problem> {
        dataset_of(self.segments.get("dataset_id").map_or("", String::as_str))
    }

    /// The query parameter `limit`: how long a page may be.
    ///
    /// # Errors
    /// 400 for what is not 1 to `most`.
    pub fn limit(&self, default: usize, most: usize) -> Result<usize, Problem> {
        let Some(text) = self.query("limit") else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| Problem::malformed(format!("limit must be 1 to {most}, not {text:?}")))
    }
}

impl Request {
    /// A segment that varies, by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.segments.get(name).map_or("", String::as_str)
    }

    /// The version of `{version}`, or of another segment: `7`, or `v000007` as in keys.
    ///
    /// # Errors
    /// 400 for what is no number of a version.
    pub fn version(&self, name: &str) -> Result<Version, Problem> {
        let text = self.segment(name);
        let number = text.strip_prefix('v').unwrap_or(text).parse().ok().filter(|number| *number > 0);
        number
            .map(Version)
            .ok_or_else(|| Problem::malformed(format!("{name} must be the number of a version, not {text:?}")))
    }

    /// A time in the query, in RFC 3339.
    ///
    /// # Errors
    /// 400 for what is no time.
    pub fn query_time(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        let Some(text) = self.query(name) else { return Ok(None) };
        // In a query, a plus that nobody escaped arrives as a space.
        match DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(Problem::malformed(format!("{name} must be an RFC 3339 time, e.g. 2026-01-31T09:30:00Z"))),
        }
    }
}

/// The dataset of an id.
///
/// # Errors
/// 400 for what is no UUID, 404 for a UUID that is no dataset's.
pub fn dataset_of(id: &str) -> Result<Dataset, Problem> {
    let uuid = Uuid::parse_str(id).map_err(|_| Problem::malformed(format!("dataset_id must be a UUID, not {id:?}")))?;
    Dataset::from_id(uuid)
        .ok_or_else(|| Problem::not_found(format!("there is no dataset {uuid}; GET …/datasets lists them")))
}

impl Problem {
    /// A field of the body that is missing.
    pub fn missing_field(name: &str, expected: &str) -> Self {
        let message = format!("{name} is required: {expected}");
        Problem::invalid("The request is incomplete", vec![Fault::new(&[name], FaultCode::Missing, message)])
    }
}
