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

    /// A user's events of some types, ordered by event id; none for a user that nobody reported on.
    ///
    /// # Errors
    /// Whatever the service says; an item that is no event.
    pub async fn of_types(&self, user: UserId, event_types: &[EventType]) -> Result<Vec<StoredEvent>> {
        let names: Vec<String> = (0..event_types.len()).map(|place| format!(":type{place}")).collect();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#user = :user")
            .filter_expression(format!("#type IN ({})", names.join(", ")))
            .expression_attribute_names("#user", USER_ID)
            .expression_attribute_names("#type", "type")
            .expression_attribute_values(":user", string(user.to_string()))
            .consistent_read(true)
            .limit(MOST_EVALUATED);
        for (name, event_type) in names.into_iter().zip(event_types) {
            query = query.expression_attribute_values(name, string(event_type.name()));
        }
        let mut pages = query.into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.context("could not read a user's events")?.items() {
                events.push(event(item)?);
            }
        }
        Ok(events)
    }
}
