use super::*;

fn habit(id: u128, days: u32, cents: u32) -> Vec<StoredEvent> {
    (0..days)
        .map(|n| {
            let at = format!("2026-01-{:02}T09:00:00Z", n + 1);
            transaction(id * 100 + u128::from(n), &at, json!(f64::from(cents + n) / 100.0), "debit", json!("Rent"))
        })
        .collect()
}

#[test]
fn users_and_rows_that_came_and_went_are_counted() {
    let (old, old_folder) =
        write_of(Dataset::SPENDING, &[(1, habit(1, 5, 100)), (2, habit(2, 5, 100)), (3, habit(3, 4, 7))]);
    let (new, new_folder) =
        write_of(Dataset::SPENDING, &[(2, habit(2, 7, 100)), (3, habit(3, 4, 7)), (4, habit(4, 3, 1))]);
    let found = difference((old_folder.path(), &old.files), (new_folder.path(), &new.files)).unwrap();
    let expected = Difference {
        users_added: 1,
        users_gone: 1,
        users_kept: 2,
        users_changed: 1,
        rows_added: 2 + 3,
        rows_gone: 5,
        rows_kept: 5 + 4,
    };
    assert_eq!(found, expected);
    let same = difference((old_folder.path(), &old.files), (old_folder.path(), &old.files)).unwrap();
    assert_eq!((same.rows_added, same.rows_gone, same.users_changed, same.rows_kept), (0, 0, 0, 14));
}

#[test]
fn drift_is_zero_against_itself_and_large_against_something_else() {
    let users = |cents| (1..30u128).map(|user| (user, habit(user, 20, cents))).collect::<Vec<_>>();
    let (old, _a) = write_of(Dataset::SPENDING, &users(100));
    let (new, _b) = write_of(Dataset::SPENDING, &users(10_000));
    let of_y = |drift: Vec<Drift>| drift.into_iter().find(|drift| drift.column == "y").unwrap();
    assert_eq!(of_y(Drift::of(&old.profiles, &old.profiles)).psi, Some(0.0));
    let drift = of_y(Drift::of(&old.profiles, &new.profiles));
    assert!(drift.psi.unwrap() > 1.0 && drift.mean_after > drift.mean_before, "{drift:?}");
    let shift = Shift::of("y", &old.profiles, &new.profiles).unwrap();
    assert_eq!(shift.numbers.unwrap(), drift);
}
