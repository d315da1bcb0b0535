//! From events to versions, and over to trainers.

use chrono::{Duration, Utc};
use fincoach_local::function::Function;
use learning_core::dataset::Dataset;
use learning_core::store::{Heads, Hold, Objects};
use learning_core::usecase::{Prepare, Prepared, Request};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::support::{Running, any_event, assert_counts_are_exact, event, transaction};

/// Some events of all types; the same numbers, the same events. Fewer than 400
/// reach no threshold, so that nothing is prepared by itself.
async fn fill(running: &Running, numbers: std::ops::Range<u32>) {
    let events: Vec<Value> = numbers.map(|number| any_event(number % 13, number)).collect();
    for batch in events.chunks(500) {
        assert_eq!(running.send(batch).await.0, 202);
    }
}

fn versions(dataset: Dataset) -> String {
    format!("datasets/{}/versions", dataset.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dataset_is_prepared_handed_over_and_trained_on() {
    let running = Running::start().await;
    fill(&running, 0..300).await;
    // Two goals that were pursued, so that there is something to learn.
    let goal = |number, word| event(1, number, "goal_modification", json!({"goal_id": "g", "interaction_type": word}));
    running.send(&[goal(9_000, "create"), goal(9_001, "achieve")]).await;
    let action = json!({"recommendation_id": "r", "interaction_type": "click", "action_id": 1});
    running.send(&[event(1, 9_002, "recommendation_interaction", action)]).await;

    for dataset in Dataset::all() {
        let (status, prepared) = running.force(dataset).await;
        assert_eq!((status, &prepared["version"]), (200, &json!(1)), "{dataset}: {prepared}");
        assert!(prepared["prepared_data"]["user_count"].as_u64().unwrap() > 0, "{dataset}: {prepared}");

        let (status, version) = running.get(&format!("{}/1", versions(dataset))).await;
        assert_eq!(status, 200, "{version}");
        assert!(version["content"]["certificate"]["subjects"].as_u64().unwrap() > 0, "{version}");
        let files = version["links"]["files"].as_array().unwrap();
        for name in ["manifest.json", "statistics.json", "quality.json", "croissant.json", "README.md", "report.html"] {
            assert!(files.iter().any(|file| file["path"] == name), "{name} of {dataset}");
        }
        for file in files {
            let answer = running.client.get(file["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{file}");
            let bytes = answer.bytes().await.unwrap();
            if let Some(sha256) = file["sha256"].as_str() {
                assert_eq!(hex::encode(Sha256::digest(&bytes)), sha256);
            }
        }

        let trained = json!({"model_id": "m", "model_version": "7", "metrics": {"auc": 0.5}, "trained_at": "2026-05-01T00:00:00Z"});
        let (status, report) = running.post(&format!("{}/1/trained", versions(dataset)), trained.clone()).await;
        assert_eq!((status, &report["digest"]), (201, &prepared["digest"]), "{report}");
        assert_eq!(running.post(&format!("{}/v000001/trained", versions(dataset)), trained).await.0, 200);
        let (_, listed) = running.get(&versions(dataset)).await;
        assert_eq!((&listed["count"], &listed["versions"][0]["trained"][0]["model_version"]), (&json!(1), &json!("7")));
        let (_, head) = running.get(&format!("datasets/{}", dataset.id())).await;
        assert_eq!(head["last_training_date"], "2026-05-01T00:00:00Z");
    }
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_version_changed_is_told_by_its_diff() {
    let running = Running::start().await;
    fill(&running, 0..300).await;
    running.force(Dataset::SPENDING).await;
    let more: Vec<Value> = (0..40).map(|number| transaction(40 + number % 2, 5_000 + number)).collect();
    running.send(&more).await;
    running.force(Dataset::SPENDING).await;
    let (status, diff) = running.get(&format!("{}/1/diff/2", versions(Dataset::SPENDING))).await;
    assert_eq!(status, 200, "{diff}");
    assert_eq!((&diff["changes"]["users_added"], &diff["changes"]["users_gone"]), (&json!(2), &json!(0)), "{diff}");
    assert!(diff["drift"].as_array().unwrap().iter().any(|drift| drift["column"] == "groceries"), "{diff}");
    assert_eq!(diff["target"]["target"], "y");
    assert_eq!(running.get(&format!("{}/1/diff/9", versions(Dataset::SPENDING))).await.0, 404);
    assert_eq!(running.get(&format!("{}/0", versions(Dataset::SPENDING))).await.0, 400);
    let (_, page) = running.get(&format!("{}?limit=1", versions(Dataset::SPENDING))).await;
    assert_eq!((&page["versions"][0]["version"], &page["next"]), (&json!(2), &json!("2")));
    let (_, older) = running.get(&format!("{}?limit=1&cursor=2", versions(Dataset::SPENDING))).await;
    assert_eq!(older["versions"][0]["version"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_closes_no_epoch_and_has_the_same_content() {
    let running = Running::start().await;
    fill(&running, 0..200).await;
    let (_, first) = running.force(Dataset::SPENDING).await;
    fill(&running, 200..230).await;
    let prepare = Prepare::new(&running.stack.clients, &running.stack.settings);
    let again = prepare.prepare_again(Dataset::SPENDING, "a test", Utc::now()).await.unwrap();
    assert_eq!((again.version.0, again.new.events, again.forced.as_deref()), (2, 0, Some("a test")));
    assert_eq!(again.digest, first["digest"], "the same input gives the same bytes");
    let (_, head) = running.get(&format!("datasets/{}", Dataset::SPENDING.id())).await;
    assert_eq!((&head["epoch"], &head["last_version"]), (&json!(2), &json!(2)));
    assert!(head["data_count"].as_u64().unwrap() > 0, "what is being collected stays");
    let goal = prepare.prepare_again(Dataset::GOAL, "a test", Utc::now()).await;
    assert!(goal.is_err(), "there is nothing to prepare again");
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_preparations_at_once_one_wins_and_the_other_says_so() {
    let running = Running::start().await;
    fill(&running, 0..300).await;
    let answers = futures::future::join_all((0..4).map(|_| running.force(Dataset::SPENDING))).await;
    let made: Vec<_> = answers.iter().filter(|(_, answer)| answer["created"] == json!(true)).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    for (status, answer) in &answers {
        match status {
            200 => assert_eq!(answer["version"], 1),
            409 => assert_eq!(answer["type"], "/problems/already-preparing", "{answer}"),
            other => panic!("{other}: {answer}"),
        }
    }
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_readiness_writes_the_head_is_not_sent_away() {
    let running = Running::start().await;
    let heads = Heads::new(&running.stack.clients);
    let now = Utc::now();
    let writer = tokio::spawn(async move {
        loop {
            let mut head = heads.read(Dataset::SPENDING).await.unwrap().unwrap();
            // As readiness does: it leaves a head alone that is being prepared.
            if head.preparation.is_none() {
                let _ = heads.save(&mut head, now).await.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    });
    for version in 1..=8 {
        fill(&running, version * 10..version * 10 + 10).await;
        let (status, answer) = running.force(Dataset::SPENDING).await;
        assert_eq!((status, &answer["version"]), (200, &json!(version)), "{answer}");
    }
    writer.abort();
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn features_are_served_as_they_are_prepared() {
    let running = Running::start().await;
    let events: Vec<Value> = (0..60).map(|number| transaction(1, number)).collect();
    running.send(&events).await;
    running.force(Dataset::SEGMENTATION).await;
    let (_, version) = running.get(&format!("{}/1", versions(Dataset::SEGMENTATION))).await;
    let user = Uuid::from_u128(2);
    let cut = version["content"]["statistics"]["cut"].as_str().unwrap();
    let (status, served) = running.get(&format!("features/{user}?as_of={cut}")).await;
    assert_eq!((status, &served["feature_set"]), (200, &version["content"]["feature_set"]["hash"]), "{served}");
    let statistics = version["links"]["files"].as_array().unwrap();
    let url = statistics.iter().find(|file| file["path"] == "statistics.json").unwrap()["url"].as_str().unwrap();
    let statistics: Value =
        serde_json::from_str(&running.client.get(url).send().await.unwrap().text().await.unwrap()).unwrap();
    for profile in statistics["tables"][0]["columns"].as_array().unwrap() {
        let Some(value) = served["features"][profile["column"].as_str().unwrap()].as_f64() else { continue };
        let mean = profile["numbers"]["mean"].as_f64().unwrap();
        assert!((mean - value).abs() <= 1e-6 * value.abs().max(1.0), "{profile} is served as {value}");
    }
    let (_, before) = running.get(&format!("features/{user}?as_of=2020-01-01T00:00:00Z")).await;
    assert_eq!((&before["transaction_count"], &before["features"]["total_spending"]), (&json!(0), &json!(0.0)));
    let (_, unknown) = running.get(&format!("features/{user}?as_of={cut}&known_at=2020-01-01T00:00:00Z")).await;
    assert_eq!(unknown["transaction_count"], 0, "nothing was known then");
    assert_eq!(running.get(&format!("features/{}", Uuid::from_u128(99))).await.0, 404);
    assert_eq!(running.get(&format!("features/{user}?as_of=yesterday")).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_preparation_in_parts_is_told_and_taken_up_again() {
    let running = Running::start().await;
    fill(&running, 0..40).await;
    let invoke = async |task: Value| -> Value {
        let payload = serde_json::value::to_raw_value(&task).unwrap();
        serde_json::to_value(running.stack.invoke(Function::DataPreparation, payload).await.unwrap()).unwrap()
    };
    let plan = json!({"task": "plan", "dataset": "spending", "segments": 2, "reason": "a test"});
    let failure = json!({"Error": "States.Timeout", "Cause": "segment 1"});
    let fail = json!({"task": "fail", "dataset": "spending", "failure": failure});
    assert_eq!(invoke(fail.clone()).await, json!({"noted": false}), "nothing is being prepared");
    let planned = invoke(plan.clone()).await;
    assert_eq!(invoke(fail).await, json!({"noted": true}));
    let (_, timeline) = running.get(&format!("datasets/{}/timeline", Dataset::SPENDING.id())).await;
    let told = "The preparation of version 1 has failed: States.Timeout: segment 1";
    assert!(timeline.to_string().contains(told), "{timeline}");

    assert_eq!(invoke(plan).await, planned, "it goes on where it was");
    for segment in 0..2 {
        invoke(json!({"task": "segment", "plan": planned["plan"], "segment": segment})).await;
    }
    assert_eq!(invoke(json!({"task": "commit", "plan": planned["plan"]})).await["version"], 1);
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_over_segments_with_repeats_and_a_crash_gives_the_bytes_of_one_process() {
    let running = Running::start().await;
    fill(&running, 0..300).await;
    let invoke = async |task: Value| -> Result<Value, String> {
        let payload = serde_json::value::to_raw_value(&task).unwrap();
        let answer = running.stack.invoke(Function::DataPreparation, payload).await;
        answer.map(|answer| serde_json::to_value(answer).unwrap()).map_err(|error| error.to_string())
    };
    for dataset in Dataset::all() {
        let plan = json!({"task": "plan", "dataset": dataset, "segments": 16, "reason": "a test"});
        let planned = invoke(plan.clone()).await.unwrap();
        assert_eq!(invoke(plan).await.unwrap(), planned, "a plan is repeated");
        assert_eq!(planned["segments"], json!((0..16).collect::<Vec<_>>()));
        let segment = |number: u32| json!({"task": "segment", "plan": planned["plan"], "segment": number});
        let segments: Vec<Value> = (0..16).map(segment).collect();
        let commit = json!({"task": "commit", "plan": planned["plan"]});
        let early = invoke(commit.clone()).await.unwrap_err();
        assert!(early.contains("no report"), "{early}");

        // A worker that is cut off somewhere in the middle, for each of the first segments.
        for (place, segment) in segments.iter().take(4).enumerate() {
            let cut_off = std::time::Duration::from_millis(2 * place as u64);
            let _ = tokio::time::timeout(cut_off, invoke(segment.clone())).await;
        }
        let mut events = 0;
        for segment in segments.iter().rev() {
            events += invoke(segment.clone()).await.unwrap()["events"].as_u64().unwrap();
        }
        assert_eq!(events, planned["plan"]["events"], "each event is in one segment");
        for segment in segments.iter().skip(5).take(3) {
            invoke(segment.clone()).await.unwrap();
        }
        let committed = invoke(commit.clone()).await.unwrap();
        assert_eq!(invoke(commit.clone()).await.unwrap(), committed, "a commit is repeated");

        let prepare = Prepare::new(&running.stack.clients, &running.stack.settings);
        let alone = prepare.prepare_again(dataset, "a test", Utc::now()).await.unwrap();
        assert_eq!(committed["digest"], alone.digest, "{dataset}");
        let (_, quality) = running.get(&format!("{}/1", versions(dataset))).await;
        let (_, of_one) = running.get(&format!("{}/2", versions(dataset))).await;
        assert_eq!(quality["content"]["quality"], of_one["content"]["quality"], "{dataset}");
    }
    assert!(Objects::new(&running.stack.clients).list("scratch/").await.unwrap().is_empty(), "nothing is left behind");
    running.stack.settle().await.unwrap();
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_there_already_is_left_as_its_manifest_says() {
    let running = Running::start().await;
    fill(&running, 0..100).await;
    // As it is after the tables were restored, and the bucket was not.
    let objects = Objects::new(&running.stack.clients);
    let (file, manifest) =
        ("prepared/goal/v000001/data/train-00000-of-00001.parquet", "prepared/goal/v000001/manifest.json");
    let (status, prepared) = running.force(Dataset::GOAL).await;
    assert_eq!(status, 200, "{prepared}");
    let mut other: Value = serde_json::from_slice(&objects.get(manifest).await.unwrap().unwrap()).unwrap();
    other["digest"] = json!("0".repeat(64));
    let next = |key: &str| key.replace("v000001", "v000002");
    objects.put(&next(manifest), other.to_string().into_bytes(), "application/json").await.unwrap();
    objects.put(&next(file), b"of another time".to_vec(), "application/octet-stream").await.unwrap();

    fill(&running, 100..200).await;
    let (status, problem) = running.force(Dataset::GOAL).await;
    assert_eq!(status, 500, "{problem}");
    assert_eq!(objects.get(&next(file)).await.unwrap().unwrap(), b"of another time");
    // Moved away, it is in nobody's way.
    objects.delete_all("prepared/goal/v000002/").await.unwrap();
    let (status, prepared) = running.force(Dataset::GOAL).await;
    assert_eq!((status, &prepared["version"]), (200, &json!(2)), "{prepared}");
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_has_begun_itself_is_not_taken_over_as_if_it_were_left_behind() {
    let running = Running::start().await;
    fill(&running, 0..100).await;
    let (heads, now) = (Heads::new(&running.stack.clients), Utc::now());
    let head = running.begin_preparation(Dataset::GOAL, now, Duration::minutes(15)).await;

    let prepare = Prepare::new(&running.stack.clients, &running.stack.settings);
    let take_over = async |begun_at| {
        let request = Request::TakeOver { begun_at };
        prepare.prepare(Dataset::GOAL, &request, Utc::now()).await.unwrap()
    };
    assert!(matches!(take_over(now - Duration::seconds(1)).await, Prepared::NotDue));
    assert_eq!(heads.read(Dataset::GOAL).await.unwrap().unwrap(), head, "its lease is left alone too");
    assert!(matches!(take_over(now).await, Prepared::New(version) if version.version.0 == 1));
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_by_a_clock_that_is_ahead_is_taken_up_at_once() {
    let running = Running::start().await;
    fill(&running, 0..100).await;
    let objects = Objects::new(&running.stack.clients);
    let manifest = "prepared/goal/v000001/manifest.json";
    objects.put(manifest, b"of another time".to_vec(), "application/json").await.unwrap();
    let prepare = Prepare::new(&running.stack.clients, &running.stack.settings);
    let request = Request::Forced { reason: "a test".to_owned() };
    prepare.prepare(Dataset::GOAL, &request, Utc::now() + Duration::days(1)).await.unwrap_err();

    objects.delete(manifest).await.unwrap();
    let (status, prepared) = running.force(Dataset::GOAL).await;
    assert_eq!((status, &prepared["version"]), (200, &json!(1)), "{prepared}");
    assert_counts_are_exact(&running.stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_lapses_and_one_by_a_clock_that_is_far_ahead_is_none() {
    let running = Running::start().await;
    let hold = Hold::new(&running.stack.clients);
    let now = Utc::now();
    assert!(!hold.is_active(now).await.unwrap());
    hold.extend(now + Duration::minutes(1)).await.unwrap();
    assert!(hold.is_active(now).await.unwrap());
    assert!(!hold.is_active(now + Duration::minutes(1)).await.unwrap());
    hold.extend(now + Duration::days(400)).await.unwrap();
    assert!(!hold.is_active(now).await.unwrap());
}
