//! What had come in by when: one item a day.

use anyhow::{Context, Result};

use super::Clients;
use super::attribute::{self, Item, string, time};
use super::tables::{OWNER, RECORD};
use crate::dataset::activity::Observation;

/// The partition of all observations; the day is the sort key.
const ACTIVITY: &str = "activity";
const OBSERVED_AT: &str = "observed_at";

#[derive(Clone, Debug)]
pub struct Activity {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Activity {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.datasets_table.clone() }
    }

    /// Keeps an observation, unless its day has a later one.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn observe(&self, observation: &Observation) -> Result<()> {
        let mut item = key(&observation.day().to_string());
        item.insert(OBSERVED_AT.into(), time(observation.at));
        item.insert("body".into(), string(serde_json::to_string(observation)?));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({OWNER}) OR {OBSERVED_AT} < :at"))
            .expression_attribute_values(":at", time(observation.at));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error).context("could not keep what has come in by now"),
        }
    }

    /// The observations of the last `days` days on which there was one, newest first.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn recent(&self, days: i32) -> Result<Vec<Observation>> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#owner = :owner")
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_values(":owner", string(ACTIVITY))
            .scan_index_forward(false)
            .limit(days)
            .send()
            .await
            .context("could not read what had come in")?;
        let read = |item: &Item| -> Result<Observation> {
            serde_json::from_str(attribute::get_string(item, "body")?).context("an observation cannot be read")
        };
        answer.items().iter().map(read).collect()
    }
}

fn key(day: &str) -> Item {
    attribute::item([(OWNER, string(ACTIVITY)), (RECORD, string(day))])
}
