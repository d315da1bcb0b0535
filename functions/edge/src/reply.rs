//! What a function answers.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::Body;
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;

/// The content type of one JSON value a line.
pub const NDJSON: &str = "application/x-ndjson";

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

    /// Each of `items` on a line of its own, as NDJSON.
    ///
    /// # Errors
    /// 500, should one have no JSON form.
    pub fn lines<T: Serialize>(items: &[T]) -> Result<Self, Problem> {
        let mut body = String::new();
        for item in items {
            body += &serde_json::to_string(item).map_err(|error| Problem::internal(&error.into()))?;
            body.push('\n');
        }
        Ok(Self { status: 200, content_type: NDJSON, body, headers: Vec::new() })
    }

    /// Where what follows can be asked for, of a content that has no room to say so.
    #[must_use]
    pub fn with_next(mut self, url: &str) -> Self {
        self.headers.push((header::LINK, format!("<{url}>; rel=\"next\"")));
        self
    }

    /// An answer that is another one for callers that accept other content.
    #[must_use]
    pub fn as_accepted(mut self) -> Self {
        self.headers.push((header::VARY, "accept".to_owned()));
        self
    }

    /// A page, which may load nothing but what `policy`, its content-security policy, allows.
    pub fn page(html: String, policy: &str) -> Self {
        let headers = vec![
            (header::CONTENT_SECURITY_POLICY, policy.to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        Self { status: 200, content_type: "text/html; charset=utf-8", body: html, headers }
    }

    /// An answer that holds only for the moment: it is never kept, nor asked for again by its tag.
    #[must_use]
    pub fn momentary(mut self) -> Self {
        self.headers.push((header::CACHE_CONTROL, "no-store".to_owned()));
        self
    }

    /// The tag of `content`, for an answer that holds more than what makes it another, such as its own time.
    ///
    /// # Errors
    /// 500, should `content` have no JSON form.
    pub fn tagged_by(mut self, content: &impl Serialize) -> Result<Self, Problem> {
        let bytes = serde_json::to_vec(content).map_err(|error| Problem::internal(&error.into()))?;
        self.headers.push((header::ETAG, tag(&bytes)));
        Ok(self)
    }

    /// What a GET is answered: with a tag, and without a body where the caller has that very content.
    pub(crate) fn answering_get(mut self, if_none_match: Option<&str>) -> Self {
        let header = |name: &HeaderName| self.headers.iter().find(|(header, _)| header == name);
        if self.status != 200 || header(&header::CACHE_CONTROL).is_some() {
            return self;
        }
        let etag = header(&header::ETAG).map_or_else(|| tag(self.body.as_bytes()), |(_, tag)| tag.clone());
        let known = if_none_match.is_some_and(|tags| {
            tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
        });
        if known {
            self.status = 304;
            self.body.clear();
        }
        self.headers.retain(|(name, _)| name != header::ETAG);
        self.headers.push((header::ETAG, etag));
        self.headers.push((header::CACHE_CONTROL, "no-cache".to_owned()));
        self
    }

    /// Where the outcome can be asked for.
    #[must_use]
    pub fn with_location(mut self, url: &str) -> Self {
        self.headers.push((header::LOCATION, url.to_owned()));
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
        if problem.status() == 401 {
            headers.push((header::WWW_AUTHENTICATE, "Bearer".to_owned()));
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

fn tag(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let digits: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(reply: &Reply, name: HeaderName) -> Option<&str> {
        reply.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn who_has_the_content_gets_no_body() {
        let reply = || Reply::json(200, &"content").unwrap();
        let first = reply().answering_get(None);
        let tag = header(&first, header::ETAG).unwrap().to_owned();
        assert_eq!((first.status, first.body.as_str()), (200, "\"content\""));
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = reply().answering_get(Some(&tags));
            assert_eq!((again.status, again.body.as_str()), (304, ""), "{tags}");
            assert_eq!(header(&again, header::ETAG), Some(tag.as_str()));
        }
        assert_eq!(reply().answering_get(Some("\"other\"")).status, 200);
        assert_eq!(Reply::json(404, &"content").unwrap().answering_get(Some("*")).status, 404);
        assert_eq!(header(&reply().momentary().answering_get(None), header::ETAG), None);
    }

    #[test]
    fn the_tag_is_of_what_matters() {
        let reply = |time: u32| Reply::json(200, &(time, "content")).unwrap().tagged_by(&"content").unwrap();
        let tag = header(&reply(1).answering_get(None), header::ETAG).unwrap().to_owned();
        assert_eq!(reply(2).answering_get(Some(&tag)).status, 304);
    }
}
