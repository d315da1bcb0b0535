//! `Idempotency-Key`: a request that is sent again carries the key of the first one.
//! Events are stored once whether or not there is a key; what the key adds is that
//! another body under the same key is an error of the sender, and answered as one.

use chrono::Utc;
use function_edge::{Caller, Problem, Request};
use learning_core::store::{BodyDigest, IdempotencyKey};

use crate::State;

/// The longest key that a sender may choose.
const KEY_BYTES: usize = 255;

/// Claims the key of a request, where it has one, for its body.
///
/// # Errors
/// 400 for a key that is empty or too long, and 422 for one that came with another
/// body within the last day.
pub async fn claim(
    state: &State,
    request: &Request,
    body: impl FnOnce() -> Result<BodyDigest, Problem>,
) -> Result<(), Problem> {
    let Some(key) = request.header("idempotency-key") else { return Ok(()) };
    let key = key.trim();
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err(Problem::malformed(format!("Idempotency-Key must have 1 to {KEY_BYTES} bytes")));
    }
    let key = IdempotencyKey::new(&scope(request), key);
    if state.idempotency_keys.claim(&key, &body()?, Utc::now()).await? {
        return Ok(());
    }
    Err(Problem::idempotency_key_reused())
}

/// Whose key it is: two callers may use the same one.
fn scope(request: &Request) -> String {
    let client = request.client.as_deref().unwrap_or_default();
    match request.caller {
        Caller::User(user) => format!("{client} user {user}"),
        _ => format!("{client} service"),
    }
}
