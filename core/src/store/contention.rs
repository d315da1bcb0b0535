//! Contention on single items. DynamoDB rejects a write of one item while a
//! transaction holds that item, with `TransactionConflictException`; the SDK does
//! not retry that code by itself. The transaction ends within milliseconds, so the
//! clients retry the write with the same backoff as any transient error.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling>

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError};

/// The error code of a write on an item that a transaction holds.
pub(super) const TRANSACTION_CONFLICT: &str = "TransactionConflictException";

/// The longest wait before the first retry; each wait is random, and the bound doubles.
pub(super) const INITIAL_BACKOFF: Duration = Duration::from_millis(50);

/// The client configuration with retries of every single-item write that a transaction rejects.
pub(super) fn retried(config: Builder) -> Builder {
    config
        .retry_classifier(classifier::<PutItemError>())
        .retry_classifier(classifier::<UpdateItemError>())
        .retry_classifier(classifier::<DeleteItemError>())
}

/// The configuration of a write on an item that transactions hold most of the time: it
/// is attempted more often, for about ten seconds in all.
pub(super) fn persistent() -> Builder {
    const ATTEMPTS: u32 = 12;
    const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
    let retry = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF);
    Builder::new().retry_config(retry)
}

fn classifier<E>() -> AwsErrorCodeClassifier<E>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    AwsErrorCodeClassifier::builder().transient_errors(vec![TRANSACTION_CONFLICT]).build()
}
