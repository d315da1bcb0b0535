//! The guard: what each port of the local stack refuses before anything else sees the request.
//!
//! A page of any site can make the browser of whoever runs the stack send requests to loopback. The guard
//! refuses them by what the page cannot change: the name that the request was sent to (`Host`, so that a
//! name which resolves to loopback does not help), the `Origin` of the page, and `Sec-Fetch-Site`. No
//! answer lets another origin read it, whatever the engine behind the guard would allow.

mod host;

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use function_edge::{Problem, Route};
use uuid::Uuid;

use self::host::Host;

/// The environment variable that names further hosts, separated by commas.
pub const ALLOWED_HOSTS: &str = "FINCOACH_ALLOW_HOST";

/// What the ports answer to, besides the names of loopback.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Vec<String>,
}

impl Guard {
    /// A guard that lets requests to `hosts` pass as well, and to `address`, where the stack listens on
    /// one that is its own.
    ///
    /// # Errors
    /// A name that is none of a host, or that has a port.
    pub fn new(hosts: &[String], address: IpAddr) -> Result<Self> {
        let mut allowed = Vec::with_capacity(hosts.len() + 1);
        for host in hosts {
            let name = Host::parse(host).filter(|parsed| parsed.port.is_none()).map(|parsed| parsed.name);
            allowed.push(name.with_context(|| {
                format!("{host:?} is no host that could be allowed: write a name or an address without a port")
            })?);
        }
        if !address.is_unspecified() {
            allowed.push(address.to_string());
        }
        Ok(Self { allowed })
    }

    /// Puts the guard in front of everything that `router` answers.
    pub(crate) fn before(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::new(self.clone()), guarded))
    }

    fn admits(&self, head: &Parts) -> Result<(), Problem> {
        let host = requested_host(head)?;
        let named = Host::parse(host).ok_or_else(malformed_host)?;
        if !named.is_loopback() && !self.allowed.contains(&named.name) {
            return Err(Problem::foreign(
                "foreign-host",
                format!("this service does not answer to {:?}: allow the name with --allow-host", named.name),
            ));
        }
        same_origin(&head.headers, host)?;
        match text(&head.headers, "sec-fetch-site") {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) if opens_page(head) => Ok(()),
            Some(_) => Err(foreign_page()),
        }
    }
}

async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut answer = match guard.admits(&head) {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(problem) => refusal(&problem),
    };
    seal(answer.headers_mut());
    answer
}

/// The `Host` that the request names, exactly once; a URL in the request line must agree with it.
fn requested_host(head: &Parts) -> Result<&str, Problem> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(malformed_host()) };
    let host = host.to_str().map_err(|_| malformed_host())?;
    match head.uri.authority() {
        Some(authority) if !authority.as_str().eq_ignore_ascii_case(host) => Err(malformed_host()),
        Some(_) if head.uri.scheme().is_none() => Err(malformed_host()),
        _ => Ok(host),
    }
}

/// Browsers name the origin of a page with each request that may change something.
fn same_origin(headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().ok();
        let name = origin.and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")));
        if name.is_none_or(|name| !name.eq_ignore_ascii_case(host)) {
            return Err(foreign_page());
        }
    }
    Ok(())
}

/// A link from anywhere may lead to the dashboard, which holds no data and which no page may frame.
fn opens_page(head: &Parts) -> bool {
    head.method == Method::GET
        && head.uri.path() == Route::Dashboard.path()
        && text(&head.headers, "sec-fetch-mode") == Some("navigate")
        && text(&head.headers, "sec-fetch-dest") == Some("document")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"))
}

fn malformed_host() -> Problem {
    Problem::malformed("the request must name one host, with or without a port: `Host: 127.0.0.1:9000`")
}

fn foreign_page() -> Problem {
    Problem::foreign("foreign-origin", "a page of another origin sent this request; only pages of this service may")
}

fn refusal(problem: &Problem) -> Response {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::FORBIDDEN);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert("x-request-id", id);
    }
    answer
}

/// No other origin may read an answer, embed it, or have its type guessed.
fn seal(headers: &mut HeaderMap) {
    let opening: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in opening {
        headers.remove(name);
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[cfg(test)]
mod tests;
