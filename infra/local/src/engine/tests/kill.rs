//! A process that is killed loses nothing that it acknowledged.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::primitives::ByteStream;

use super::dynamodb::{create_table, item, put, write};
use super::s3::get;
use super::*;

const FOLDER: &str = "FINCOACH_TEST_FOLDER";

/// Not a test: what the child process runs, this same program again.
#[tokio::test]
#[ignore = "run by the test below, in a process of its own"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let options = Options { data_dir: folder.into(), s3_port: 0, dynamodb_port: 0 };
    let (deliveries, _delivered) = unbounded_channel();
    let engines = start(options, Rules::bundled().unwrap(), deliveries).await.unwrap();
    println!("\nengines {} {}", engines.dynamodb, engines.s3);
    std::future::pending::<()>().await;
}

/// The child and its endpoints of DynamoDB and S3.
fn spawn(folder: &Scratch) -> (Child, String, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["engine::tests::kill::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path().join("data"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let endpoints =
        lines.map(Result::unwrap).find_map(|line| line.strip_prefix("engines ").map(str::to_owned)).unwrap();
    let (dynamodb, s3) = endpoints.split_once(' ').unwrap();
    (child, dynamodb.to_owned(), s3.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_sigkill() {
    let folder = Scratch::new();
    let mut objects = Vec::new();
    let mut last_batch = 0;
    for round in 0..3_u8 {
        let (mut child, dynamodb, s3) = spawn(&folder);
        let credentials = Credentials::existing(&folder.path().join("data")).unwrap();
        let (db, s3) = (dynamodb_at(&dynamodb, &credentials), s3_at(&s3, &credentials));
        if round == 0 {
            create_table(&db).await;
            s3.create_bucket().bucket("fincoach").send().await.unwrap();
        }
        let writer = tokio::spawn(async move {
            let mut key = 0_u32;
            while s3
                .put_object()
                .bucket("fincoach")
                .key(format!("{round}/{key}"))
                .body(ByteStream::from(vec![round; 20_000]))
                .send()
                .await
                .is_ok()
            {
                key += 1;
            }
            key
        });
        for _ in 0..20 {
            last_batch += 1;
            write(&db, (0..50).map(|i| put("u", &format!("{last_batch}-{i}"))).collect()).await.unwrap();
        }
        // In the middle of the writer's puts.
        child.kill().unwrap();
        child.wait().unwrap();
        objects.push((round, writer.await.unwrap()));
    }

    let (engines, _delivered) = started(&folder).await;
    let (db, s3) = (dynamodb(&engines), s3(&engines));
    for batch in 1..=last_batch {
        assert!(
            item(&db, "u", &format!("{batch}-0")).await.is_some()
                && item(&db, "u", &format!("{batch}-49")).await.is_some()
        );
    }
    for (round, written) in objects {
        assert!(written > 0, "the writer wrote in round {round}");
        for key in 0..written {
            assert_eq!(get(&s3, &format!("{round}/{key}")).await, vec![round; 20_000]);
        }
    }
    engines.stop().await;
}
