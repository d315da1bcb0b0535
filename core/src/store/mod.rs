//! Where state lives: two DynamoDB tables, a bucket and an event bus, reached
//! through the AWS SDK wherever the program runs.
//!
//! Each capability is a type of its own, so that a function names in its state
//! what it may do, and its IAM policy can say the same. Every write states its
//! condition; what a failed condition means is decided by the use case.

mod activity;
mod attribute;
mod bus;
mod contention;
mod counters;
mod eraser;
mod event_item;
mod event_log;
mod event_scan;
mod failure;
mod heads;
mod hold;
mod http;
mod idempotency;
mod objects;
mod quarantine;
mod records;
mod tables;
mod trained;
mod user_events;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

pub use activity::Activity;
pub use bus::{Bus, DATA_ERASED, ERASURE_REQUESTED, FACT_SOURCE, FILE_PARTLY_INGESTED, Fact};
pub use counters::{COUNTER_PREFIX, COUNTER_SHARDS, Closing, CounterShard, Counters, ShardId};
pub use eraser::{Counted, Eraser, Removal, Tombstone, Uncounted};
pub use event_item::event_item;
pub use event_log::{Addition, Batch, Entry, EventLog, HistoryEntry, MembershipEntry, OfUsers, Refusal, Standing};
pub use event_scan::{EventScan, UserEvents};
pub use failure::Failure;
pub use heads::{CHANGE_PREFIX, Heads, Timeline};
pub use hold::Hold;
pub use http::local_http_client;
pub use idempotency::{BodyDigest, IdempotencyKey, IdempotencyKeys};
pub use objects::{Content, Objects, Part, PutOutcome};
pub use quarantine::{Origin, QUARANTINE, Quarantine, Quarantined};
pub use records::{
    ASSESSMENT_PREFIX, Announcements, AssessmentRecord, AssessmentRequest, Assessments, Page, Saved, VersionRecord,
    Versions, Withdrawal,
};
pub use tables::{TableDefinition, ensure, table_definitions};
pub use trained::{TrainedReport, TrainedReports};
pub use user_events::UserEventLog;

use crate::dataset::settings::Resources;

/// No call to the tables takes as long unless something is wrong; it is tried
/// again, with jitter, and a transaction under the same token.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The most items that a page of a scan or query looks at. DynamoDB ends a page at 1 MB, which is mostly
/// fewer of ours. The embedded engine also answers no more than that, but reads, without a limit, all that
/// is left of the table or partition for every page: the square of what is stored.
const MOST_EVALUATED: i32 = 3_000;

/// How long a start waits for the tables; the first invocation has more patience.
const WARM_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait before something is tried again against other writers: full jitter up
/// to 10 ms × 2^attempts, at most 1 s.
pub fn backoff(attempts: u32) -> Duration {
    let ceiling = 10u64.saturating_mul(1 << attempts.min(7)).min(1_000);
    Duration::from_millis(rand::random_range(0..=ceiling))
}

/// Clients of the services, made once per process.
#[derive(Clone, Debug)]
pub struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub s3: aws_sdk_s3::Client,
    pub eventbridge: aws_sdk_eventbridge::Client,
    pub resources: Resources,
}

impl Clients {
    /// Clients for the account, region and endpoints of the environment.
    pub async fn from_env(resources: Resources) -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http::http_client()).load().await;
        // LocalStack answers buckets by path only; AWS answers both.
        let by_path = config.endpoint_url().is_some();
        Self::new(&config, by_path, resources)
    }

    pub fn new(config: &SdkConfig, bucket_by_path: bool, resources: Resources) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(bucket_by_path).build();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(config)
            .retry_config(
                RetryConfig::standard().with_max_attempts(4).with_initial_backoff(contention::INITIAL_BACKOFF),
            )
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build());
        let dynamodb = contention::retried(dynamodb);
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            s3: aws_sdk_s3::Client::from_conf(s3),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            resources,
        }
    }

    /// Reads one small item, so that the credentials are resolved and a connection
    /// to the tables stands before the first invocation. What goes wrong here is the
    /// first invocation's to find out and to answer.
    pub async fn warm(&self) {
        let counters = Counters::new(self);
        match tokio::time::timeout(WARM_TIMEOUT, counters.read(ShardId::pick(0))).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = format!("{error:#}"), "the tables could not be read at the start"),
            Err(_) => tracing::warn!("the tables did not answer at the start within {WARM_TIMEOUT:?}"),
        }
    }
}
