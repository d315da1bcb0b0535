//! Reading one user's events.

use anyhow::{Context, Result};

use super::attribute::string;
use super::event_item::event;
use super::tables::USER_ID;
use super::{Clients, MOST_EVALUATED};
use crate::event::{EventType, StoredEvent, UserId};

/// Reads events by user: one Query, whatever the size of the table.
#[derive(Clone, Debug)]
pub struct UserEventLog {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl UserEventLog {
    pub fn new(clients: &Clients) -> Self {
        Self { client: clients.dynamodb.clone(), table: clients.resources.events_table.clone() }
    }

    /// A user's events of one type, ordered by event id; none for a user that nobody reported on.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn of_type(&self, user: UserId, event_type: &EventType) -> Result<Vec<StoredEvent>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#user = :user")
            .filter_expression("#type = :type")
            .expression_attribute_names("#user", USER_ID)
            .expression_attribute_names("#type", "type")
            .expression_attribute_values(":user", string(user.to_string()))
            .expression_attribute_values(":type", string(event_type.name()))
            .consistent_read(true)
            .limit(MOST_EVALUATED)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.context("could not read a user's events")?.items() {
                events.push(event(item)?);
            }
        }
        Ok(events)
    }
}
