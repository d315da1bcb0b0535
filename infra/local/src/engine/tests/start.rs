use std::net::TcpListener;

use super::*;

async fn refusal(options: Options) -> String {
    let (deliveries, _delivered) = unbounded_channel();
    match start(options, Rules::bundled().unwrap(), deliveries).await {
        Ok(_) => panic!("it started"),
        Err(e) => format!("{e:#}"),
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let folder = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(
        refusal(Options { s3_port: port, ..options(&folder) }).await,
        format!("port {port} (S3) is in use: stop the program that listens on it, or choose another with --port")
    );
    assert!(
        refusal(Options { dynamodb_port: port, ..options(&folder) })
            .await
            .starts_with(&format!("port {port} (DynamoDB) is in use"))
    );
    // The refused starts gave the folder up.
    started(&folder).await.0.stop().await;
}

#[tokio::test]
async fn one_data_folder_is_used_by_one_process_at_a_time() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let refused = refusal(options(&folder)).await;
    let (path, process) = (folder.path().join("data"), std::process::id());
    assert_eq!(
        refused,
        format!(
            "the data folder {} is in use by process {process}: stop it, or choose another folder with --data-dir",
            path.display()
        )
    );
    engines.stop().await;
    started(&folder).await.0.stop().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named_with_the_reason() {
    let folder = Scratch::new();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    let refused = refusal(options(&folder)).await;
    assert!(
        refused.contains("data cannot be used (") && refused.ends_with("choose another with --data-dir"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_database_that_is_none_is_named_and_left_alone() {
    let folder = Scratch::new();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("dynamodb.sqlite"), "somebody's notes ".repeat(100)).unwrap();
    let refused = refusal(options(&folder)).await;
    assert!(refused.starts_with("cannot open the database ") && refused.contains("dynamodb.sqlite"), "{refused}");
    assert!(!refused.contains('\n'));
    assert!(std::fs::read_to_string(data.join("dynamodb.sqlite")).unwrap().starts_with("somebody's notes"));
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_client_that_is_idle() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let (db, s3, events) = (dynamodb(&engines), s3(&engines), eventbridge(&engines));
    db.list_tables().send().await.unwrap();
    s3.list_buckets().send().await.unwrap();
    events.list_rules().send().await.unwrap_err();
    let asked = std::time::Instant::now();
    engines.stop().await;
    assert!(asked.elapsed() < crate::engine::server::GRACE / 2);
}
