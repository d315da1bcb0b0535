//! The one definition of the tables and the bucket. The program makes what is
//! absent; a deployment's template is held to the same definition.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::Clients;
use crate::dataset::settings::Resources;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    pub name: String,
    pub partition_key: &'static str,
    pub sort_key: &'static str,
    /// Whether the keys of changed items are streamed, to readiness-check.
    pub streamed: bool,
    /// The attribute that says when an item expires, in seconds since 1970.
    pub expiry: Option<&'static str>,
}

pub(super) const USER_ID: &str = "user_id";
pub(super) const EVENT_ID: &str = "event_id";
pub(super) const OWNER: &str = "dataset";
pub(super) const RECORD: &str = "record";
pub(super) const EXPIRES_AT: &str = "expires_at";

/// The tables, all keys being strings.
pub fn table_definitions(resources: &Resources) -> [TableDefinition; 2] {
    [
        TableDefinition {
            name: resources.events_table.clone(),
            partition_key: USER_ID,
            sort_key: EVENT_ID,
            streamed: false,
            expiry: None,
        },
        TableDefinition {
            name: resources.datasets_table.clone(),
            partition_key: OWNER,
            sort_key: RECORD,
            streamed: true,
            expiry: Some(EXPIRES_AT),
        },
    ]
}

/// Makes the tables and the bucket where they are absent, and waits until they
/// can be used.
///
/// # Errors
/// Whatever the services say.
pub async fn ensure(clients: &Clients) -> Result<()> {
    for table in &table_definitions(&clients.resources) {
        ensure_table(clients, table).await?;
    }
    ensure_bucket(clients).await
}

async fn ensure_table(clients: &Clients, table: &TableDefinition) -> Result<()> {
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let stream = table.streamed.then(|| {
        StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly).build()
    });
    let created = clients
        .dynamodb
        .create_table()
        .table_name(&table.name)
        .attribute_definitions(attribute(table.partition_key)?)
        .attribute_definitions(attribute(table.sort_key)?)
        .key_schema(key(table.partition_key, KeyType::Hash)?)
        .key_schema(key(table.sort_key, KeyType::Range)?)
        .billing_mode(BillingMode::PayPerRequest)
        .set_stream_specification(stream.transpose()?)
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {}
        Err(error) => return Err(error).with_context(|| format!("could not create the table {}", table.name)),
    }
    until_active(clients, &table.name).await?;
    match table.expiry {
        Some(attribute) => ensure_expiry(clients, &table.name, attribute).await,
        None => Ok(()),
    }
}

/// Lets items expire, unless they do already: the service rejects a second request.
async fn ensure_expiry(clients: &Clients, table: &str, attribute: &str) -> Result<()> {
    let described = clients.dynamodb.describe_time_to_live().table_name(table).send().await;
    let described = described.with_context(|| format!("could not read when items of {table} expire"))?;
    let status = described.time_to_live_description().and_then(|description| description.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build()?;
    let update = clients.dynamodb.update_time_to_live().table_name(table).time_to_live_specification(specification);
    update.send().await.with_context(|| format!("could not let items of {table} expire"))?;
    Ok(())
}

async fn until_active(clients: &Clients, name: &str) -> Result<()> {
    loop {
        let description = clients
            .dynamodb
            .describe_table()
            .table_name(name)
            .send()
            .await
            .with_context(|| format!("could not describe the table {name}"))?;
        if description.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn ensure_bucket(clients: &Clients) -> Result<()> {
    let bucket = &clients.resources.bucket;
    if clients.s3.head_bucket().bucket(bucket).send().await.is_ok() {
        return Ok(());
    }
    match clients.s3.create_bucket().bucket(bucket).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_bucket_already_owned_by_you()) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("could not create the bucket {bucket}")),
    }
}
