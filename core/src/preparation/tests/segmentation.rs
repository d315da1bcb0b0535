use super::*;

/// Twelve debits, one every three days from 1 February.
fn habit() -> Vec<StoredEvent> {
    (0..12u128)
        .map(|n| {
            let day = 1 + (n * 3) % 28;
            let month = 2 + n * 3 / 28;
            let at = format!("2026-{month:02}-{day:02}T09:00:00Z");
            transaction(n + 1, &at, json!(10), "debit", json!("Groceries"))
        })
        .collect()
}

fn said(id: u128, at: &str, word: &str) -> StoredEvent {
    event(id, "recommendation_interaction", at, json!({"recommendation_id": id, "interaction_type": word}))
}

fn segment(id: u128, at: &str, name: &str) -> StoredEvent {
    event(id, "user_segment_update", at, json!({"segment_id": "s", "segment_name": name}))
}

#[test]
fn a_user_with_enough_history_is_one_row_as_of_the_cut() {
    let mut events = habit();
    events.extend([
        said(20, "2026-03-01T00:00:00Z", "helpful"),
        said(21, "2026-03-01T00:00:00Z", "implemented"),
        said(22, "2026-03-02T00:00:00Z", "not_helpful"),
        said(23, "2026-03-02T00:00:00Z", "helpful"),
        segment(30, "2026-02-20T00:00:00Z", "saver"),
        segment(31, "2026-03-03T00:00:00Z", "spender"),
        segment(32, "2099-03-03T00:00:00Z", "dreamer"),
    ]);
    let newcomer = habit().into_iter().take(9).collect();
    let (prepared, rows) = rows_of(Dataset::SEGMENTATION, &[(1, events), (2, newcomer)]);
    assert_eq!(rows.num_rows(), 1);
    // The last is of 6 March; from 5 February on, 11 of them are in the window.
    assert_eq!(prepared.statistics["cut"], "2026-03-06T09:00:00Z");
    assert_eq!(singles(&rows, "total_spending"), [Some(100.0)]);
    assert_eq!(singles(&rows, "groceries_spending"), [Some(100.0)]);
    assert_eq!(
        (singles(&rows, "helpful_share"), singles(&rows, "implemented_share")),
        (vec![Some(0.5)], vec![Some(0.25)])
    );
    assert_eq!(texts(&rows, "segment_name"), ["spender"]);
    assert_eq!(prepared.statistics["segment_distribution"], json!({"spender": 1}));
    assert_eq!((count(&prepared, "user_count"), count(&prepared, "insufficient_user_count")), (1, 1));
    assert_eq!(prepared.certificate.rows_with_features_as_of, 1);
    for column in rows.columns().iter().take(37) {
        assert_eq!(column.null_count(), 0);
    }
}

#[test]
fn the_columns_are_the_features_in_their_order() {
    let (_, rows) = rows_of(Dataset::SEGMENTATION, &[]);
    let schema = rows.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(&names[..2], ["subject", "as_of"]);
    assert_eq!(&names[2..37], crate::features::FEATURES);
    assert_eq!(&names[37..], ["feedback_count", "helpful_share", "implemented_share", "segment_name"]);
}
