//! What all functions share at their edge: reading triggers, routing requests,
//! answering them, and starting up.

mod caller;
mod gateway;
mod page;
mod problem;
mod reply;
mod request;
mod route;
mod start;
mod trigger;

pub use caller::{Audience, Caller, Callers, Scope};
pub use lambda_runtime::{Context, Error, LambdaEvent};
pub use page::{DEFAULT_LIMIT, MOST, PageRequest, cursor};
pub use problem::Problem;
pub use reply::{Answer, NDJSON, Reply};
pub use request::{Request, dataset_of};
pub use route::{Function, Route, find as find_route};
pub use serde_json::value::RawValue;
pub use start::{Start, run, start};
pub use trigger::Trigger;
