//! What the functions do: one use case a file. Each reads the state, decides,
//! and writes with a condition, so that a trigger may be lost, repeated or late.

mod activity;
mod assess;
mod erase;
mod evaluate;
#[cfg(feature = "preparation")]
mod handover;
mod health;
mod incoming;
mod ingest;
mod initialize;
mod overview;
#[cfg(feature = "preparation")]
mod prepare;
mod reconcile;
#[cfg(feature = "preparation")]
mod replace;
mod requeue;
mod serve;
#[cfg(feature = "preparation")]
mod sweep;

pub use activity::KeepActivity;
pub use assess::{Assess, AssessError, Assessed, Failing, Trigger};
pub use erase::{Erase, ErasedVersions, PATIENCE as ERASURE_PATIENCE, Receipt, Receipts, Status as ErasureStatus};
pub use evaluate::{Announce, Evaluate};
#[cfg(feature = "preparation")]
pub use handover::{Handover, HandoverError, LINK_LASTS, Reported, Training, VersionDetails, VersionDiff};
pub use health::{CheckHealth, Dependencies, Dependency, Health, Step, Waiting, health, standings};
pub use incoming::{INCOMING, IncomingFiles, Parts, Progress, Status, is_incoming};
pub use ingest::{
    Arrival, BatchContext, Differing, Earlier, Failed, Incoming, Ingest, IngestError, Outcome, Requests, Senders,
    Terms, Unanswered, caught, parse,
};
pub use initialize::initialize;
pub use overview::{Collected, Observe, Overview};
#[cfg(feature = "preparation")]
pub use prepare::{LEASE, MOST_SEGMENTS, Plan, Prepare, PrepareError, Prepared, Request};
pub use reconcile::{Check, Reconcile};
#[cfg(feature = "preparation")]
pub use replace::Replace;
pub use requeue::{Requeue, Requeued};
pub use serve::{ServeFeatures, Served};
#[cfg(feature = "preparation")]
pub use sweep::{ABANDONED_AFTER, Sweep};
