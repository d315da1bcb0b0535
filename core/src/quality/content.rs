//! The content of a record, canonically: what makes two records the same but for
//! the ids of event and transaction and the time of intake. The user is not in it,
//! since records are only compared within a user.

use sha2::{Digest, Sha256};

use super::record::Record;
use crate::event::canonical::{write_cell, write_string};
use crate::event::cell::Cell;

/// The first half of the SHA-256 of a record's content.
pub fn digest(record: &Record<'_>) -> [u8; 16] {
    let mut content = Vec::with_capacity(512);
    content.push(record.place as u8);
    content.extend_from_slice(&record.occurred_at.timestamp_micros().to_le_bytes());
    for (place, (field, reading)) in record.schema.fields.iter().zip(&record.fields).enumerate() {
        // A key that is absent is not one that holds null.
        if field.name != "transaction_id" && reading.cell != Cell::Absent {
            // Fields come in the order of the declaration: their place says which it is.
            content.push(place as u8);
            write_cell(&reading.cell, &mut content);
        }
    }
    for (key, cell) in &record.others {
        write_string(key, &mut content);
        write_cell(cell, &mut content);
    }
    let digest = Sha256::digest(content);
    std::array::from_fn(|n| digest[n])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::{Event, EventId, EventType, StoredEvent, UserId};

    fn digest_of(json: &str) -> [u8; 16] {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        let event = Event {
            id: EventId(Uuid::new_v4()),
            user: UserId(Uuid::new_v4()),
            event_type: EventType::TransactionCreation,
            occurred_at: at,
            utc_offset_minutes: None,
            schema_version: 1,
            data: serde_json::from_str(json).unwrap(),
            extra: Default::default(),
        };
        digest(&Record::of(&StoredEvent::new(event, at)).unwrap())
    }

    #[test]
    fn equal_content_is_spelled_alike() {
        assert_eq!(
            digest_of(r#"{"amount":12.50,"b":[1,{"c":null}],"transaction_id":1, "a": -0.0}"#),
            digest_of(r#"{"a": 0,"transaction_id":2,"b":[1.0,{"c":null}],"amount":1.25e1}"#)
        );
    }

    #[test]
    fn other_content_is_not() {
        for (one, other) in [
            (r#"{"amount":1}"#, r#"{"amount":"1"}"#),
            (r#"{"amount":100}"#, r#"{"amount":10}"#),
            (r#"{"amount":null}"#, r#"{}"#),
            (r#"{"category":"x"}"#, r#"{"merchant_name":"x"}"#),
            (r#"{"a":"x","b":"y"}"#, r#"{"a":"x\",b\"y"}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[12]}"#),
            (r#"{"a":{"transaction_id":1}}"#, r#"{"a":{"transaction_id":2}}"#),
        ] {
            assert_ne!(digest_of(one), digest_of(other), "{one} {other}");
        }
    }
}
