//! A fifth dataset, with an event type of its own, is added by declaring both:
//! no other line of the program knows of them. A binary of its own, as
//! declarations hold for a process.

use fincoach_local::stack::{Options, Stack};
use learning_core::dataset::Dataset;
use learning_core::dataset::spec::{self, Counted, DatasetSpec, Input, Interactions, OwnRule, Role};
use learning_core::event::rule::{Demands, Rule};
use learning_core::event::schema::{self, EventSchema, Field, Kind, Refuse, Vocabulary};
use serde_json::{Value, json};
use uuid::Uuid;

static ANSWERS: Vocabulary = Vocabulary { words: &["right", "wrong"], aliases: &[("correct", "right")] };

static QUIZ_ANSWER: EventSchema = EventSchema {
    event_type: "quiz_answer",
    version: 1,
    business_id: "quiz_id",
    fields: &[
        Field { name: "quiz_id", kind: Kind::Id, required: true, refuse: Refuse::Unpopulated },
        Field { name: "answer", kind: Kind::Vocabulary(&ANSWERS), required: true, refuse: Refuse::Never },
        Field { name: "seconds", kind: Kind::Index, required: false, refuse: Refuse::Never },
    ],
    rules: &[],
    class: None,
};

static LITERACY: DatasetSpec = DatasetSpec {
    name: "literacy",
    counted_unit: "quiz answers",
    default_threshold: 20,
    preparable: false,
    inputs: &[
        Input { event_type: "quiz_answer", interactions: Interactions::Any, role: Role::Record },
        Input { event_type: "transaction_creation", interactions: Interactions::Any, role: Role::Record },
    ],
    counted: Counted::Events("quiz_answer", Interactions::Any),
    classes: &[],
    // The quiz is about the prices of one country: a rule for transactions here, and in no other dataset.
    rules: &[OwnRule {
        event_type: "transaction_creation",
        rule: Rule { name: "one_country", field: "location_country", demands: Demands::OneValue },
    }],
};

fn answer(number: u32, data: Value) -> Value {
    json!({
        "event_id": Uuid::from_u128(u128::from(number) + 1), "user_id": Uuid::from_u128(7),
        "event_type": "quiz_answer", "occurred_at": "2026-01-31T10:00:00Z", "data": data,
    })
}

fn bought(number: u32, country: &str) -> Value {
    json!({
        "event_id": Uuid::from_u128(u128::from(number) + 1), "user_id": Uuid::from_u128(7),
        "event_type": "transaction_creation", "occurred_at": "2026-01-30T10:00:00Z",
        "data": {
            "transaction_id": number, "amount": 1, "transaction_type": "debit", "category": "groceries",
            "location_country": country,
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_dataset_is_ingested_counted_and_assessed_by_its_declaration_alone() {
    schema::declare([&QUIZ_ANSWER]).unwrap();
    spec::declare([&LITERACY]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(&Options { data_dir: folder.path().to_owned(), port: 0 }).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();

    let mut events: Vec<Value> = (0..30)
        .map(|number| answer(number, json!({"quiz_id": number, "answer": "right", "seconds": number})))
        .collect();
    events.push(answer(30, json!({"quiz_id": 30, "answer": "perhaps"})));
    events.push(answer(31, json!({"answer": "right"})));
    events.extend(["GB", "GB", "FR"].iter().zip(40..).map(|(country, number)| bought(number, country)));
    let post = async |path: &str, body: Value| -> Value {
        let request = client.post(format!("{}/coaching/{path}", stack.api)).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    };
    let summary = post("events", json!({"events": events})).await;
    assert_eq!((&summary["accepted"], &summary["rejected"]), (&json!(34), &json!(1)), "{summary}");
    assert_eq!(summary["results"][0]["datasets"], json!(["literacy"]));
    assert_eq!(summary["results"][30]["warnings"][0]["code"], "not_in_vocabulary");
    assert_eq!(summary["results"][31]["errors"][0]["loc"], json!(["data", "quiz_id"]));

    stack.settle().await.unwrap();
    let literacy: Dataset = "literacy".parse().unwrap();
    let overviews = stack.overviews().await.unwrap();
    assert_eq!(overviews.len(), 5);
    let overview = overviews.into_iter().find(|overview| overview.head.dataset == literacy).unwrap();
    assert_eq!((overview.open.counting, overview.records), (31, 34));
    let judgement = overview.assessment.expect("31 are above the threshold of 20").judgement;
    assert_eq!(judgement.record_count, 34);
    let parts = |explanation: &Value| -> Vec<(String, u64)> {
        let parts = explanation.as_array().unwrap().iter();
        parts.map(|part| (part["rule"].as_str().unwrap().to_owned(), part["violations"].as_u64().unwrap())).collect()
    };
    let mut found = parts(&json!(judgement.explanation));
    found.sort();
    assert_eq!(found, [("not_in_vocabulary".to_owned(), 1), ("one_country".to_owned(), 1)]);
    let spending = post("continuous-learning/assess-quality", json!({"dataset_id": Dataset::SPENDING.id()})).await;
    assert_eq!((&spending["record_count"], parts(&spending["explanation"])), (&json!(3), Vec::new()), "{spending}");
    stack.stop().await;
}
