//! Signing by AWS's own signer: what our verification of signatures is held to, and what tests sign with
//! that speak to an engine without an SDK, or change a request on its way.

use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;

/// The headers `x-amz-date` and `authorization` of a POST with these headers, of which all are signed.
pub fn signature(
    (access_key, secret_key): (&str, &str),
    service: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    at: SystemTime,
) -> Vec<(String, String)> {
    let identity = AwsCredentials::from_keys(access_key, secret_key, None).into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let host = headers.iter().find(|(name, _)| *name == "host").unwrap().1;
    let url = format!("http://{host}/");
    let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params.into()).unwrap().into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
