//! Objects in the bucket.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;

use super::Clients;

/// Whether a put that must not overwrite took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    Created,
    /// An object of that key is there already, and is left as it is.
    Exists,
}

/// One of the contents that an object has in the course of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Tells it from the others; empty at the end of the object.
    pub tag: String,
    /// Where the bucket keeps them all.
    pub version: Option<String>,
}

/// Some bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// None at the end of the object.
    pub bytes: Vec<u8>,
    pub content: Content,
    /// Bytes of the whole object, where the service says so.
    pub object_bytes: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Objects {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Objects {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.s3.clone(), bucket: clients.resources.bucket.clone() }
    }

    /// `s3://bucket/key`.
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn put(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<()> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        put.body(body.into()).send().await.with_context(|| format!("could not write {}", self.uri(key)))?;
        Ok(())
    }

    /// Uploads a file.
    ///
    /// # Errors
    /// Whatever the file system and the service say.
    pub async fn put_file(&self, key: &str, file: &Path, content_type: &str) -> Result<()> {
        let body = ByteStream::from_path(file).await.with_context(|| format!("could not read {}", file.display()))?;
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        put.body(body).send().await.with_context(|| format!("could not write {}", self.uri(key)))?;
        Ok(())
    }

    /// Puts an object unless there is one.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn put_new(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<PutOutcome> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type).if_none_match("*");
        match put.body(body.into()).send().await {
            Ok(_) => Ok(PutOutcome::Created),
            Err(error) if error.raw_response().is_some_and(|answer| matches!(answer.status().as_u16(), 409 | 412)) => {
                Ok(PutOutcome::Exists)
            }
            Err(error) => Err(error).with_context(|| format!("could not write {}", self.uri(key))),
        }
    }

    /// The content of an object; `None` where there is none.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => {
                let bytes = answer.body.collect().await.with_context(|| format!("could not read {}", self.uri(key)))?;
                Ok(Some(bytes.to_vec()))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            Err(error) => {
                let request = error.request_id().unwrap_or("none").to_owned();
                Err(error).with_context(|| format!("could not read {} (request {request})", self.uri(key)))
            }
        }
    }

    /// Whether the bucket is there and answers.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn reach(&self) -> Result<()> {
        let head = self.client.head_bucket().bucket(&self.bucket);
        head.send().await.with_context(|| format!("could not reach the bucket {}", self.bucket))?;
        Ok(())
    }

    /// A link from which the object can be read until `lasting` has passed, without
    /// any credentials.
    ///
    /// # Errors
    /// Where no credentials are to be had to sign it with.
    pub async fn link(&self, key: &str, lasting: Duration) -> Result<String> {
        let config = PresigningConfig::expires_in(lasting).context("a link cannot last so long")?;
        let request = self.client.get_object().bucket(&self.bucket).key(key).presigned(config).await;
        Ok(request.with_context(|| format!("could not sign a link to {}", self.uri(key)))?.uri().to_owned())
    }

    /// Writes the content of an object to a file; answers whether there is one.
    ///
    /// # Errors
    /// Whatever the file system and the service say.
    pub async fn get_file(&self, key: &str, file: &Path) -> Result<bool> {
        let answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(false),
            Err(error) => return Err(error).with_context(|| format!("could not read {}", self.uri(key))),
        };
        let failed = || format!("could not write {}", file.display());
        let mut into = File::create(file).with_context(failed)?;
        let mut body = answer.body;
        while let Some(bytes) = body.try_next().await.with_context(|| format!("could not read {}", self.uri(key)))? {
            into.write_all(&bytes).with_context(failed)?;
        }
        Ok(true)
    }

    /// Deletes an object, if it is there.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        delete.send().await.with_context(|| format!("could not delete {}", self.uri(key)))?;
        Ok(())
    }

    /// Deletes one content of an object for good, and no other that has taken its place.
    /// Where the bucket keeps no versions, one that comes between the look and the
    /// deletion is deleted too.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn delete_content(&self, key: &str, content: &Content) -> Result<()> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key);
        let delete = match &content.version {
            Some(version) => delete.version_id(version),
            None => match self.get_part(key, 0, 1).await? {
                Some(part) if part.content == *content => delete,
                _ => return Ok(()),
            },
        };
        delete.send().await.with_context(|| format!("could not delete {}", self.uri(key)))?;
        Ok(())
    }

    /// Deletes the objects whose keys begin with `prefix`.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn delete_all(&self, prefix: &str) -> Result<()> {
        for key in self.list(prefix).await? {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// Keys that begin with `prefix`, in order.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut pages = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.with_context(|| format!("could not list {}", self.uri(prefix)))?;
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        Ok(keys)
    }

    /// The first keys, in order, that begin with `prefix` and come after `after`: at most `most`, and never more
    /// than a thousand.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn list_after(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<String>> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let list = list.set_start_after(after.map(str::to_owned)).max_keys(i32::try_from(most).unwrap_or(i32::MAX));
        let page = list.send().await.with_context(|| format!("could not list {}", self.uri(prefix)))?;
        Ok(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    /// Part of an object, from `from` on, at most `most` bytes; `None` where there
    /// is no such object.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn get_part(&self, key: &str, from: u64, most: u64) -> Result<Option<Part>> {
        let range = format!("bytes={from}-{}", from + most - 1);
        match self.client.get_object().bucket(&self.bucket).key(key).range(range).send().await {
            Ok(answer) => {
                let content = Content {
                    tag: answer.e_tag().unwrap_or_default().to_owned(),
                    version: answer.version_id().map(str::to_owned),
                };
                let object_bytes = answer.content_range().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
                let bytes = answer.body.collect().await.with_context(|| format!("could not read {}", self.uri(key)))?;
                Ok(Some(Part { bytes: bytes.to_vec(), content, object_bytes }))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
            // Nothing lies beyond the end.
            Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 416) => {
                let content = Content { tag: String::new(), version: None };
                Ok(Some(Part { bytes: Vec::new(), content, object_bytes: None }))
            }
            Err(error) => Err(error).with_context(|| format!("could not read {}", self.uri(key))),
        }
    }
}
