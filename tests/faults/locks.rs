//! Item locks, as DynamoDB has them and the embedded engine does not: a transaction
//! holds its items until it ends, and whoever writes one of them meanwhile is
//! rejected.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use serde_json::Value;

/// The key attributes of the tables.
const KEYS: [&str; 4] = ["user_id", "event_id", "dataset", "record"];

#[derive(Clone, Default)]
pub struct ItemLocks(Arc<Mutex<HashSet<String>>>);

/// What a write is rejected with.
pub enum Conflict {
    /// By item of the transaction: whether another transaction holds it.
    Transaction(Vec<bool>),
    /// Of a write of one item.
    Write,
}

/// The items that a transaction holds until this is dropped.
pub struct Held {
    locks: ItemLocks,
    items: Vec<String>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut locked = self.locks.0.lock().unwrap();
        for item in &self.items {
            locked.remove(item);
        }
    }
}

impl ItemLocks {
    /// Locks the items of a transaction; a write of one item only looks.
    pub fn acquire(&self, operation: Option<&str>, body: &Bytes) -> Result<Option<Held>, Conflict> {
        let Some(operation @ ("TransactWriteItems" | "PutItem" | "UpdateItem" | "DeleteItem")) = operation else {
            return Ok(None);
        };
        let request: Value = serde_json::from_slice(body).unwrap();
        let mut locked = self.0.lock().unwrap();
        if operation != "TransactWriteItems" {
            return if locked.contains(&item_of(&request)) { Err(Conflict::Write) } else { Ok(None) };
        }
        let actions = request["TransactItems"].as_array().unwrap().iter();
        let items: Vec<String> =
            actions.map(|action| item_of(action.as_object().unwrap().values().next().unwrap())).collect();
        let conflicts: Vec<bool> = items.iter().map(|item| locked.contains(item)).collect();
        if conflicts.contains(&true) {
            return Err(Conflict::Transaction(conflicts));
        }
        locked.extend(items.iter().cloned());
        Ok(Some(Held { locks: self.clone(), items }))
    }
}

/// The table and the key of what is written.
fn item_of(write: &Value) -> String {
    let attributes = write.get("Key").or_else(|| write.get("Item")).unwrap();
    let key = KEYS.map(|name| attributes[name]["S"].as_str().unwrap_or_default());
    format!("{} {}", write["TableName"].as_str().unwrap(), key.join(" "))
}
