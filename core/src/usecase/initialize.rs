//! Making the datasets where they are missing.

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::dataset::Dataset;
use crate::dataset::lifecycle::Head;
use crate::store::{Counters, Heads, Saved};

/// Creates what is missing of the counter shards and the four datasets; answers
/// how many datasets were missing. Harmless when repeated or raced.
///
/// The shards come first: a head says that its dataset can be counted and closed.
///
/// # Errors
/// Whatever the store says.
pub async fn initialize(counters: &Counters, heads: &Heads, now: DateTime<Utc>) -> Result<usize> {
    counters.initialize().await?;
    let mut created = 0;
    for dataset in Dataset::all() {
        created += usize::from(heads.create(&Head::new(dataset, now)).await? == Saved::Yes);
    }
    Ok(created)
}
