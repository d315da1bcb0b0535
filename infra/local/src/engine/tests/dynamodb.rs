use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    StreamSpecification, StreamViewType, TimeToLiveSpecification, TransactWriteItem, Update,
};
use serde_json::{Value, json};

use super::*;
use crate::engine::dynamodb::streams::KEPT;

const TABLE: &str = "datasets";

pub(super) async fn create_table(db: &db::Client) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let text = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    db.create_table()
        .table_name(TABLE)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(text("pk"))
        .attribute_definitions(text("sk"))
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::KeysOnly)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
}

pub(super) fn put(pk: &str, sk: &str) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .item("pk", AttributeValue::S(pk.into()))
        .item("sk", AttributeValue::S(sk.into()))
        .condition_expression("attribute_not_exists(pk)");
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

/// Adds `by` to the counter `pk`, on the condition that its epoch is `epoch`, or not set yet.
fn count(pk: &str, by: usize, epoch: usize) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(TABLE)
        .key("pk", AttributeValue::S(pk.into()))
        .key("sk", AttributeValue::S("count".into()))
        .update_expression("ADD n :by SET epoch = :epoch")
        .condition_expression("attribute_not_exists(epoch) OR epoch = :epoch")
        .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
        .expression_attribute_values(":epoch", AttributeValue::N(epoch.to_string()));
    TransactWriteItem::builder().update(update.build().unwrap()).build()
}

pub(super) async fn write(db: &db::Client, items: Vec<TransactWriteItem>) -> Result<(), Vec<String>> {
    match db
        .transact_write_items()
        .set_transact_items(Some(items))
        .send()
        .await
        .map_err(db::error::SdkError::into_service_error)
    {
        Ok(_) => Ok(()),
        Err(db::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            Err(cancelled.cancellation_reasons().iter().map(|r| r.code().unwrap_or_default().to_owned()).collect())
        }
        Err(e) => panic!("{e:?}"),
    }
}

pub(super) async fn item(db: &db::Client, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
    let key = |value: &str| AttributeValue::S(value.into());
    let read = db.get_item().table_name(TABLE).key("pk", key(pk)).key("sk", key(sk)).consistent_read(true);
    read.send().await.unwrap().item
}

/// One call of DynamoDB Streams, for which the SDK has a crate of its own.
async fn streams(engines: &Engines, operation: &str, body: Value) -> Value {
    let (target, body) = (format!("DynamoDBStreams_20120810.{operation}"), body.to_string());
    let answer = super::strangers::post(&engines.dynamodb, "dynamodb", &engines.credentials, &target, &body);
    answer.await.error_for_status().unwrap().json().await.unwrap()
}

/// The sequence numbers that a reader from the trim horizon meets, in its order.
async fn stream(engines: &Engines) -> Vec<u128> {
    let arn = streams(engines, "ListStreams", json!({ "TableName": TABLE })).await["Streams"][0]["StreamArn"].clone();
    let stream = streams(engines, "DescribeStream", json!({ "StreamArn": arn })).await;
    let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
    let start = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let mut iterator = streams(engines, "GetShardIterator", start).await["ShardIterator"].clone();
    let mut numbers = Vec::new();
    loop {
        let page = streams(engines, "GetRecords", json!({ "ShardIterator": iterator })).await;
        let records = page["Records"].as_array().unwrap();
        if records.is_empty() {
            return numbers;
        }
        numbers
            .extend(records.iter().map(|r| r["dynamodb"]["SequenceNumber"].as_str().unwrap().parse::<u128>().unwrap()));
        iterator = page["NextShardIterator"].clone();
    }
}

#[tokio::test]
async fn a_conditional_put_succeeds_once() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    create_table(&db).await;
    let put = || {
        let text = |value: &str| AttributeValue::S(value.into());
        let put = db.put_item().table_name(TABLE).item("pk", text("a")).item("sk", text("b"));
        put.condition_expression("attribute_not_exists(pk)").send()
    };
    put().await.unwrap();
    assert!(put().await.unwrap_err().into_service_error().is_conditional_check_failed_exception());
    engines.stop().await;
}

#[tokio::test]
async fn a_cancelled_transaction_names_what_failed_and_changes_nothing() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    create_table(&db).await;
    write(&db, vec![put("u", "1"), count("c", 1, 1)]).await.unwrap();
    let repeated = write(&db, vec![put("u", "0"), put("u", "1"), count("c", 2, 1)]).await;
    assert_eq!(repeated.unwrap_err(), ["None", "ConditionalCheckFailed", "None"]);
    let late = write(&db, vec![put("u", "2"), count("c", 1, 2)]).await;
    assert_eq!(late.unwrap_err(), ["None", "ConditionalCheckFailed"]);
    assert_eq!(item(&db, "c", "count").await.unwrap()["n"], AttributeValue::N("1".into()));
    assert!(item(&db, "u", "0").await.is_none() && item(&db, "u", "2").await.is_none());
    engines.stop().await;
}

#[tokio::test]
async fn data_outlive_the_engine() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    create_table(&db).await;
    write(&db, vec![put("u", "1"), count("c", 7, 1)]).await.unwrap();
    engines.stop().await;

    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    assert!(item(&db, "u", "1").await.is_some());
    assert_eq!(item(&db, "c", "count").await.unwrap()["n"], AttributeValue::N("7".into()));
    engines.stop().await;
}

#[tokio::test]
async fn a_stream_is_trimmed_at_the_start_and_its_numbers_go_on() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    create_table(&db).await;
    let more = 2;
    for batch in 0..KEPT as usize / 100 {
        write(&db, (0..100).map(|i| put("u", &format!("{batch}-{i}"))).collect()).await.unwrap();
    }
    write(&db, (0..more).map(|i| put("v", &i.to_string())).collect()).await.unwrap();
    let before = stream(&engines).await;
    assert_eq!(before.len(), KEPT as usize + more);
    engines.stop().await;

    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    let kept = stream(&engines).await;
    assert_eq!(kept, before[more..], "the newest remain");
    write(&db, vec![put("w", "1")]).await.unwrap();
    let after = stream(&engines).await;
    assert_eq!(after.len(), kept.len() + 1);
    assert!(after.is_sorted_by(|a, b| a < b));
    engines.stop().await;
}

#[tokio::test]
async fn expired_items_are_deleted_after_a_start() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    create_table(&db).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
    db.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl).send().await.unwrap();
    let text = |value: &str| AttributeValue::S(value.into());
    let now = chrono::Utc::now().timestamp();
    for (sk, expires) in [("past", now - 60), ("future", now + 3600)] {
        let put = db.put_item().table_name(TABLE).item("pk", text("a")).item("sk", text(sk));
        put.item("expires", AttributeValue::N(expires.to_string())).send().await.unwrap();
    }
    engines.stop().await;

    let (engines, _delivered) = started(&folder).await;
    let db = dynamodb(&engines);
    let mut tries = 0;
    while item(&db, "a", "past").await.is_some() {
        tries += 1;
        assert!(tries < 500, "it stays");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(item(&db, "a", "future").await.is_some());
    engines.stop().await;
}
