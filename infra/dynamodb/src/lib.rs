//! The operations of DynamoDB and its streams, by their names, on dynoxide.
//!
//! A crate of its own, so that a development build can optimise it: what reads and writes each request's
//! JSON is compiled here.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs an operation; `None` for a name that is none.
///
/// # Errors
/// What DynamoDB answers instead.
pub fn run(database: &Database, operation: &str, body: &[u8]) -> Option<dynoxide::Result<String>> {
    macro_rules! operations {
        ($($name:literal => $method:ident,)*) => {
            match operation {
                $($name => Some(call(body, |request| database.$method(request))),)*
                _ => None,
            }
        };
    }
    operations! {
        "CreateTable" => create_table,
        "DeleteTable" => delete_table,
        "DescribeTable" => describe_table,
        "ListTables" => list_tables,
        "UpdateTable" => update_table,
        "PutItem" => put_item,
        "GetItem" => get_item,
        "DeleteItem" => delete_item,
        "UpdateItem" => update_item,
        "Query" => query,
        "Scan" => scan,
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "TransactWriteItems" => transact_write_items,
        "TransactGetItems" => transact_get_items,
        "ListStreams" => list_streams,
        "DescribeStream" => describe_stream,
        "GetShardIterator" => get_shard_iterator,
        "GetRecords" => get_records,
        "UpdateTimeToLive" => update_time_to_live,
        "DescribeTimeToLive" => describe_time_to_live,
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "BatchExecuteStatement" => batch_execute_statement,
        "TagResource" => tag_resource,
        "UntagResource" => untag_resource,
        "ListTagsOfResource" => list_tags_of_resource,
    }
}

fn call<I: DeserializeOwned, O: Serialize>(
    body: &[u8],
    run: impl FnOnce(I) -> dynoxide::Result<O>,
) -> dynoxide::Result<String> {
    let request: I = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let answer = run(request)?;
    serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// A request that does not have the form of its operation. dynoxide marks what it finds while it reads
/// values by a word in capitals, which says the class of the error.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    match text.split_once(':') {
        Some((mark, message)) if mark.starts_with("VALIDATION") => {
            DynoxideError::ValidationException(message.to_owned())
        }
        Some((mark, message)) if mark.starts_with("SERIALIZATION") => {
            DynoxideError::SerializationException(message.to_owned())
        }
        _ if error.is_data() => DynoxideError::ValidationException(text),
        _ => DynoxideError::SerializationException(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of the error, or what is answered.
    fn ran(database: &Database, operation: &str, body: &str) -> Option<Result<String, &'static str>> {
        let ran = run(database, operation, body.as_bytes())?;
        Some(ran.map_err(|error| error.error_type().rsplit('#').next().unwrap_or_default()))
    }

    #[test]
    fn an_operation_is_run_by_its_name_and_what_it_cannot_read_is_the_senders_fault() {
        let database = Database::memory().unwrap();
        assert_eq!(ran(&database, "ListTables", "{}"), Some(Ok(r#"{"TableNames":[]}"#.to_owned())));
        assert_eq!(ran(&database, "DropEverything", "{}"), None);
        assert_eq!(ran(&database, "ListTables", "{"), Some(Err("SerializationException")));
        assert_eq!(
            ran(&database, "PutItem", r#"{"TableName": "t", "Item": {"a": {"S": 1}}}"#).map(|ran| ran.is_err()),
            Some(true)
        );
        let twice = r#"{"TableName": "t", "Item": {"a": {"S": "x", "N": "1"}}}"#;
        assert_eq!(ran(&database, "PutItem", twice), Some(Err("ValidationException")));
        let missing = r#"{"TableName": "events", "Key": {"a": {"S": "x"}}}"#;
        assert_eq!(ran(&database, "GetItem", missing), Some(Err("ResourceNotFoundException")));
    }
}
