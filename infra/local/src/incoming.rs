//! What S3's notifications do on AWS: an object that is put under `incoming/` is
//! announced to event-ingestion. Here the folder is looked at every second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use function_edge::Function;
use learning_core::store::{Clients, Objects};
use learning_core::usecase::{INCOMING, is_incoming};
use serde_json::json;

use crate::deliveries::UnderWay;
use crate::functions::Functions;

const EVERY: Duration = Duration::from_secs(1);

/// Looks for ever. What was there before is announced too: a file that is taken
/// in to its end is left alone.
pub async fn run(clients: Clients, functions: Arc<Functions>, under_way: UnderWay) {
    let objects = Objects::new(&clients);
    let mut announced = HashMap::new();
    loop {
        if let Err(error) = look(&objects, &functions, &under_way, &mut announced).await {
            tracing::warn!(error = format!("{error:#}"), "a file under incoming/ was not taken in; it is tried again");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(
    objects: &Objects,
    functions: &Functions,
    under_way: &UnderWay,
    announced: &mut HashMap<String, String>,
) -> Result<()> {
    let keys = objects.list(INCOMING).await?;
    // One that is gone may come again, with other content.
    announced.retain(|key, _| keys.contains(key));
    for key in keys {
        if !is_incoming(&key) {
            continue;
        }
        // Other content under the same key is another file.
        let Some(part) = objects.get_part(&key, 0, 1).await? else { continue };
        if announced.get(&key) == Some(&part.content.tag) {
            continue;
        }
        let _piece = under_way.begin();
        // Keys come as in a query string.
        let encoded: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let record = json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": crate::engine::REGION,
            "eventName": "ObjectCreated:Put", "s3": {"object": {"key": encoded.replace("%2F", "/")}},
        });
        let payload = serde_json::value::to_raw_value(&json!({"Records": [record]}))?;
        functions.invoke(Function::EventIngestion, payload).await.map_err(|error| anyhow!(error))?;
        announced.insert(key, part.content.tag);
    }
    Ok(())
}
