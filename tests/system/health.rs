//! Ingestion goes on while what is behind it does not work, and the health says so.

use std::collections::BTreeMap;

use fincoach_local::function::Function;
use learning_core::dataset::lifecycle::State;
use learning_core::dataset::{Dataset, Version};
use learning_core::event::identity::Occurrences;
use learning_core::usecase::{Announce, CheckHealth, Dependencies, Evaluate, Health, Ingest, Outcome};
use serde_json::Value;

use crate::bare::{Bare, terms};
use crate::support::{Running, transaction};

/// Clients for which some services are not there.
fn without(bare: &Bare, s3: bool, bus: bool, dynamodb: bool) -> learning_core::store::Clients {
    let mut at = bare.engines().endpoints();
    for (down, url) in [(s3, &mut at.s3), (bus, &mut at.bus), (dynamodb, &mut at.dynamodb)] {
        if down {
            *url = "http://127.0.0.1:9".to_owned();
        }
    }
    fincoach_local::environment::clients_at(&at, &bare.settings)
}

async fn health(clients: &learning_core::store::Clients, bare: &Bare) -> (Health, BTreeMap<&'static str, Health>) {
    let told = CheckHealth::new(clients, &bare.settings).check(chrono::Utc::now()).await;
    (told.status, told.dependencies.iter().map(|one| (one.name, one.status)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_dependency_that_is_down_is_named_and_only_that() {
    use Health::{Degraded, Healthy, Unavailable};
    let bare = Bare::start(&[]).await;
    assert_eq!(health(&bare.clients, &bare).await.0, Healthy);
    for (s3, bus, dynamodb, overall) in [
        (true, false, false, Degraded),
        (false, true, false, Degraded),
        (true, true, false, Degraded),
        (false, false, true, Unavailable),
    ] {
        let (status, each) = health(&without(&bare, s3, bus, dynamodb), &bare).await;
        let expected = [
            ("s3", if s3 { Degraded } else { Healthy }),
            ("bus", if bus { Degraded } else { Healthy }),
            ("dynamodb", if dynamodb { Unavailable } else { Healthy }),
        ];
        assert_eq!((status, each), (overall, BTreeMap::from(expected)));
    }
    bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_in_while_bus_and_bucket_are_down() {
    let bare = Bare::start(&[("THRESHOLD_SPENDING", "5")]).await;
    let broken = without(&bare, true, true, false);
    let ingest = Ingest::new(&broken, &bare.settings);
    let events: Vec<Value> = (0..8).map(|number| transaction(1, number)).collect();
    let outcomes = ingest
        .ingest(
            events.into_iter().map(|event| Ok(event.into())).collect(),
            &terms(chrono::Utc::now()),
            &mut Occurrences::default(),
        )
        .await
        .unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })), "{outcomes:?}");

    // Readiness moves on durably, and what it could not tell, a later sweep tells.
    let now = chrono::Utc::now();
    let evaluate = Evaluate::new(&broken, &bare.settings);
    assert!(evaluate.evaluate(Dataset::SPENDING, Announce::Changes, now).await.is_err(), "nobody hears it");
    let mut bare = bare;
    assert!(bare.deliveries.try_recv().is_err());
    let evaluate = Evaluate::new(&bare.clients, &bare.settings);
    let state = evaluate.evaluate(Dataset::SPENDING, Announce::Standing, now).await.unwrap();
    assert_eq!(state, Some(State::Assessing));
    let told = bare.deliveries.recv().await.unwrap();
    assert_eq!(told.event["detail-type"], "threshold reached");
    bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_taken_in_while_any_other_function_is_down_and_the_rest_is_made_up_for() {
    for function in [Function::QualityAssessment, Function::ReadinessCheck, Function::DataPreparation] {
        let running = Running::start().await;
        running.stack.switch(function, false);
        for first in [0, 500] {
            let events: Vec<Value> = (first..first + 500).map(|number| transaction(number % 11, number)).collect();
            let (status, answer) = running.send(&events).await;
            assert_eq!((status, &answer["accepted"]), (202, &500.into()), "{function:?}");
        }
        // Longer than a delivery is tried: what it would have told is lost.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let spending = |overviews: Vec<learning_core::usecase::Overview>| {
            overviews.into_iter().find(|overview| overview.head.dataset == Dataset::SPENDING).unwrap()
        };
        let down = spending(running.stack.overviews().await.unwrap());
        assert_eq!((down.open.counting, down.head.last_version), (1_000, None), "{function:?}");

        running.stack.switch(function, true);
        running.stack.settle().await.unwrap();
        let up = spending(running.stack.overviews().await.unwrap());
        assert_eq!(up.head.last_version, Some(Version(1)), "{function:?}");
        crate::support::assert_counts_are_exact(&running.stack).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_overdue_shows() {
    let bare = Bare::start(&[("THRESHOLD_SPENDING", "5")]).await;
    let ingest = Ingest::new(&bare.clients, &bare.settings);
    let long_ago = chrono::Utc::now() - chrono::Duration::hours(3);
    let events = (0..8).map(|number| Ok(transaction(1, number).into())).collect();
    ingest.ingest(events, &terms(long_ago), &mut Occurrences::default()).await.unwrap();
    let told = CheckHealth::new(&bare.clients, &bare.settings).check(chrono::Utc::now()).await;
    let waiting = told.oldest_unprocessed_trigger.unwrap();
    assert_eq!((told.status, waiting.dataset), (Health::Degraded, Dataset::SPENDING));
    assert!(waiting.age_seconds > 10_000, "{waiting:?}");
    bare.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_that_nobody_takes_is_told_with_its_age_and_degrades_when_it_is_overdue() {
    for (function, step) in [
        (Function::ReadinessCheck, "evaluation"),
        (Function::QualityAssessment, "assessment"),
        (Function::DataPreparation, "preparation"),
    ] {
        let running = Running::start().await;
        let check = CheckHealth::new(&running.stack.clients, &running.stack.settings);
        assert_eq!(check.check(chrono::Utc::now()).await.oldest_unprocessed_trigger, None, "nothing has come in");
        running.stack.switch(function, false);
        for first in [0, 500] {
            let events: Vec<Value> = (first..first + 500).map(|number| transaction(number % 11, number)).collect();
            assert_eq!(running.send(&events).await.0, 202);
        }
        let mut told = check.check(chrono::Utc::now()).await;
        for _ in 0..100 {
            let waits_for = |told: &Dependencies| {
                let waiting =
                    told.oldest_unprocessed_trigger.as_ref().map(|waiting| serde_json::to_value(waiting).unwrap());
                waiting.is_some_and(|waiting| waiting["for"] == step && waiting["dataset"] == "spending")
            };
            if waits_for(&told) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            told = check.check(chrono::Utc::now()).await;
        }
        let waiting = told.oldest_unprocessed_trigger.unwrap_or_else(|| panic!("nothing waits with {function:?} down"));
        assert_eq!(serde_json::to_value(&waiting).unwrap()["for"], step);
        assert!((0..60).contains(&waiting.age_seconds), "{waiting:?}");
        assert_eq!(told.status, Health::Healthy, "it has not been waited for long");

        // The minimum interval, and a quarter of an hour.
        let due = running.stack.settings.min_interval + chrono::Duration::minutes(15);
        let late = check.check(waiting.since + due + chrono::Duration::seconds(1)).await;
        assert_eq!(late.status, Health::Degraded, "{step}");
        assert_eq!(late.oldest_unprocessed_trigger.unwrap().age_seconds, due.num_seconds() + 1);
        assert!(late.dependencies.iter().all(|one| one.status == Health::Healthy), "what is late is not down");

        running.stack.switch(function, true);
        running.stack.settle().await.unwrap();
        let (status, done) = running.get("health/dependencies").await;
        assert_eq!((status, &done["status"]), (200, &"healthy".into()), "{function:?}");
        assert_eq!(done["oldest_unprocessed_trigger"], Value::Null, "{function:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_asks_nobody() {
    let running = Running::start().await;
    let (status, health) = running.get("health").await;
    assert_eq!((status, health["status"].as_str()), (200, Some("healthy")));
    let (status, dependencies) = running.get("health/dependencies").await;
    assert_eq!((status, dependencies["status"].as_str()), (200, Some("healthy")));
    assert_eq!(dependencies["dependencies"].as_array().unwrap().len(), 3);
}
