//! Requests that S3 understands and the engine does not, mended on their way in,
//! after their signature has been checked.

use std::path::PathBuf;

use s3s::access::S3Access;
use s3s::dto::{Delimiter, GetObjectInput, ListObjectsInput, ListObjectsV2Input, Range};
use s3s::{S3Request, S3Result};

pub(super) struct Mend {
    /// The folder of the buckets.
    pub(super) root: PathBuf,
}

#[async_trait::async_trait]
impl S3Access for Mend {
    async fn list_objects(&self, request: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        without_empty(&mut request.input.delimiter);
        Ok(())
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        without_empty(&mut request.input.delimiter);
        Ok(())
    }

    /// The last 64 KiB of a smaller object are the whole object: so readers of
    /// Parquet look for the footer. The engine would seek to before its beginning.
    async fn get_object(&self, request: &mut S3Request<GetObjectInput>) -> S3Result<()> {
        let input = &mut request.input;
        if let Some(Range::Suffix { length }) = input.range
            && let Ok(object) = tokio::fs::metadata(self.root.join(&input.bucket).join(&input.key)).await
            && length > object.len()
        {
            input.range = Some(Range::Int { first: 0, last: None });
        }
        Ok(())
    }
}

/// An empty delimiter is none; the engine would cut every key at its first
/// character. fsspec, and with it pandas, lists folders in this way.
fn without_empty(delimiter: &mut Option<Delimiter>) {
    if delimiter.as_deref() == Some("") {
        *delimiter = None;
    }
}
