//! What a failed call to a service means to whoever waits for it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::{
    batch_get_item::BatchGetItemError, delete_item::DeleteItemError, get_item::GetItemError, put_item::PutItemError,
    query::QueryError, scan::ScanError, transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
};
use aws_sdk_s3::operation::{
    delete_object::DeleteObjectError, get_object::GetObjectError, list_objects_v2::ListObjectsV2Error,
    put_object::PutObjectError,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::contention::TRANSACTION_CONFLICT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The service asks for fewer requests.
    Throttled,
    /// The service did not answer, or answered that it cannot. What was asked
    /// for may have been done.
    Unavailable,
    /// Anything else: repeating it would not help.
    Permanent,
}

impl Failure {
    /// Of an error that a capability of this module returned.
    pub fn of(error: &anyhow::Error) -> Self {
        of_sdk::<TransactWriteItemsError>(error)
            .or_else(|| of_sdk::<GetItemError>(error))
            .or_else(|| of_sdk::<BatchGetItemError>(error))
            .or_else(|| of_sdk::<PutItemError>(error))
            .or_else(|| of_sdk::<UpdateItemError>(error))
            .or_else(|| of_sdk::<DeleteItemError>(error))
            .or_else(|| of_sdk::<QueryError>(error))
            .or_else(|| of_sdk::<ScanError>(error))
            .or_else(|| of_sdk::<GetObjectError>(error))
            .or_else(|| of_sdk::<PutObjectError>(error))
            .or_else(|| of_sdk::<ListObjectsV2Error>(error))
            .or_else(|| of_sdk::<DeleteObjectError>(error))
            .unwrap_or(Failure::Permanent)
    }
}

fn of_sdk<E>(error: &anyhow::Error) -> Option<Failure>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = error.downcast_ref::<SdkError<E, HttpResponse>>()?;
    Some(match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => Failure::Unavailable,
        SdkError::ServiceError(service) if service.raw().status().is_server_error() => Failure::Unavailable,
        _ => match error.code() {
            Some(
                "ThrottlingException"
                | "ThrottlingError"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "SlowDown"
                // Transactions held the item for longer than all retries took.
                | TRANSACTION_CONFLICT,
            ) => Failure::Throttled,
            Some("InternalServerError" | "ServiceUnavailable" | "TransactionInProgressException") => {
                Failure::Unavailable
            }
            _ => Failure::Permanent,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_a_scan_or_an_object_in_vain_may_come_again() {
        let scan: SdkError<ScanError, HttpResponse> = SdkError::timeout_error("no answer within 10 s");
        let get: SdkError<GetObjectError, HttpResponse> = SdkError::timeout_error("no answer within 10 s");
        let context = |error: anyhow::Error| error.context("could not read");
        assert_eq!(Failure::of(&context(scan.into())), Failure::Unavailable);
        assert_eq!(Failure::of(&context(get.into())), Failure::Unavailable);
        assert_eq!(Failure::of(&anyhow::anyhow!("a bug")), Failure::Permanent);
    }
}
