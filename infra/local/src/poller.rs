//! What the event source mapping does on AWS: reads the stream of the datasets
//! table and hands its records to readiness-check.
//!
//! It begins at the newest record: what changed while nobody read, the sweep at
//! the start finds in the state itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use function_edge::Function;
use serde_json::{Map, Value, json};

use crate::deliveries::UnderWay;
use crate::functions::Functions;

const EVERY: Duration = Duration::from_millis(250);

pub struct Poller {
    pub client: Client,
    pub table: String,
    pub functions: Arc<Functions>,
    pub under_way: UnderWay,
}

impl Poller {
    /// Reads for ever; an error begins anew.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.read().await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "reading the stream of the datasets table failed; it begins anew"
                );
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Reads until all shards have ended.
    async fn read(&self) -> Result<()> {
        let mut iterators = self.iterators().await?;
        while !iterators.is_empty() {
            let mut next = Vec::with_capacity(iterators.len());
            for iterator in iterators {
                let answer = self.client.get_records().shard_iterator(iterator).limit(1000).send().await?;
                if !answer.records().is_empty() {
                    let _piece = self.under_way.begin();
                    self.hand_over(answer.records()).await?;
                }
                next.extend(answer.next_shard_iterator);
            }
            iterators = next;
            tokio::time::sleep(EVERY).await;
        }
        Ok(())
    }

    async fn iterators(&self) -> Result<Vec<String>> {
        let streams = self.client.list_streams().table_name(&self.table).send().await?;
        let stream = streams.streams().last().and_then(|stream| stream.stream_arn());
        let stream = stream.with_context(|| format!("the table {} has no stream", self.table))?.to_owned();
        let description = self.client.describe_stream().stream_arn(&stream).send().await?;
        let description = description.stream_description.context("the stream has no description")?;
        let mut iterators = Vec::new();
        for shard in description.shards() {
            let answer = self
                .client
                .get_shard_iterator()
                .stream_arn(&stream)
                .set_shard_id(shard.shard_id.clone())
                .shard_iterator_type(ShardIteratorType::Latest)
                .send()
                .await?;
            iterators.extend(answer.shard_iterator);
        }
        Ok(iterators)
    }

    async fn hand_over(&self, records: &[Record]) -> Result<()> {
        let records: Vec<Value> = records.iter().map(lambda_record).collect();
        let payload = serde_json::value::to_raw_value(&json!({"Records": records}))?;
        self.functions.invoke(Function::ReadinessCheck, payload).await.map_err(|error| anyhow!(error))?;
        Ok(())
    }
}

/// A record as Lambda hands it to a function; the stream has the keys only.
fn lambda_record(record: &Record) -> Value {
    let change = record.dynamodb();
    let keys = change.and_then(|change| change.keys()).into_iter().flatten();
    let keys: Map<String, Value> = keys
        .filter_map(|(name, value)| match value {
            AttributeValue::S(text) => Some((name.clone(), json!({"S": text}))),
            _ => None,
        })
        .collect();
    json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(|name| name.as_str()),
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": keys,
            "SequenceNumber": change.and_then(|change| change.sequence_number()),
            "StreamViewType": "KEYS_ONLY",
        },
    })
}
