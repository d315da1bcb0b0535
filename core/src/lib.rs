//! The domain of FinCoach's continuous learning: events, training datasets,
//! their quality, their preparation, and the storage of all of it.
//!
//! Modules use only what stands below them: `usecase` → `store` →
//! `preparation` → `features`, `quality` → `dataset` → `event`.

pub mod dataset;
pub mod event;
pub mod features;
#[cfg(feature = "preparation")]
pub mod preparation;
pub mod quality;
#[cfg(feature = "store")]
pub mod store;
pub mod telemetry;
#[cfg(feature = "store")]
pub mod usecase;
