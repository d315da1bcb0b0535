//! Who has not the keys of the data folder, or comes from a web page, gets nothing from any engine.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use reqwest::{Client, Response};

use super::*;

/// A POST of AWS's JSON protocol, signed by AWS's own signer.
pub(super) async fn post(url: &str, service: &str, with: &Credentials, target: &str, body: &str) -> Response {
    let headers = [
        ("host", url.trim_start_matches("http://")),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", target),
    ];
    let keys = (with.access_key.as_str(), with.secret_key.as_str());
    let added = signing::signature(keys, service, &headers, body.as_bytes(), SystemTime::now());
    let mut request = Client::new().post(url).body(body.to_owned());
    for (name, value) in headers.into_iter().chain(added.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        request = request.header(name, value);
    }
    request.send().await.unwrap()
}

/// The published keys of so many local stacks, and those of another folder.
fn wrong(engines: &Engines) -> [Credentials; 3] {
    let right = &engines.credentials;
    [
        Credentials { access_key: "test".to_owned(), secret_key: "test".to_owned() },
        Credentials { access_key: right.access_key.clone(), secret_key: "test".to_owned() },
        Credentials { access_key: "test".to_owned(), secret_key: right.secret_key.clone() },
    ]
}

#[tokio::test]
async fn every_engine_verifies_the_signature_and_not_only_the_key() {
    let folder = Scratch::new();
    let (engines, mut delivered) = started(&folder).await;
    s3(&engines).create_bucket().bucket("fincoach").send().await.unwrap();
    for credentials in wrong(&engines) {
        let refused = dynamodb_at(&engines.dynamodb, &credentials).list_tables().send().await.unwrap_err();
        let code = refused.code().unwrap().to_owned();
        assert!(["UnrecognizedClientException", "InvalidSignatureException"].contains(&&*code), "{code}");
        let s3 = s3_at(&engines.s3, &credentials);
        let put = s3.put_object().bucket("fincoach").key("a").body(ByteStream::from_static(b"x")).send().await;
        let code = put.unwrap_err().code().unwrap().to_owned();
        assert!(["InvalidAccessKeyId", "SignatureDoesNotMatch", "NotSignedUp"].contains(&&*code), "{code}");
        let hour = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
        let link = s3.get_object().bucket("fincoach").key("a").presigned(hour).await.unwrap();
        assert_eq!(reqwest::get(link.uri()).await.unwrap().status(), 403, "a presigned link");
        let events = eventbridge_at(&engines.bus, &credentials);
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder().source("fincoach.learning");
        let entry = entry.detail_type("dataset ready").detail("{}").build();
        events.put_events().entries(entry).send().await.unwrap_err();
    }
    assert!(delivered.try_recv().is_err(), "no fact came through");
    assert!(s3(&engines).list_objects_v2().bucket("fincoach").send().await.unwrap().contents().is_empty());
    engines.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_is_refused() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    for (url, target) in [(&engines.dynamodb, "DynamoDB_20120810.ListTables"), (&engines.bus, "AWSEvents.PutEvents")] {
        let request = || Client::new().post(url).header("x-amz-target", target).body("{}");
        let signed_by_nobody = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        let typed = || request().header("content-type", "application/x-amz-json-1.0");
        assert_eq!(request().send().await.unwrap().status(), 415, "{target} without a content type");
        assert_eq!(typed().send().await.unwrap().status(), 400, "{target}");
        assert_eq!(typed().header("authorization", signed_by_nobody).send().await.unwrap().status(), 400, "{target}");
    }
    let old = Client::new().get(format!("{}/fincoach/a", engines.s3)).header("authorization", "AWS x:y");
    assert_eq!(old.send().await.unwrap().status(), 400, "signature version 2");
    let old = format!("{}/fincoach/a?AWSAccessKeyId=x&Expires=99999999999&Signature=y", engines.s3);
    assert_eq!(reqwest::get(old).await.unwrap().status(), 400, "a link of signature version 2");
    engines.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_reaches_no_engine_even_with_the_keys() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    for url in [&engines.dynamodb, &engines.s3, &engines.bus] {
        let port = url.rsplit_once(':').unwrap().1;
        for (name, value, status) in [
            ("origin", "http://evil.example".to_owned(), 403),
            ("sec-fetch-site", "cross-site".to_owned(), 403),
            ("host", format!("evil.example:{port}"), 403),
            ("host", "a b".to_owned(), 400),
        ] {
            for method in [reqwest::Method::GET, reqwest::Method::POST, reqwest::Method::OPTIONS] {
                let asked = Client::new().request(method.clone(), url).header(name, &value);
                let answer = asked.header("access-control-request-method", "POST").send().await.unwrap();
                assert_eq!(answer.status(), status, "{method} {url} {name}: {value}");
                let opening = answer.headers().keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(opening, None, "{method} {url} {name}: {value}");
            }
        }
    }
    engines.stop().await;
}

/// As the SDKs send larger bodies: in chunks, of which each is signed, or with the checksum behind them.
#[tokio::test]
async fn a_streamed_body_is_taken_from_who_has_the_keys() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let s3 = s3(&engines);
    s3.create_bucket().bucket("fincoach").send().await.unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, vec![7; 300_000]).unwrap();
    let put = s3.put_object().bucket("fincoach").key("large").body(ByteStream::from_path(&file).await.unwrap());
    put.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Crc32).send().await.unwrap();
    assert_eq!(super::s3::get(&s3, "large").await, vec![7; 300_000]);
    engines.stop().await;
}
