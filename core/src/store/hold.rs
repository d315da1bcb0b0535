//! A hold on automatic assessment and preparation: while a file is replayed,
//! both wait for its last event.

use anyhow::{Context, Result};
use chrono::{DateTime, Duration, Utc};

use super::Clients;
use super::attribute::{self, Item, string, time};
use super::tables::{OWNER, RECORD};

/// What lasts longer was set by a clock that was ahead, and would hold everything until then.
const LONGEST: Duration = Duration::days(1);

/// The hold lapses by itself, so that a replay that died holds nothing for long.
#[derive(Clone, Debug)]
pub struct Hold {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Hold {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.datasets_table.clone() }
    }

    /// Holds, or goes on holding, until `until`: a day ahead at most.
    ///
    /// # Errors
    /// Whatever the service says.
    pub async fn extend(&self, until: DateTime<Utc>) -> Result<()> {
        let mut item = key();
        item.insert("until".into(), time(until));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.context("could not hold automatic preparation")?;
        Ok(())
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn release(&self) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key()));
        delete.send().await.context("could not release automatic preparation")?;
        Ok(())
    }

    /// # Errors
    /// Whatever the service says.
    pub async fn is_active(&self, now: DateTime<Utc>) -> Result<bool> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key())).consistent_read(true);
        let answer = get.send().await.context("could not read whether automatic preparation is held")?;
        match answer.item() {
            None => Ok(false),
            Some(item) => {
                let until = attribute::get_time(item, "until")?;
                Ok(until > now && until <= now + LONGEST)
            }
        }
    }
}

fn key() -> Item {
    attribute::item([(OWNER, string("control")), (RECORD, string("hold"))])
}
