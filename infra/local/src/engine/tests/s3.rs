use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};

use super::*;

const BUCKET: &str = "fincoach";

async fn with_bucket(folder: &Scratch) -> (Engines, aws_sdk_s3::Client) {
    let (engines, _) = started(folder).await;
    let s3 = s3(&engines);
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    (engines, s3)
}

async fn put(s3: &aws_sdk_s3::Client, key: &str, body: impl Into<Vec<u8>>) {
    s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from(body.into())).send().await.unwrap();
}

/// The SDK compares the body with the checksum that the engine keeps.
pub(super) async fn get(s3: &aws_sdk_s3::Client, key: &str) -> Vec<u8> {
    let answer = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

/// All files below `folder`, as paths relative to it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_at_once_exactly_one_creates_the_object() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    for round in 0..20 {
        let key = format!("prepared/spending/{round}/manifest.json");
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let put = s3.put_object().bucket(BUCKET).key(&key).if_none_match("*");
                tokio::spawn(put.body(ByteStream::from(vec![writer; 1000])).send())
            })
            .collect();
        let mut won = Vec::new();
        for (writer, put) in (0_u8..).zip(writers) {
            match put.await.unwrap() {
                Ok(_) => won.push(writer),
                Err(e) => assert_eq!(e.code(), Some("PreconditionFailed")),
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!(get(&s3, &key).await, vec![won[0]; 1000], "what is stored is the winner's");
    }
    engines.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_one_write_or_the_other_while_an_object_is_replaced() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "latest.json", vec![0; 500]).await;
    let writer = tokio::spawn({
        let s3 = s3.clone();
        async move {
            for version in 1..200_u8 {
                put(&s3, "latest.json", vec![version; 500]).await;
            }
        }
    });
    while !writer.is_finished() {
        let read = get(&s3, "latest.json").await;
        assert!(read.len() == 500 && read.iter().all(|byte| *byte == read[0]));
    }
    writer.await.unwrap();
    engines.stop().await;
}

#[tokio::test]
async fn an_object_is_a_plain_file_and_nothing_else_lies_in_its_bucket() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    let key = "prepared/spending/v1/train/part-0.parquet";
    let described = s3.put_object().bucket(BUCKET).key(key).metadata("rows", "3").content_type("application/x-parquet");
    described.body(ByteStream::from_static(b"bytes")).send().await.unwrap();
    let bucket = folder.path().join("data/s3").join(BUCKET);
    assert_eq!(files(&bucket), [key]);
    assert_eq!(std::fs::read(bucket.join(key)).unwrap(), b"bytes");
    let head = s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
    assert_eq!(head.metadata().unwrap()["rows"], "3");
    engines.stop().await;
}

#[tokio::test]
async fn the_prefix_of_a_key_is_no_object() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "prepared/spending/a b/data.parquet", *b"bytes").await;
    for prefix in ["prepared", "prepared/spending/a b", "prepared/spending/a b/"] {
        let head = s3.head_object().bucket(BUCKET).key(prefix).send().await.unwrap_err();
        assert!(head.into_service_error().is_not_found(), "{prefix}");
        let get = s3.get_object().bucket(BUCKET).key(prefix).send().await.unwrap_err();
        assert!(get.into_service_error().is_no_such_key(), "{prefix}");
    }
    engines.stop().await;
}

#[tokio::test]
async fn an_empty_delimiter_is_none() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "a/b/c.json", *b"{}").await;
    let listed = s3.list_objects_v2().bucket(BUCKET).prefix("a/").delimiter("").send().await.unwrap();
    assert!(listed.common_prefixes().is_empty());
    assert_eq!(listed.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["a/b/c.json"]);
    engines.stop().await;
}

#[tokio::test]
async fn a_range_may_reach_beyond_an_object_on_either_side() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "a.parquet", *b"0123456789").await;
    for (range, expected) in [("bytes=-4", "6789"), ("bytes=-65536", "0123456789"), ("bytes=8-65536", "89")] {
        let answer = s3.get_object().bucket(BUCKET).key("a.parquet").range(range).send().await.unwrap();
        assert_eq!(answer.body.collect().await.unwrap().to_vec(), expected.as_bytes(), "{range}");
    }
    engines.stop().await;
}

#[tokio::test]
async fn a_presigned_link_works_until_it_is_changed() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "a.json", *b"{}").await;
    put(&s3, "b.json", *b"secret").await;
    let hour = PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap();
    let link = s3.get_object().bucket(BUCKET).key("a.json").presigned(hour).await.unwrap();
    let fetch = async |url: String| reqwest::get(url).await.unwrap();
    assert_eq!(fetch(link.uri().to_owned()).await.text().await.unwrap(), "{}");
    assert_eq!(fetch(link.uri().replace("a.json", "b.json")).await.status(), 403);
    assert_eq!(fetch(format!("{}/{BUCKET}/a.json", engines.s3)).await.status(), 403, "nor without a signature");
    engines.stop().await;
}

#[tokio::test]
async fn the_parts_of_an_upload_are_taken_side_by_side() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    let upload = s3.create_multipart_upload().bucket(BUCKET).key("large").checksum_algorithm(ChecksumAlgorithm::Crc32);
    let id = upload.send().await.unwrap().upload_id.unwrap();
    let part = |number: u8, bytes: usize| {
        let part = s3.upload_part().bucket(BUCKET).key("large").upload_id(&id).part_number(number.into());
        part.body(ByteStream::from(vec![number; bytes])).send()
    };
    let (first, second) = tokio::join!(part(1, 5 * 1024 * 1024), part(2, 100));
    let parts = [first, second]
        .into_iter()
        .zip(1..)
        .map(|(part, number)| CompletedPart::builder().part_number(number).e_tag(part.unwrap().e_tag.unwrap()).build());
    let whole = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("large").upload_id(&id).multipart_upload(whole);
    complete.send().await.unwrap();
    let read = get(&s3, "large").await;
    assert_eq!((read.len(), read[0], read[read.len() - 1]), (5 * 1024 * 1024 + 100, 1, 2));
    engines.stop().await;
}

#[tokio::test]
async fn objects_outlive_the_engine_with_what_is_known_of_them() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "kept.json", *b"{}").await;
    let tag = s3.head_object().bucket(BUCKET).key("kept.json").send().await.unwrap().e_tag;
    let hidden = files(&folder.path().join("data/s3"));
    engines.stop().await;

    let (engines, _) = started(&folder).await;
    assert_eq!(files(&folder.path().join("data/s3")), hidden);
    let s3 = super::s3(&engines);
    assert_eq!(s3.head_object().bucket(BUCKET).key("kept.json").send().await.unwrap().e_tag, tag);
    assert_eq!(get(&s3, "kept.json").await, b"{}");
    engines.stop().await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away_at_the_start() {
    let folder = Scratch::new();
    let (engines, s3) = with_bucket(&folder).await;
    put(&s3, "replaced.json", *b"old").await;
    put(&s3, "deleted.json", *b"gone").await;
    s3.delete_object().bucket(BUCKET).key("deleted.json").send().await.unwrap();
    let upload = s3.create_multipart_upload().bucket(BUCKET).key("large").send().await.unwrap().upload_id.unwrap();
    let part = s3.upload_part().bucket(BUCKET).key("large").upload_id(upload).part_number(1);
    part.body(ByteStream::from_static(b"part")).send().await.unwrap();
    engines.stop().await;
    let root = folder.path().join("data/s3");
    // Killed while it wrote one object, and just after it had put another in its place.
    std::fs::write(root.join(".tmp.7.internal.part"), "half an obj").unwrap();
    std::fs::write(root.join(BUCKET).join("replaced.json"), "new").unwrap();

    let (engines, _) = started(&folder).await;
    assert_eq!(get(&super::s3(&engines), "replaced.json").await, b"new", "not refused for the old one's checksum");
    let left = files(&root);
    assert_eq!(left.len(), 2, "the object and its metadata: {left:?}");
    engines.stop().await;
}
