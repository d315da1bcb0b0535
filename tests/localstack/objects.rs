//! Objects in LocalStack's S3, through the code that the service uses.

use std::time::Duration;

use futures::future::join_all;
use learning_core::store::{Objects, PutOutcome};

use crate::deployed::Deployed;

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_written_read_listed_linked_and_deleted() {
    let deployed = Deployed::find().await;
    let objects = Objects::new(&deployed.clients);
    objects.reach().await.unwrap();
    let prefix = format!("prepared/{}/", uuid::Uuid::new_v4());
    let key = |name: &str| format!("{prefix}{name}");
    assert_eq!(objects.get(&key("a")).await.unwrap(), None);
    objects.put(&key("a"), b"first".to_vec(), "text/plain").await.unwrap();
    objects.put(&key("a"), b"second".to_vec(), "text/plain").await.unwrap();
    assert_eq!(objects.get(&key("a")).await.unwrap().unwrap(), b"second");

    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|place| (place % 251) as u8).collect();
    std::fs::write(&from, &bytes).unwrap();
    objects.put_file(&key("b"), &from, "application/octet-stream").await.unwrap();
    assert!(objects.get_file(&key("b"), &to).await.unwrap());
    assert!(std::fs::read(&to).unwrap() == bytes, "20 MB come back as they went");
    let part = objects.get_part(&key("b"), 19_999_990, 100).await.unwrap().unwrap();
    assert_eq!(part.bytes, bytes[19_999_990..]);
    assert!(objects.get_part(&key("b"), 20_000_000, 100).await.unwrap().unwrap().bytes.is_empty());

    let link = objects.link(&key("a"), Duration::from_secs(60)).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(&link).send().await.unwrap().bytes().await.unwrap(), "second");
    let short = objects.link(&key("a"), Duration::from_secs(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(client.get(&short).send().await.unwrap().status(), 403, "the link has ended");

    assert_eq!(objects.list(&prefix).await.unwrap(), [key("a"), key("b")]);
    objects.delete_all(&prefix).await.unwrap();
    assert_eq!(objects.get(&key("a")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_put_what_must_not_be_replaced_one_does() {
    let deployed = Deployed::find().await;
    let objects = Objects::new(&deployed.clients);
    let key = format!("prepared/{}/manifest.json", uuid::Uuid::new_v4());
    let puts = (0..16_u8).map(|writer| objects.put_new(&key, vec![writer], "application/json"));
    let outcomes: Vec<PutOutcome> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PutOutcome::Created).count(), 1, "{outcomes:?}");
    let winner = outcomes.iter().position(|outcome| *outcome == PutOutcome::Created).unwrap();
    assert_eq!(objects.get(&key).await.unwrap().unwrap(), [winner as u8]);
}
