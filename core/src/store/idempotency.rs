//! Idempotency keys: which body a caller's key came with. Kept for a day, so that a
//! key that comes again with another body is noticed.

use anyhow::{Context, Result};
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use super::Clients;
use super::attribute::{self, number, string};
use super::tables::{EXPIRES_AT, OWNER, RECORD};

const KEPT_FOR: Duration = Duration::days(1);
const BODY: &str = "body";

/// The SHA-256 of a request's body.
pub type BodyDigest = [u8; 32];

#[derive(Clone, Debug)]
pub struct IdempotencyKeys {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// A key of one caller, as a digest: neither is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// `caller` is what tells the callers of this key apart.
    pub fn new(caller: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [caller, key] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }
}

impl IdempotencyKeys {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.datasets_table.clone() }
    }

    /// Claims a key for a body; whether it was free, expired, or claimed for the same
    /// body. Of claims for different bodies at the same time, one succeeds.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn claim(&self, key: &IdempotencyKey, body: &BodyDigest, now: DateTime<Utc>) -> Result<bool> {
        let body = hex::encode(body);
        let item = attribute::item([
            (OWNER, string(format!("idempotency#{}", key.0))),
            (RECORD, string("key")),
            (BODY, string(&body)),
            (EXPIRES_AT, number((now + KEPT_FOR).timestamp())),
        ]);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({OWNER}) OR {EXPIRES_AT} < :now OR {BODY} = :body"))
            .expression_attribute_values(":now", number(now.timestamp()))
            .expression_attribute_values(":body", string(&body));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).context("could not claim an idempotency key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_callers() {
        let key = IdempotencyKey::new;
        assert_eq!(key("shop", "1"), key("shop", "1"));
        assert_ne!(key("shop", "1"), key("bank", "1"));
        assert_ne!(key("a", "bc"), key("ab", "c"));
    }
}
