//! Erasing a user: everything goes, and everything else stays exact.

use learning_core::dataset::{Dataset, Epoch};
use learning_core::event::UserId;
use learning_core::store::{Heads, Objects, Quarantine, Saved, Versions};
use learning_core::usecase::{ERASURE_PATIENCE, Erase, ErasureStatus, Prepare, Reconcile, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, any_event, assert_counts_are_exact, transaction};

fn user(number: u32) -> UserId {
    UserId(Uuid::from_u128(u128::from(number) + 1))
}

/// Waits until a receipt is complete, and answers it.
pub async fn completed(running: &Running, url: &str) -> Value {
    let erasure = url.rsplit('/').next().unwrap();
    let asked =
        json!({"source": "fincoach.learning", "detail-type": "erasure requested", "detail": {"erasure": erasure}});
    for _ in 0..20 {
        // As often as the fact may come: it changes nothing more.
        running.invoke_ingestion(&asked).await.unwrap();
        running.stack.settle().await.unwrap();
        let (status, receipt) = running.call("GET", url, None).await;
        assert_eq!(status, 200, "{receipt}");
        if receipt["status"] == "complete" {
            return receipt;
        }
    }
    panic!("the erasure does not come to an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_user_is_gone_from_everywhere_and_the_rest_stays_exact() {
    let running = Running::start().await;
    running.send_of(4, 150, any_event).await;
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    assert_eq!(running.force(Dataset::SEGMENTATION).await.0, 200);
    running.report_trained(Dataset::SPENDING).await;
    // Of an epoch that is still open.
    let later: Vec<Value> = (150..200).map(|event| any_event(2, event)).collect();
    assert_eq!(running.send(&later).await.1["accepted"], 50);
    running.stack.settle().await.unwrap();
    let before = assert_counts_are_exact(&running.stack).await;
    assert_eq!(before, 650);

    let path = format!("/coaching/users/{}/data", user(2));
    let (status, receipt) = running.call("DELETE", &path, None).await;
    assert_eq!(status, 202, "{receipt}");
    let url = receipt["receipt"].as_str().unwrap().to_owned();
    let (status, answer) = running.send(&[transaction(2, 900), transaction(1, 900)]).await;
    assert_eq!((status, &answer["accepted"], &answer["rejected"]), (202, &json!(1), &json!(1)), "{answer}");
    assert_eq!(answer["results"][0]["errors"][0]["code"], "erased");

    let receipt = completed(&running, &url).await;
    assert_eq!(receipt["events"], 200);
    assert!(receipt["affected"].as_array().unwrap().contains(&json!("spending")), "{receipt}");
    let spending = receipt["versions"].as_array().unwrap().iter().find(|part| part["dataset"] == "spending").unwrap();
    assert_eq!(spending["withdrawn"], json!([1]));
    assert_eq!(spending["successor"], 2);
    assert_eq!(spending["models"][0]["model_id"], "lstm");

    assert_eq!(assert_counts_are_exact(&running.stack).await, 451);
    let checks = Reconcile::new(&running.stack.clients, &running.stack.settings).reconcile().await.unwrap();
    assert!(checks.iter().all(|check| !check.differs()), "{checks:?}");
    let objects = Objects::new(&running.stack.clients);
    assert_eq!(objects.list("prepared/spending/v000001/").await.unwrap(), Vec::<String>::new());
    let versions = Versions::new(&running.stack.clients).page(Dataset::SPENDING, 10, None).await.unwrap().items;
    assert!(versions[0].withdrawn.is_none() && versions[1].withdrawn.is_some());
    assert!(versions[0].input.events < versions[1].input.events);
    let (_, again) = running.call("DELETE", &path, None).await;
    assert_eq!(again["receipt"], url);
    assert_eq!(again["status"], "complete");
    assert_eq!(again["events"], 200);

    // Going on: what comes later is counted as before.
    assert_eq!(running.send(&[transaction(3, 901)]).await.1["accepted"], 1);
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    running.stack.settle().await.unwrap();
    assert_eq!(assert_counts_are_exact(&running.stack).await, 452);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_names_what_was_withdrawn_by_whoever_did_not_come_to_note_it() {
    let running = Running::start().await;
    running.send_of(2, 20, transaction).await;
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    running.report_trained(Dataset::SPENDING).await;
    let (_, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(1)), None).await;
    let url = receipt["receipt"].as_str().unwrap();
    let noted = completed(&running, url).await;

    // As if the replacement had crashed before it wrote its note.
    let part = format!("erasures/{}/spending.json", url.rsplit('/').next().unwrap());
    Objects::new(&running.stack.clients).delete(&part).await.unwrap();
    let mut again = completed(&running, url).await;
    again["versions"][0]["replaced_at"] = noted["versions"][0]["replaced_at"].clone();
    again["erased_at"] = noted["erased_at"].clone();
    assert_eq!(again, noted);
    assert_eq!(noted["versions"][0]["withdrawn"], json!([1]));
    assert_eq!(noted["versions"][0]["models"][0]["model_id"], "lstm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_version_takes_the_place_of_none() {
    let running = Running::start().await;
    running.send_of(1, 20, transaction).await;
    assert_eq!(running.force(Dataset::SPENDING).await.0, 200);
    let (_, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(0)), None).await;
    let url = receipt["receipt"].as_str().unwrap();
    let part = format!("erasures/{}/spending.json", url.rsplit('/').next().unwrap());
    let heads = Heads::new(&running.stack.clients);
    // As if the replacement had crashed nowhere, before its note, and before it wrote the head too.
    for crash in ["nowhere", "before the note", "before the head"] {
        let noted = completed(&running, url).await;
        let spending = &noted["versions"][0];
        assert_eq!((&spending["withdrawn"], &spending["successor"]), (&json!([1]), &Value::Null), "{crash}: {noted}");
        Objects::new(&running.stack.clients).delete(&part).await.unwrap();
        if crash == "before the note" {
            let mut head = heads.read(Dataset::SPENDING).await.unwrap().unwrap();
            head.erased_from = Some(Epoch::FIRST);
            assert_eq!(heads.save(&mut head, chrono::Utc::now()).await.unwrap(), Saved::Yes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_made_by_a_clock_that_is_ahead_is_replaced_too() {
    let running = Running::start().await;
    running.send_of(2, 20, transaction).await;
    let prepare = Prepare::new(&running.stack.clients, &running.stack.settings);
    let forced = Request::Forced { reason: "to try it".to_owned() };
    let tomorrow = chrono::Utc::now() + chrono::Duration::days(1);
    prepare.prepare(Dataset::SPENDING, &forced, tomorrow).await.unwrap();

    let (status, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(1)), None).await;
    assert_eq!(status, 202, "{receipt}");
    let receipt = completed(&running, receipt["receipt"].as_str().unwrap()).await;
    let spending = receipt["versions"].as_array().unwrap().iter().find(|part| part["dataset"] == "spending").unwrap();
    assert_eq!((&spending["withdrawn"], &spending["successor"]), (&json!([1]), &json!(2)), "{receipt}");
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_for_a_version_that_is_being_made_but_not_for_ever() {
    let running = Running::start().await;
    running.send_of(2, 20, transaction).await;
    running.stack.settle().await.unwrap();
    let now = chrono::Utc::now();
    running.begin_preparation(Dataset::SPENDING, now, chrono::Duration::hours(6)).await;

    let (_, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(1)), None).await;
    let erasure = receipt["erasure_id"].as_str().unwrap().parse().unwrap();
    let erase = Erase::new(&running.stack.clients);
    let waiting = erase.carry_out(erasure, now).await.unwrap();
    assert_eq!((waiting.status, waiting.events), (ErasureStatus::Requested, 0));
    assert_eq!(running.send(&[transaction(1, 900)]).await.1["rejected"], 1, "nothing more of the user comes in");

    let erased = erase.carry_out(erasure, now + ERASURE_PATIENCE + chrono::Duration::minutes(1)).await.unwrap();
    assert_eq!(erased.events, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_race_with_an_erasure_are_gone_or_refused() {
    let running = std::sync::Arc::new(Running::start().await);
    let sending: Vec<_> = (0..4u32)
        .map(|sender| {
            let running = std::sync::Arc::clone(&running);
            tokio::spawn(async move {
                for batch in 0..10 {
                    let first = sender * 1_000 + batch * 30;
                    let mut events: Vec<Value> = (first..first + 20).map(|event| any_event(7, event)).collect();
                    events.extend((first..first + 10).map(|event| any_event(8, event)));
                    assert_eq!(running.send(&events).await.0, 202);
                }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (status, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(7)), None).await;
    assert_eq!(status, 202);
    for sender in sending {
        sender.await.unwrap();
    }
    completed(&running, receipt["receipt"].as_str().unwrap()).await;
    let stored = assert_counts_are_exact(&running.stack).await;
    assert_eq!(stored, 4 * 10 * 10, "only the other user's are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_originals_go_too_and_an_unknown_user_gets_a_receipt() {
    let running = Running::start().await;
    let mut bad = transaction(5, 1);
    bad["data"]["amount"] = json!("much");
    let message = |id: &str, event: &Value| {
        json!({"messageId": id, "body": event.to_string(), "eventSource": "aws:sqs",
               "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events"})
    };
    let mut other = bad.clone();
    other["user_id"] = json!(user(6));
    let payload = json!({"Records": [message("a", &bad), message("b", &other)]});
    running.invoke_ingestion(&payload).await.unwrap();
    let quarantine = Quarantine::new(&running.stack.clients);
    assert_eq!(quarantine.list().await.unwrap().len(), 2);

    let (_, receipt) = running.call("DELETE", &format!("/coaching/users/{}/data", user(5)), None).await;
    let url = receipt["receipt"].as_str().unwrap();
    let receipt = completed(&running, url).await;
    assert_eq!((&receipt["events"], &receipt["quarantined"]), (&json!(0), &json!(1)));
    // As if whoever removed them had come no further.
    let mut begun = receipt.clone();
    (begun["erased_at"], begun["quarantined"]) = (Value::Null, json!(0));
    let key = format!("erasures/{}.json", url.rsplit('/').next().unwrap());
    let objects = Objects::new(&running.stack.clients);
    objects.put(&key, begun.to_string().into_bytes(), "application/json").await.unwrap();
    assert_eq!(completed(&running, url).await["quarantined"], 1);
    let left = quarantine.list().await.unwrap();
    assert!(left.len() == 1 && left[0].mentions(user(6)));

    let stranger = format!("/coaching/users/{}/erasures/{}", user(6), receipt["erasure_id"].as_str().unwrap());
    assert_eq!(running.call("GET", &stranger, None).await.0, 404, "a receipt is its user's");
    assert_eq!(running.call("DELETE", "/coaching/users/nobody/data", None).await.0, 400);
}
