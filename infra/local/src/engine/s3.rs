//! S3: s3s over a folder. A bucket is a folder, an object is the plain file
//! `<bucket>/<key>`, so that a trainer can read a version without S3.
//!
//! What else is known of an object (ETag, checksums, metadata) lies in hidden
//! files beside the bucket's folder, never inside it.
//!
//! Known limits of s3s-fs 0.14: a body that fails its checksum is refused, yet
//! stored; a key of more than some 150 bytes fails, for its hidden files'
//! names grow too long; creating a bucket anew is BucketAlreadyExists.

mod leftovers;
mod locks;
mod mend;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use locks::Locks;

use super::Credentials;

/// Serves the folder `root`, made where absent, to who has `credentials`, and first clears away what a
/// process that was killed left in it.
pub(super) fn router(root: &Path, credentials: &Credentials) -> Result<Router> {
    let name = root.display();
    std::fs::create_dir_all(root).with_context(|| format!("cannot make the folder {name}"))?;
    leftovers::clear(root).with_context(|| format!("cannot clear up the folder {name}"))?;
    let files = FileSystem::new(root).map_err(|e| anyhow!("cannot open the folder {name}: {e:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(&*credentials.access_key, &*credentials.secret_key));
    service.set_access(mend::Mend { root: root.to_owned() });
    let store = Arc::new(Store { root: root.to_owned(), service: service.build(), locks: Locks::default() });
    Ok(Router::new().fallback(handle).with_state(store))
}

struct Store {
    root: PathBuf,
    service: S3Service,
    locks: Locks,
}

/// s3s-fs looks whether an object exists, then writes it, then its hidden
/// files, with nothing to keep two requests apart. Without the locks several
/// writers pass `If-None-Match: *`, and a reader can get the new bytes with the
/// old checksum. A reader holds its lock until the file is open: after that it
/// reads that file to its end, whatever takes its place.
///
/// Objects are told apart by the spelling of their path, and deleting many with
/// one request locks none of them: enough for clients that use an SDK.
async fn handle(State(store): State<Arc<Store>>, request: Request) -> Response {
    if is_signed_by_version_2(&request) {
        return unsupported_signature();
    }
    if store.asks_for_a_prefix(&request) {
        return no_such_key();
    }
    let lock = store.locks.of(request.uri().path());
    let kind = access(&request);
    let answer = store.service.call(request.map(s3s::Body::http_body_unsync));
    let answered = match kind {
        Access::Read => {
            let _shared = lock.read().await;
            answer.await
        }
        Access::Part => answer.await,
        Access::Write => {
            let _alone = lock.write().await;
            answer.await
        }
    };
    answered.map_or_else(|_| internal_error(), |answer| answer.map(Body::new))
}

impl Store {
    /// Whether an object is asked for where there is but a folder of objects. The
    /// engine would fail on it; S3 knows no folders. Clients ask this of every
    /// "folder" that they are told to read.
    fn asks_for_a_prefix(&self, request: &Request) -> bool {
        let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
        let Some((bucket, key)) = path.trim_start_matches('/').split_once('/') else { return false };
        let plain = |part: &str| Path::new(part).components().all(|part| matches!(part, Component::Normal(_)));
        matches!(access(request), Access::Read)
            && !key.is_empty()
            && plain(bucket)
            && plain(key)
            && self.root.join(bucket).join(key).is_dir()
    }
}

/// Signature version 2, which AWS has given up: it covers neither the host nor the body, and the engine
/// does not compare it in constant time.
fn is_signed_by_version_2(request: &Request) -> bool {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let by_header = authorization.is_some_and(|value| value.as_bytes().starts_with(b"AWS "));
    let query = request.uri().query().unwrap_or_default();
    by_header || form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "Signature")
}

fn unsupported_signature() -> Response {
    error(StatusCode::BAD_REQUEST, "InvalidRequest", "Sign requests by AWS4-HMAC-SHA256.")
}

fn no_such_key() -> Response {
    error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

enum Access {
    Read,
    /// A part of an upload: a file of its own until the upload is completed,
    /// and sent beside other parts of the same path.
    Part,
    Write,
}

fn access(request: &Request) -> Access {
    match *request.method() {
        Method::GET | Method::HEAD => Access::Read,
        Method::PUT if request.uri().query().is_some_and(|query| query.contains("partNumber=")) => Access::Part,
        _ => Access::Write,
    }
}

fn internal_error() -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
