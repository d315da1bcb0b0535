//! The queue of events, and the bus.

use function_edge::LambdaEvent;
use learning_core::dataset::{Dataset, Epoch};
use learning_core::event::{EventType, UserId};
use learning_core::store::{Bus, Fact, Quarantine, UserEventLog};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployed::{ACCOUNT, Deployed, REGION};

/// Messages as Lambda hands them to a function.
fn sqs_event(messages: &[Value]) -> Value {
    let records = messages.iter().map(|message| {
        json!({
            "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
            "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:events"),
            "awsRegion": REGION,
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn invocation(payload: &Value) -> LambdaEvent<Box<function_edge::RawValue>> {
    LambdaEvent::new(serde_json::value::to_raw_value(payload).unwrap(), Default::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_queue_are_taken_in_and_what_is_none_is_quarantined() {
    let deployed = Deployed::find().await;
    let queue = deployed.queue(&std::env::var("EVENTS_QUEUE").unwrap()).await;
    let user = Uuid::new_v4();
    let event = json!({
        "event_id": Uuid::new_v4(), "user_id": user, "event_type": "page_view", "occurred_at": "2026-06-01T09:30:00Z",
        "data": {"page": "/"},
    });
    let broken = format!("{{broken {user}");
    for body in [event.to_string(), broken.clone()] {
        deployed.call("sqs", "SendMessage", &json!({"QueueUrl": queue, "MessageBody": body})).await.unwrap();
    }
    let mut messages = Vec::new();
    while messages.len() < 2 {
        messages.extend(deployed.receive(&queue, 60).await);
    }
    let state = event_ingestion::State::new(&deployed.clients, &deployed.settings);
    let answer = event_ingestion::handle(&state, invocation(&sqs_event(&messages))).await.unwrap();
    assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": []}));
    for message in &messages {
        deployed.delete(&queue, message).await;
    }
    let stored = UserEventLog::new(&deployed.clients)
        .of_types(UserId(user), &[EventType::from_name("page_view")])
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    let kept = Quarantine::new(&deployed.clients).list().await.unwrap();
    assert!(kept.iter().any(|kept| kept.body.contains("{broken")), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_five_times_is_a_dead_letter() {
    let deployed = Deployed::find().await;
    let name = std::env::var("EVENTS_QUEUE").unwrap();
    let (queue, dead_letters) = (deployed.queue(&name).await, deployed.queue(&format!("{name}-dead-letters")).await);
    let wanted = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    let attributes = deployed.call("sqs", "GetQueueAttributes", &wanted).await.unwrap()["Attributes"].take();
    assert_eq!(attributes["VisibilityTimeout"], "720", "six times what the function may take");
    let redrive: Value = serde_json::from_str(attributes["RedrivePolicy"].as_str().unwrap()).unwrap();
    // The same policy on a queue of its own: that of the events is emptied by another test.
    let (own, _) = deployed.make_queue().await;
    let set = json!({"QueueUrl": own, "Attributes": {"RedrivePolicy": redrive.to_string()}});
    deployed.call("sqs", "SetQueueAttributes", &set).await.unwrap();
    deployed.call("sqs", "SendMessage", &json!({"QueueUrl": own, "MessageBody": "again and again"})).await.unwrap();
    for _ in 0..5 {
        assert_eq!(deployed.receive(&own, 0).await.len(), 1);
    }
    assert!(deployed.receive(&own, 0).await.is_empty(), "it is there no more");
    let dead = deployed.receive(&dead_letters, 60).await;
    assert!(dead.iter().any(|message| message["Body"] == "again and again"), "{dead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_reaches_the_target_of_its_rule_and_no_other() {
    let deployed = Deployed::find().await;
    let bus = deployed.settings.resources.bus.clone();
    let rules: Vec<Value> = serde_json::from_str(include_str!("../../infra/rules.json")).unwrap();
    for rule in &rules {
        let name = format!("{bus}-{}", rule["name"].as_str().unwrap());
        let deployed_rule = deployed.call("events", "DescribeRule", &json!({"Name": name, "EventBusName": bus})).await;
        let pattern = deployed_rule.unwrap()["EventPattern"].take();
        assert_eq!(serde_json::from_str::<Value>(pattern.as_str().unwrap()).unwrap(), rule["pattern"], "{name}");
    }

    let (queue, arn) = deployed.make_queue().await;
    let target = json!({
        "Rule": format!("{bus}-dataset-ready"), "EventBusName": bus, "Targets": [{"Id": "a-test", "Arn": arn}],
    });
    deployed.call("events", "PutTargets", &target).await.unwrap();
    let publisher = Bus::new(&deployed.clients);
    publisher.publish(&Fact::ThresholdReached(Dataset::SEGMENTATION)).await.unwrap();
    publisher.publish(&Fact::DatasetReady { dataset: Dataset::SEGMENTATION, epoch: Epoch::FIRST }).await.unwrap();
    let mut messages = Vec::new();
    while messages.is_empty() {
        messages = deployed.receive(&queue, 60).await;
    }
    assert_eq!(messages.len(), 1);
    let fact: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&fact["detail-type"], &fact["detail"]["dataset"]), (&json!("dataset ready"), &json!("segmentation")));
    let state = data_preparation::State::new(&deployed.clients, &deployed.settings);
    let answer = data_preparation::handle(&state, invocation(&fact)).await.unwrap();
    assert_eq!(serde_json::to_value(answer).unwrap(), json!({"not_due": true}), "it understands the fact");
    assert!(deployed.receive(&queue, 60).await.is_empty(), "the other fact has another rule");
}
