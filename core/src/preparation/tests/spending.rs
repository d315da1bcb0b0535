use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, TimestampMicrosecondType, UInt32Type};
use chrono::{Duration, NaiveDate};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn builder() -> Builder {
    builder_of(Dataset::SPENDING)
}

fn write(users: &[(u128, Vec<StoredEvent>)]) -> (Prepared, TempDir) {
    write_of(Dataset::SPENDING, users)
}

#[test]
fn a_calendar_by_hand() {
    // Friday to Tuesday, with nothing on Saturday and only a credit on Sunday.
    let events = vec![
        transaction(1, "2026-01-02T08:00:00Z", json!(10.10), "debit", json!("Groceries ")),
        transaction(2, "2026-01-02T23:59:59Z", json!("0.20"), "debit", json!("Dine Out")),
        transaction(3, "2026-01-04T12:00:00Z", json!(2500), "credit", json!("Paycheck")),
        transaction(4, "2026-01-05T00:00:00Z", json!(7), "debit", json!(null)),
        transaction(5, "2026-01-06T00:00:00Z", json!(1), "debit", json!("Llamas")),
        // Neither of these is in the calendar.
        transaction(6, "1969-06-01T00:00:00Z", json!(99), "debit", json!("Rent")),
        transaction(7, "2027-01-01T00:00:00Z", json!(99), "debit", json!("Rent")),
    ];
    let (prepared, folder) = write(&[(1, events)]);
    let calendar = read(folder.path(), "data");
    assert_eq!(calendar.len(), 1, "one user is on one side");
    let calendar = &calendar[0];
    assert_eq!(floats(calendar, "y"), [10.3, 0.0, 0.0, 7.0, 1.0]);
    assert_eq!(floats(calendar, "groceries"), [10.1, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(floats(calendar, "dine_out"), [0.2, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(floats(calendar, "other"), [0.0, 0.0, 0.0, 7.0, 1.0]);
    let observed: Vec<_> = calendar.column_by_name("observed").unwrap().as_boolean().iter().flatten().collect();
    assert_eq!(observed, [true, false, true, true, true]);
    let weekdays = calendar.column_by_name("weekday").unwrap().as_primitive::<Int8Type>();
    assert_eq!(weekdays.values(), &[4, 5, 6, 0, 1]);
    let ds = calendar.column_by_name("ds").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(ds.value_as_datetime(0).unwrap().to_string(), "2026-01-02 00:00:00");

    let transactions = &read(folder.path(), "transactions")[0];
    let positions = transactions.column_by_name("position").unwrap().as_primitive::<UInt32Type>();
    assert_eq!(positions.values(), &[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(floats(transactions, "amount"), [99.0, 10.1, 0.2, 2500.0, 7.0, 1.0, 99.0]);
    assert_eq!(texts(transactions, "category")[..3], ["bills", "groceries", "dine_out"]);

    let statistics = prepared.statistics;
    let counts =
        ["user", "transaction", "day", "implausible_time", "observed_day", "missing_category", "unmapped_category"]
            .map(|of| statistics[&format!("{of}_count")].as_u64().unwrap());
    assert_eq!(counts, [1, 7, 5, 2, 4, 1, 1]);
    assert_eq!(statistics["cut"], "2026-01-06T00:00:00Z");
}

#[test]
fn the_last_days_before_the_cut_are_the_horizon() {
    let at = |id, day: &str| transaction(id, &format!("{day}T10:00:00Z"), json!(1), "debit", json!("Rent"));
    let (_, folder) = write(&[(1, vec![at(1, "2026-03-01"), at(2, "2026-03-03"), at(3, "2026-03-31")])]);
    let calendar = &read(folder.path(), "data")[0];
    let periods = texts(calendar, "period");
    assert_eq!(periods.len(), 31);
    assert_eq!(periods.iter().filter(|period| **period == "horizon").count(), HORIZON_DAYS as usize);
    assert_eq!((periods[2], periods[3]), ("history", "horizon"));
}

#[test]
fn nothing_private_is_in_the_files() {
    let user = 0x1234_5678_9abc_def0_1234_5678_9abc_def0;
    let (prepared, folder) =
        write(&[(user, vec![transaction(77, "2026-01-02T08:00:00Z", json!(1), "debit", json!("Rent"))])]);
    for table in ["data", "transactions"] {
        for batch in read(folder.path(), table) {
            let rows = format!("{batch:?}");
            for secret in ["planted secret", &Uuid::from_u128(user).to_string(), &Uuid::from_u128(77).to_string()] {
                assert!(!rows.contains(secret), "{secret} is in {table}");
            }
            assert!(rows.contains(&subject(&key(), UserId(Uuid::from_u128(user))).to_string()));
        }
    }
    assert_eq!(prepared.files.len(), 6);
}

#[test]
fn a_split_without_users_is_a_file_with_the_schema_apart_from_the_others() {
    let one = (1, vec![transaction(1, "2026-01-02T08:00:00Z", json!(1), "debit", json!("Rent"))]);
    let (prepared, _) = write(&[one]);
    let in_tables: Vec<_> = prepared.files.iter().filter(|file| !file.path.starts_with("empty/")).collect();
    assert!(in_tables.iter().all(|file| file.rows == 1) && in_tables.len() == 2);
    assert_eq!(prepared.files.len(), 6);

    let (prepared, folder) = write(&[]);
    let train = prepared.files.iter().filter(|file| file.split == Split::Train);
    assert!(
        train.map(|file| file.path.as_str()).all(|path| path.starts_with("data/") || path.starts_with("transactions/"))
    );
    assert_eq!(prepared.files.iter().map(|file| file.rows).sum::<u64>(), 0);
    assert_eq!(prepared.files.len(), 6);
    for file in &prepared.files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(folder.path().join(&file.path)).unwrap());
        let schema = reader.unwrap().schema().clone();
        let declared = prepared.tables.iter().find(|table| table.table == file.table).unwrap();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, declared.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn a_user_from_two_segments_is_refused() {
    let (mut one, mut other) = (builder(), builder());
    let event = || transaction(1, "2026-01-02T08:00:00Z", json!(1), "debit", json!("Rent"));
    one.add_user(UserId(Uuid::from_u128(1)), &[event()]);
    other.add_user(UserId(Uuid::from_u128(1)), &[event()]);
    one.merge(other);
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(one.write(folder.path()), Err(PreparationError::OverlappingSegments)));
}

#[test]
fn users_keep_their_split_and_every_split_has_its_share() {
    let splits: Vec<Split> = (0..2_000).map(|user| Split::of(&key(), UserId(Uuid::from_u128(user)))).collect();
    for (split, least, most) in [(Split::Train, 1_540, 1_660), (Split::Validation, 150, 250), (Split::Test, 150, 250)] {
        let count = splits.iter().filter(|other| **other == split).count();
        assert!((least..=most).contains(&count), "{split:?} has {count} of 2,000 users");
    }
}

#[test]
fn the_digest_tells_content_apart_and_nothing_else() {
    let event = |amount| transaction(1, "2026-01-02T08:00:00Z", json!(amount), "debit", json!("Rent"));
    let lineage = |version, configuration: &str| Lineage {
        dataset: crate::dataset::Dataset::SPENDING,
        version: crate::dataset::Version(version),
        first_epoch: crate::dataset::Epoch::FIRST,
        last_epoch: crate::dataset::Epoch(version),
        input: Default::default(),
        new: Default::default(),
        parent: None,
        configuration_hash: configuration.to_owned(),
        forced: None,
    };
    let digest = |lineage, amount| Manifest::new(lineage, &write(&[(1, vec![event(amount)])]).0, Value::Null).digest;
    let first = digest(lineage(1, "c"), 10);
    assert_eq!(first, digest(lineage(2, "c"), 10));
    assert_ne!(first, digest(lineage(1, "d"), 10));
    assert_ne!(first, digest(lineage(1, "c"), 11));
}

/// A few users' transactions, drawn.
fn drawn() -> impl Strategy<Value = Vec<(u128, StoredEvent)>> {
    let one = (0..6u128, 1..10_000u128, 0..60i64, 1..100_000i64, any::<bool>(), 0..4usize);
    proptest::collection::vec(one, 0..40).prop_map(|drawn| {
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let mut events: Vec<_> = drawn
            .into_iter()
            .map(|(user, id, day, cents, credit, category)| {
                let time = format!("{}T10:00:00Z", start + Duration::days(day));
                let amount: Value = serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap();
                let category = json!(["Rent", "Groceries", "Llamas", ""][category]);
                (user, transaction(id, &time, amount, if credit { "credit" } else { "debit" }, category))
            })
            .collect();
        events.sort_by_key(|(_, stored)| stored.event.id);
        events.dedup_by_key(|(_, stored)| stored.event.id);
        events
    })
}

fn by_user(events: &[(u128, StoredEvent)]) -> BTreeMap<u128, Vec<StoredEvent>> {
    let mut users = BTreeMap::<u128, Vec<StoredEvent>>::new();
    for (user, stored) in events {
        users.entry(*user).or_default().push(stored.clone());
    }
    users
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_order_and_any_partition_give_the_same_bytes(events in drawn(), parts in 1..4usize) {
        let users = by_user(&events);
        let straight: Vec<_> = users.clone().into_iter().collect();
        let (expected, _folder) = write(&straight);

        let mut builders: Vec<_> = (0..parts).map(|_| builder()).collect();
        for (place, (user, events)) in users.into_iter().rev().enumerate() {
            let reversed: Vec<_> = events.into_iter().rev().collect();
            builders[place % parts].add_user(UserId(Uuid::from_u128(user)), &reversed);
        }
        let merged = builders.into_iter().rev().reduce(|mut merged, other| { merged.merge(other); merged }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        prop_assert_eq!(merged.write(folder.path()).unwrap(), expected);
    }

    #[test]
    fn the_calendar_spends_what_the_transactions_spend(events in drawn()) {
        let users: Vec<_> = by_user(&events).into_iter().collect();
        let (prepared, folder) = write(&users);
        let spent: f64 = read(folder.path(), "data").iter().flat_map(|batch| floats(batch, "y")).sum();
        let mut debits = 0.0;
        let mut subjects = BTreeSet::new();
        let mut rows = 0;
        for batch in read(folder.path(), "transactions") {
            rows += batch.num_rows();
            subjects.extend(texts(&batch, "subject").into_iter().map(str::to_owned));
            let kinds = texts(&batch, "transaction_type").into_iter();
            debits += floats(&batch, "amount").into_iter().zip(kinds).filter(|(_, kind)| *kind == "debit").map(|(amount, _)| amount).sum::<f64>();
        }
        prop_assert!((spent - debits).abs() < 1e-6);
        prop_assert_eq!(rows, events.len());
        prop_assert_eq!(subjects.len() as u64, prepared.statistics["user_count"].as_u64().unwrap());
    }
}
