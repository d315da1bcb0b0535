//! What a function answers.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::Body;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use crate::Problem;

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    content_type: &'static str,
    body: String,
    headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// # Errors
    /// 500, should `content` have no JSON form.
    pub fn json(status: u16, content: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(content).map_err(|error| Problem::internal(&error.into()))?;
        Ok(Self { status, content_type: "application/json", body, headers: Vec::new() })
    }

    /// With the place where what was asked for is, or will be.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.headers.push((header::LOCATION, location));
        self
    }

    fn problem(problem: &Problem) -> Self {
        let mut headers = Vec::new();
        if let Some(allow) = problem.allow() {
            headers.push((header::ALLOW, allow.to_owned()));
        }
        if let Some(seconds) = problem.retry_after_seconds() {
            headers.push((header::RETRY_AFTER, seconds.to_string()));
        }
        let body = serde_json::to_string(problem).unwrap_or_default();
        Self { status: problem.status(), content_type: "application/problem+json", body, headers }
    }

    fn into_response(self, request_id: &str) -> ApiGatewayV2httpResponse {
        let mut headers = HeaderMap::new();
        let id = (HeaderName::from_static("x-request-id"), request_id.to_owned());
        let kind = (header::CONTENT_TYPE, self.content_type.to_owned());
        for (name, value) in self.headers.into_iter().chain([id, kind]) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = i64::from(self.status);
        response.headers = headers;
        response.body = Some(Body::Text(self.body));
        response
    }
}

/// What goes back to whoever triggered the function.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Http(Box<ApiGatewayV2httpResponse>),
    /// To other triggers than HTTP: something for the log of an invocation.
    Json(serde_json::Value),
}

impl Answer {
    pub(crate) fn http(outcome: Result<Reply, Problem>, path: &str, request_id: &str) -> Self {
        let reply = outcome.unwrap_or_else(|problem| Reply::problem(&problem.at(path)));
        Answer::Http(Box::new(reply.into_response(request_id)))
    }
}
