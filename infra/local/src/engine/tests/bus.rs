use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::json;

use super::*;

fn fact(detail_type: &str, detail: &str) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source("fincoach.learning")
        .detail_type(detail_type)
        .detail(detail)
        .event_bus_name("fincoach")
        .time(DateTime::from_secs(1_767_225_600))
        .build()
}

#[tokio::test]
async fn a_fact_arrives_at_the_target_of_its_rule_in_eventbridges_envelope() {
    let folder = Scratch::new();
    let (engines, mut delivered) = started(&folder).await;
    let facts =
        [fact("threshold reached", r#"{"dataset":"spending"}"#), fact("unheard of", "{}"), fact("dataset ready", "{}")];
    let answer = eventbridge(&engines).put_events().set_entries(Some(facts.to_vec())).send().await.unwrap();
    assert_eq!(answer.failed_entry_count(), 0);
    assert_eq!(answer.entries().len(), 3);

    let first = delivered.recv().await.unwrap();
    assert_eq!((first.target.as_str(), first.rule.as_str()), ("quality-assessment", "threshold-reached"));
    assert_eq!(
        first.event,
        json!({
            "version": "0",
            "id": answer.entries()[0].event_id(),
            "detail-type": "threshold reached",
            "source": "fincoach.learning",
            "account": "000000000000",
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": { "dataset": "spending" },
        })
    );
    assert_eq!(delivered.recv().await.unwrap().target, "data-preparation");
    assert!(delivered.try_recv().is_err(), "a fact without a rule goes nowhere");
    engines.stop().await;
}

#[tokio::test]
async fn a_faulty_entry_fails_alone() {
    let folder = Scratch::new();
    let (engines, mut delivered) = started(&folder).await;
    let facts =
        [fact("dataset ready", "not json"), fact("dataset ready", "[]"), fact("", "{}"), fact("dataset ready", "{}")];
    let answer = eventbridge(&engines).put_events().set_entries(Some(facts.to_vec())).send().await.unwrap();
    assert_eq!(answer.failed_entry_count(), 3);
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(codes, [Some("MalformedDetail"), Some("MalformedDetail"), Some("InvalidArgument"), None]);
    assert!(delivered.recv().await.is_some() && delivered.try_recv().is_err());
    engines.stop().await;
}

#[tokio::test]
async fn a_fact_that_nobody_can_receive_is_not_taken() {
    let folder = Scratch::new();
    let (engines, delivered) = started(&folder).await;
    drop(delivered);
    let answer = eventbridge(&engines).put_events().entries(fact("dataset ready", "{}")).send().await.unwrap();
    assert_eq!(answer.entries()[0].error_code(), Some("InternalFailure"));
    engines.stop().await;
}

#[tokio::test]
async fn what_the_bus_cannot_do_is_refused_in_the_words_of_aws() {
    let folder = Scratch::new();
    let (engines, _delivered) = started(&folder).await;
    let unknown = eventbridge(&engines).list_rules().send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
    let eleven = vec![fact("dataset ready", "{}"); 11];
    let too_many = eventbridge(&engines).put_events().set_entries(Some(eleven)).send().await.unwrap_err();
    assert_eq!(too_many.code(), Some("ValidationException"));
    engines.stop().await;
}
