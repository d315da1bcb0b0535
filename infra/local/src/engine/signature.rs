//! AWS Signature Version 4, verified as DynamoDB and EventBridge do: in the `authorization` header, over
//! the headers that it names and the body.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. Both
//! services are called by POST to `/` without a query, so neither has to be made canonical. S3, where
//! that is otherwise, verifies its own (see [`super::s3`]).

use axum::http::HeaderMap;
use axum::http::request::Parts;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Credentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far a request's time may be from ours.
const MAX_SKEW: Duration = Duration::minutes(15);
/// Which of a request's headers have to be signed: where it goes and what it does.
const SIGNED: [&str; 2] = ["host", "x-amz-target"];

/// Why a request is refused, as the services name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the request has no signature: set the access key and the secret that `env` prints")]
    Missing,
    #[error("the request's authorization is incomplete or malformed")]
    Incomplete,
    #[error("the access key is not this data folder's: `env` prints it")]
    UnknownKey,
    #[error("the request's time is more than 15 minutes from this machine's")]
    Skewed,
    #[error("the signature does not match the request: check the secret, which `env` prints")]
    Mismatch,
}

impl Refusal {
    /// The name of the error, without its namespace.
    pub(super) fn code(self) -> &'static str {
        match self {
            Refusal::Missing => "MissingAuthenticationTokenException",
            Refusal::Incomplete => "IncompleteSignatureException",
            Refusal::UnknownKey => "UnrecognizedClientException",
            Refusal::Skewed | Refusal::Mismatch => "InvalidSignatureException",
        }
    }
}

/// Verifies that who has `credentials` signed this very request to `service`.
///
/// # Errors
/// See [`Refusal`].
pub(super) fn verify(
    credentials: &Credentials,
    service: &str,
    head: &Parts,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let authorization =
        Authorization::parse(text("authorization").ok_or(Refusal::Missing)?).ok_or(Refusal::Incomplete)?;
    let stamp = text("x-amz-date").ok_or(Refusal::Incomplete)?;
    let at = NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").map_err(|_| Refusal::Incomplete)?.and_utc();
    let is_in_scope = stamp.starts_with(authorization.date) && authorization.service == service;
    let is_simple = head.uri.path() == "/" && head.uri.query().is_none();
    if !(is_in_scope && is_simple && SIGNED.iter().all(|name| authorization.signs(name))) {
        return Err(Refusal::Incomplete);
    }
    if authorization.access_key != credentials.access_key {
        return Err(Refusal::UnknownKey);
    }
    if (now - at).abs() > MAX_SKEW {
        return Err(Refusal::Skewed);
    }
    let canonical = canonical_request(head, &authorization, body).ok_or(Refusal::Mismatch)?;
    let scope = authorization.scope();
    let string_to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let signature = hex::decode(authorization.signature).map_err(|_| Refusal::Incomplete)?;
    // Compared in constant time.
    mac(&signing_key(credentials, &authorization), &string_to_sign)
        .verify_slice(&signature)
        .map_err(|_| Refusal::Mismatch)
}

/// The parts of an `authorization` header.
struct Authorization<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    /// In lower case, sorted, separated by semicolons.
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts = text.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = part("Credential")?.split('/');
        let mut next = || scope.next().filter(|part| !part.is_empty());
        let (access_key, date, region, service, end) = (next()?, next()?, next()?, next()?, next()?);
        let is_whole = end == "aws4_request" && scope.next().is_none() && date.len() == 8;
        let (signed, signature) = (part("SignedHeaders")?, part("Signature")?);
        is_whole.then_some(Self { access_key, date, region, service, signed, signature })
    }

    fn signs(&self, name: &str) -> bool {
        self.signed.split(';').any(|signed| signed == name)
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// `None` where a header that is said to be signed is not there.
fn canonical_request(head: &Parts, authorization: &Authorization<'_>, body: &[u8]) -> Option<String> {
    let mut canonical = format!("{}\n/\n\n", head.method);
    for name in authorization.signed.split(';') {
        let value = canonical_value(&head.headers, name)?;
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    canonical.push_str(&format!("\n{}\n{}", authorization.signed, hex::encode(Sha256::digest(body))));
    Some(canonical)
}

/// The values of a header, each without needless blanks, joined by commas.
fn canonical_value(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Option<Vec<String>> = headers
        .get_all(name)
        .iter()
        .map(|value| Some(value.to_str().ok()?.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    values.filter(|values| !values.is_empty()).map(|values| values.join(","))
}

fn signing_key(credentials: &Credentials, authorization: &Authorization<'_>) -> Vec<u8> {
    let Authorization { date, region, service, .. } = authorization;
    let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = mac(&key, part).finalize().into_bytes().to_vec();
    }
    key
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests;
