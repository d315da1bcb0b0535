//! API Gateway's event (payload format 2.0) as an HTTP request.
//!
//! `lambda_http` builds a URL from the sender's `Host`, `X-Forwarded-Proto`, path and query, and panics
//! where the parts make none. Here such a request is a problem of its sender, found first.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::{Uri, header};
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request};
use serde_json::value::RawValue;
use url::Url;

use crate::{Error, Problem};

/// A request that cannot be built, and the path that it named.
pub(crate) struct Unreadable {
    pub(crate) problem: Problem,
    pub(crate) path: String,
}

/// Decodes an event into a request.
///
/// # Errors
/// A payload that is no event of API Gateway. The inner error is a fault of the sender: 400.
pub(crate) fn request(payload: &RawValue) -> Result<Result<Request, Unreadable>, Error> {
    let mut event: ApiGatewayV2httpRequest = serde_json::from_str(payload.get())?;
    let body = match decoded_body(&mut event).and_then(|body| is_addressable(&event).map(|()| body)) {
        Ok(body) => body,
        Err(problem) => return Ok(Err(Unreadable { problem, path: event.raw_path.unwrap_or_default() })),
    };
    let mut request = Request::from(LambdaRequest::ApiGatewayV2(event));
    *request.body_mut() = body;
    Ok(Ok(request))
}

/// Takes the body out of the event.
fn decoded_body(event: &mut ApiGatewayV2httpRequest) -> Result<Body, Problem> {
    match event.body.take() {
        None => Ok(Body::Empty),
        Some(text) if !event.is_base64_encoded => Ok(Body::Text(text)),
        Some(text) => {
            let bytes = STANDARD.decode(text).map_err(|_| Problem::malformed("the body is not valid base64"))?;
            Ok(Body::Binary(bytes))
        }
    }
}

/// Whether scheme, host, path and query make a URL, as `lambda_http` joins them.
fn is_addressable(event: &ApiGatewayV2httpRequest) -> Result<(), Problem> {
    let header = |name: &str| event.headers.get(name).map(|value| value.to_str());
    let host = match header(header::HOST.as_str()) {
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return Err(malformed_host()),
        None => event.request_context.domain_name.as_deref(),
    };
    let host = host.unwrap_or("localhost");
    // A URL is read without its blanks, and ends its host at these.
    if host.is_empty() || host.contains(|sign: char| sign <= ' ' || "@/\\?#\u{7f}".contains(sign)) {
        return Err(malformed_host());
    }
    let scheme = match header("x-forwarded-proto") {
        None => "https",
        Some(Ok(scheme @ ("http" | "https"))) => scheme,
        Some(_) => return Err(Problem::malformed("the header X-Forwarded-Proto must be http or https")),
    };
    Url::parse(&format!("{scheme}://{host}/")).map_err(|_| malformed_host())?;
    let path = event.raw_path.as_deref().unwrap_or_default();
    let malformed_path = || Problem::malformed("the path or the query cannot be read as a URL");
    if !(path.is_empty() || path.starts_with('/')) {
        return Err(malformed_path());
    }
    let mut url = Url::parse(&format!("{scheme}://{host}{path}")).map_err(|_| malformed_path())?.to_string();
    if let Some(query) = event.raw_query_string.as_deref().filter(|query| !query.is_empty()) {
        url = format!("{url}?{query}");
    }
    Uri::try_from(url).map_err(|_| malformed_path())?;
    Ok(())
}

fn malformed_host() -> Problem {
    Problem::malformed("the header Host must name a host, with or without a port: `Host: api.example.com`")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        let http = json!({"method": "GET", "path": "/x", "protocol": "HTTP/1.1", "sourceIp": "", "userAgent": ""});
        json!({
            "version": "2.0", "rawPath": "/x", "rawQueryString": "", "headers": {"host": "api.example.com"},
            "requestContext": {"stage": "$default", "http": http, "domainName": "api.example.com"},
            "isBase64Encoded": false,
        })
    }

    fn status(event: &Value) -> Result<(), u16> {
        let payload = serde_json::value::to_raw_value(event).unwrap();
        request(&payload).unwrap().map(|_| ()).map_err(|unreadable| unreadable.problem.status())
    }

    #[test]
    fn a_request_whose_parts_make_no_url_is_the_senders_fault() {
        let hosts =
            ["a b", "[::", "", "a:b", "a:99999999", "@", "a/b", "999.999.999.999", "a\tb", "xn--a", "a%b", ":80"];
        for host in hosts {
            let mut bad = event();
            bad["headers"]["host"] = json!(host);
            assert_eq!(status(&bad), Err(400), "Host: {host:?}");
            let mut bad = event();
            bad["headers"].as_object_mut().unwrap().remove("host");
            bad["requestContext"]["domainName"] = json!(host);
            assert_eq!(status(&bad), Err(400), "domain name {host:?}");
        }
        for (pointer, value) in [
            ("/headers/x-forwarded-proto", "a b"),
            ("/headers/x-forwarded-proto", "javascript"),
            ("/rawPath", "x"),
            ("/rawQueryString", "a b"),
            ("/rawQueryString", "a=\u{7f}"),
        ] {
            let mut bad = event();
            bad["headers"]["x-forwarded-proto"] = json!("https");
            *bad.pointer_mut(pointer).unwrap() = json!(value);
            assert_eq!(status(&bad), Err(400), "{pointer} {value:?}");
        }
        let mut bad = event();
        bad["isBase64Encoded"] = json!(true);
        bad["body"] = json!("***");
        assert_eq!(status(&bad), Err(400), "a body that is not base64");
    }

    #[test]
    fn every_other_request_is_read() {
        assert_eq!(status(&event()), Ok(()));
        for host in ["localhost:9000", "127.0.0.1", "[::1]:9000", "x", "A.Example.COM:443"] {
            let mut good = event();
            good["headers"]["host"] = json!(host);
            assert_eq!(status(&good), Ok(()), "{host}");
        }
        for path in ["", "/", "/a b", "/%zz", "//a//b", "/ü", "/\\..", "/{x}"] {
            let mut good = event();
            good["rawPath"] = json!(path);
            assert_eq!(status(&good), Ok(()), "{path:?}");
        }
        let mut good = event();
        good["headers"].as_object_mut().unwrap().remove("host");
        good["requestContext"].as_object_mut().unwrap().remove("domainName");
        assert_eq!(status(&good), Ok(()), "no name of a host at all");
    }

    #[test]
    fn the_body_is_decoded_once() {
        let mut encoded = event();
        encoded["isBase64Encoded"] = json!(true);
        encoded["body"] = json!("aGk=");
        let payload = serde_json::value::to_raw_value(&encoded).unwrap();
        let Ok(request) = request(&payload).unwrap() else { panic!("the request is read") };
        assert_eq!(request.body().as_ref(), b"hi");
    }
}
