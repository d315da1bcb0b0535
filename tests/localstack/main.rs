//! What the embedded stack stands in for, on LocalStack: the state machine runs on
//! its Step Functions, queues, bus and objects are its own; tables are DynamoDB
//! Local's. `tests/localstack/run` starts both, deploys the template to them, and
//! runs this; `cargo test` alone does not.

mod deployed;
mod machine;
mod objects;
mod preparation;
mod roads;
mod worker;
