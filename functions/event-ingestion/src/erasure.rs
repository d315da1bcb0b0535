//! DELETE a user's data, and the receipt.

use chrono::Utc;
use function_edge::{Problem, Reply, Request};
use learning_core::event::UserId;
use serde_json::json;

use crate::State;

/// 202 with the receipt and its URL; asked again, the same.
pub async fn erase(state: &State, request: &Request) -> Result<Reply, Problem> {
    let user = UserId(request.uuid("user_id")?);
    request.caller.may_touch(user)?;
    let receipt = state.erase.request(user, Utc::now()).await?;
    let url = format!("/coaching/users/{user}/erasures/{}", receipt.erasure_id);
    let mut body = json!(receipt);
    body["receipt"] = json!(url);
    Ok(Reply::json(202, &body)?.with_location(&url))
}

pub async fn receipt(state: &State, request: &Request) -> Result<Reply, Problem> {
    let user = UserId(request.uuid("user_id")?);
    request.caller.may_touch(user)?;
    let erasure = request.uuid("erasure_id")?;
    match state.erase.receipt(user, erasure).await? {
        Some(receipt) => Reply::json(200, &receipt),
        None => Err(Problem::not_found("this user has no such erasure")),
    }
}
