//! What a failed call to a service means to whoever waits for it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::{
    batch_get_item::BatchGetItemError, get_item::GetItemError, put_item::PutItemError, query::QueryError,
    transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

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
            .or_else(|| of_sdk::<QueryError>(error))
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
                | "RequestLimitExceeded",
            ) => Failure::Throttled,
            Some("InternalServerError" | "ServiceUnavailable" | "TransactionInProgressException") => {
                Failure::Unavailable
            }
            _ => Failure::Permanent,
        },
    })
}
