//! However the input is divided and whatever is spilled, the bytes are the same.

use super::*;
use crate::event::envelope::{self, Intake};
use crate::event::line;

/// Users with events of all types.
fn users() -> Vec<(u128, Vec<StoredEvent>)> {
    (1..60u128)
        .map(|user| {
            let id = user * 1_000;
            let events = (0..20u128).map(|n| {
                let at = format!("2026-{:02}-{:02}T{:02}:00:00Z", 1 + n % 6, 1 + (user * 7 + n * 3) % 28, n);
                match n % 5 {
                    0 => {
                        let data = json!({"recommendation_id": n, "interaction_type": "helpful", "action_id": n % 3});
                        event(id + n, "recommendation_interaction", &at, data)
                    }
                    1 => {
                        let word = ["create", "update", "achieve"][(n / 5 % 3) as usize];
                        let data = json!({"goal_id": user, "interaction_type": word, "goal_amount": 10 * n});
                        event(id + n, "goal_modification", &at, data)
                    }
                    _ => transaction(id + n, &at, json!(n * user % 90), "debit", json!("Rent")),
                }
            });
            (user, events.collect())
        })
        .collect()
}

#[test]
fn spilling_changes_no_byte() {
    for dataset in Dataset::all() {
        let (expected, _folder) = write_of(dataset, &users());
        assert!(expected.files.iter().any(|file| file.rows > 0), "{dataset}");
        let mut builder = builder_of(dataset).with_memory(4_096);
        for (user, events) in users().into_iter().rev() {
            builder.add_user(UserId(Uuid::from_u128(user)), &events);
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(builder.write(folder.path()).unwrap(), expected, "{dataset}");
    }
}

#[test]
fn single_events_in_any_order_give_the_bytes_of_whole_users() {
    for dataset in Dataset::all() {
        let (expected, _folder) = write_of(dataset, &users());
        let mut events: Vec<StoredEvent> = users()
            .into_iter()
            .flat_map(|(user, events)| {
                let of_user = move |mut stored: StoredEvent| {
                    stored.event.user = UserId(Uuid::from_u128(user));
                    stored
                };
                events.into_iter().map(of_user)
            })
            .collect();
        events.sort_by_key(|stored| xxhash_rust::xxh3::xxh3_64(stored.event.id.0.as_bytes()));
        // All in memory, and in runs that hold users in part.
        for memory in [1 << 20, 16_384] {
            let mut gather = Gather::new(builder_of(dataset).with_memory(memory));
            events.iter().for_each(|stored| gather.add(stored));
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(gather.finish().write(folder.path()).unwrap(), expected, "{dataset}");
        }
    }
}

#[test]
fn events_that_are_read_in_place_give_the_bytes_of_parsed_ones() {
    let settings = Settings::default();
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    let intake = Intake { now, limits: settings.limits, privacy: settings.privacy.clone() };
    let mut gathers = [(); 2].map(|()| Gather::new(builder_of(Dataset::SPENDING).with_memory(16_384)));
    let mut taken = 0;
    for n in 0..400u32 {
        let odd = n % 2 == 1;
        let category = [json!(" Dine  Out "), json!("Rent"), json!(null), json!(7)][n as usize % 4].clone();
        let line = json!({
            "event_id": Uuid::from_u128((n + 1).into()), "user_id": Uuid::from_u128((n % 7 + 1).into()),
            "event_type": "transaction_creation", "occurred_at": format!("20{}-01-31T09:30:00.5Z", 69 + n % 10),
            "data": {
                "transaction_id": n.to_string(), "amount": if odd { json!("12.50") } else { json!(f64::from(n) / 4.0) },
                "transaction_type": if n % 5 == 0 { "credit" } else { "debit" }, "category": category,
                "merchant_name": " Caf\u{e9}  \"No 7\" ", "balance_after": if odd { json!(-3) } else { json!("?") },
                "currency": if odd { "EUR" } else { " a currency of a name that is long " },
                "time_precision": if odd { "day" } else { "second" }, "note": {"any": [1]},
            },
        });
        let text = line.to_string();
        let in_place = line::read(text.as_bytes(), &intake).unwrap();
        assert!(gathers[0].add_line(&in_place, now));
        let event = envelope::read(line, &intake, |content| content.event_id(0)).unwrap().event;
        gathers[1].add(&StoredEvent::new(event, now));
        taken += 1;
    }
    let [one, other] = gathers.map(|gather| {
        let folder = tempfile::tempdir().unwrap();
        gather.finish().write(folder.path()).unwrap()
    });
    assert_eq!(one, other);
    assert_eq!(count(&one, "transaction_count"), taken);
}

#[test]
fn runs_of_sixteen_segments_give_the_bytes_of_one() {
    for dataset in Dataset::all() {
        let (expected, _folder) = write_of(dataset, &users());
        let scratch = tempfile::tempdir().unwrap();
        let mut whole = builder_of(dataset);
        for segment in 0..16u128 {
            let mut builder = builder_of(dataset).with_memory(2_048);
            for (user, events) in users().into_iter().filter(|(user, _)| user % 16 == segment) {
                builder.add_user(UserId(Uuid::from_u128(user)), &events);
            }
            let path = scratch.path().join(format!("{segment}.run"));
            let run = builder.into_run(&path).unwrap();
            whole.add_run(path, &run).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(whole.write(folder.path()).unwrap(), expected, "{dataset}");
    }
}

#[test]
fn a_run_that_is_not_what_its_task_described_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("0.run");
    let mut builder = builder_of(Dataset::SPENDING);
    builder.add_user(UserId(Uuid::from_u128(1)), &users()[0].1);
    let run = builder.into_run(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.pop();
    std::fs::write(&path, bytes).unwrap();
    let mut whole = builder_of(Dataset::SPENDING);
    assert!(matches!(whole.add_run(path, &run), Err(PreparationError::File { .. })));
}

#[test]
fn large_splits_are_parted_by_leading_bits() {
    let mut builder = builder_of(Dataset::SPENDING).with_events_in_a_file(200);
    for (user, events) in users() {
        builder.add_user(UserId(Uuid::from_u128(user)), &events);
    }
    let folder = tempfile::tempdir().unwrap();
    let prepared = builder.write(folder.path()).unwrap();
    let train: Vec<_> =
        prepared.files.iter().filter(|file| file.table == "transactions" && file.split == Split::Train).collect();
    assert_eq!(train.len(), 4, "some 560 events of the train split");
    assert_eq!(train[1].path, "transactions/train-00001-of-00004.parquet");
    for (place, file) in train.iter().enumerate() {
        let reader = File::open(folder.path().join(&file.path)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(reader).unwrap().build().unwrap() {
            for subject in texts(&batch.unwrap(), "subject") {
                let leading = u8::from_str_radix(&subject[..1], 16).unwrap() / 4;
                assert_eq!(usize::from(leading), place, "{subject} is in its file");
            }
        }
    }
}
