//! Errors as callers see them: problem+json (RFC 9457).

use learning_core::event::Fault;
use learning_core::store::Failure;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What went wrong, in words that tell the caller what to do. It never holds internals.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Problem(Box<Content>);

#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Problem", description = "What went wrong, in words that say what to do (RFC 9457).")]
struct Content {
    #[serde(rename = "type")]
    slug: String,
    title: String,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// Further members that a problem type defines.
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness: Option<serde_json::Value>,
    #[serde(skip)]
    allow: Option<String>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

impl Problem {
    fn new(status: u16, slug: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Content {
            slug: format!("/problems/{slug}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            readiness: None,
            allow: None,
            retry_after_seconds: None,
        }))
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed-request", "The request cannot be read", detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(401, "unauthorized", "The request needs a token", detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", "The token does not allow this", detail)
    }

    /// A request that a page of another site makes a browser send, or one to a name that is not this service's.
    pub fn foreign(slug: &str, detail: impl Into<String>) -> Self {
        Self::new(403, slug, "The request comes from elsewhere", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", "There is no such thing", detail)
    }

    pub fn method_not_allowed(method: &str, allowed: &[&str]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("{method} is not allowed here, but {allowed}");
        let mut problem = Self::new(405, "method-not-allowed", "The method is not allowed", detail);
        problem.0.allow = Some(allowed);
        problem
    }

    pub fn conflict(slug: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(409, slug, title, detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(413, "too-large", "The request is too large", detail)
    }

    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(415, "unsupported-media-type", "The content type is not supported", detail)
    }

    pub fn invalid(title: &str, errors: Vec<Fault>) -> Self {
        let detail = errors.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ");
        let mut problem = Self::new(422, "invalid", title, detail);
        problem.0.errors = errors;
        problem
    }

    pub fn idempotency_key_reused() -> Self {
        let detail = "this Idempotency-Key came with another body before: send a new request under a new key";
        Self::new(422, "idempotency-key-reused", "The idempotency key is of another request", detail)
    }

    pub fn not_available(detail: impl Into<String>) -> Self {
        Self::new(501, "not-available-yet", "This is not available yet", detail)
    }

    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(503, "busy", "The service is busy", detail).retry_after(1)
    }

    /// Asked too often.
    pub fn throttled(detail: impl Into<String>) -> Self {
        Self::new(429, "throttled", "Too many requests", detail).retry_after(2)
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "unavailable", "The service is not available", detail).retry_after(5)
    }

    pub fn not_configured(detail: impl Into<String>) -> Self {
        Self::new(503, "not-configured", "A setting is missing", detail).retry_after(60)
    }

    /// An error that is ours: logged under an id, which is all that the caller gets.
    pub fn internal(error: &anyhow::Error) -> Self {
        let id = Uuid::new_v4();
        tracing::error!(%id, error = format!("{error:#}"), "a request failed");
        Self::new(500, "internal", "Something went wrong on our side", format!("It is logged under {id}."))
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Where it happened, unless that is known already.
    #[must_use]
    pub(crate) fn at(mut self, path: &str) -> Self {
        self.0.instance.get_or_insert_with(|| path.to_owned());
        self
    }

    #[must_use]
    pub fn with_readiness(mut self, readiness: serde_json::Value) -> Self {
        self.0.readiness = Some(readiness);
        self
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }

    pub fn allow(&self) -> Option<&str> {
        self.0.allow.as_deref()
    }

    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.0.retry_after_seconds
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        let detail = "a service behind this one is not available; the request may be sent again";
        match Failure::of(&error) {
            Failure::Permanent => return Self::internal(&error),
            Failure::Throttled => tracing::warn!(error = format!("{error:#}"), "the store is throttled"),
            Failure::Unavailable => {
                tracing::warn!(error = format!("{error:#}"), "the store is not available");
                return Self::unavailable(detail);
            }
        }
        Self::throttled(detail)
    }
}
