//! Asking for a version, and waiting until it is there: also where a gateway does not
//! wait so long.

use anyhow::Result;
use serde_json::{Value, json};

use super::client::{Client, LEARNING, passes};
use super::progress::Progress;
use super::versions;

/// A version of this dataset, and how it is shown.
///
/// # Errors
/// One line: see [`super::Question::run`].
pub async fn prepare(client: &Client, dataset: &str, force: Option<String>) -> Result<(Value, fn(&Value) -> String)> {
    let id = client.id(dataset).await?;
    let mut body = json!({"dataset_id": id});
    if let Some(reason) = force {
        body["force"] = true.into();
        body["reason"] = reason.into();
    }
    let standing = format!("datasets/{id}");
    let last = client.get(&standing).await?["last_version"].take();

    let progress = Progress::begin(format!("Preparing {dataset}"));
    let error = match client.post("prepare-data", &body).await {
        Ok(answer) => return Ok((answer.body, versions::prepared)),
        Err(error) if passes(&error).is_some() => error,
        Err(error) => return Err(error),
    };
    // API Gateway gives up after 30 seconds; the function behind it goes on.
    progress.say(format!("Preparing {dataset}: the service goes on with it"));
    let now = client.follow(&format!("{LEARNING}{standing}"), |now| now["state"] != "preparing", |_| ()).await?;
    if now["last_version"] == last {
        return Err(error);
    }
    let version = client.get(&format!("{standing}/versions/{}", now["last_version"])).await?;
    Ok((version, versions::one))
}
