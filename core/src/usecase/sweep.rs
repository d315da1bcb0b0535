//! Sweeping the bucket: files of a version that has no manifest and that nobody goes
//! on with, and what the tasks of large preparations left behind. Without its manifest
//! a version is not there; this is only about the room that it takes.
//!
//! Nothing of a committed version, or of a preparation that somebody may be at, is
//! touched. What the head does not know of has begun since it was read: it stays.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Duration, Utc};

use crate::dataset::lifecycle::Head;
use crate::dataset::{Dataset, Version};
use crate::store::{Clients, Heads, Objects, Saved, Versions};

/// How long a preparation's lease must have run out before what it left is taken for
/// abandoned. The scheduled evaluation takes an automatic one up long before.
pub const ABANDONED_AFTER: Duration = Duration::days(1);
/// How long nobody may go on with a preparation whose files are being swept: as long as
/// a Lambda may run. A sweep deletes nothing after that.
const SWEEP_LASTS: Duration = Duration::minutes(15);

#[derive(Clone, Debug)]
pub struct Sweep {
    heads: Heads,
    versions: Versions,
    objects: Objects,
}

/// The objects of one version.
#[derive(Debug, Default)]
struct Left {
    files: Vec<String>,
    /// Between the tasks of a large preparation.
    scratch: Vec<String>,
}

impl Left {
    fn is_committed(&self) -> bool {
        self.files.iter().any(|key| key.ends_with("/manifest.json"))
    }
}

impl Sweep {
    pub fn new(clients: &Clients) -> Self {
        Self { heads: Heads::new(clients), versions: Versions::new(clients), objects: Objects::new(clients) }
    }

    /// Sweeps all datasets; answers how many objects went.
    ///
    /// # Errors
    /// Whatever the store says. Repeated, it goes on where it was.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<usize> {
        let mut swept = 0;
        for dataset in Dataset::all() {
            swept += self.dataset(dataset, now).await?;
        }
        Ok(swept)
    }

    async fn dataset(&self, dataset: Dataset, now: DateTime<Utc>) -> Result<usize> {
        // Before the objects: see above.
        let Some(head) = self.heads.read(dataset).await? else { return Ok(0) };
        let mut swept = 0;
        for (version, left) in self.left(dataset).await? {
            let unfinished = head.preparation.as_ref().filter(|preparation| preparation.version == version);
            let gone = match unfinished {
                Some(preparation) if preparation.lease_until + ABANDONED_AFTER <= now => {
                    self.abandoned(head.clone(), version).await?
                }
                Some(_) => 0,
                None if head.last_version.is_some_and(|last| version <= last) => {
                    self.outlived(dataset, version, left).await?
                }
                None => 0,
            };
            if gone > 0 {
                tracing::info!(%dataset, %version, objects = gone, "what a preparation left behind is swept");
            }
            swept += gone;
        }
        Ok(swept)
    }

    /// What lies in the bucket of each version of a dataset.
    async fn left(&self, dataset: Dataset) -> Result<BTreeMap<Version, Left>> {
        let mut left = BTreeMap::<Version, Left>::new();
        for folder in ["prepared", "scratch"] {
            let prefix = format!("{folder}/{dataset}/");
            for key in self.objects.list(&prefix).await? {
                // `latest.json` is of no version.
                let Some(version) = version_of(&key[prefix.len()..]) else { continue };
                let left = left.entry(version).or_default();
                if folder == "prepared" { left.files.push(key) } else { left.scratch.push(key) }
            }
        }
        Ok(left)
    }

    /// Files of a preparation that is written down but that nobody is at. It stays
    /// written down: whoever takes it up makes them anew.
    async fn abandoned(&self, mut head: Head, version: Version) -> Result<usize> {
        let until = Utc::now() + SWEEP_LASTS;
        // On the head, so that nobody puts a manifest over files that go: who takes the
        // preparation up, or has slept over it and commits, writes the head first.
        mark(&mut head, Some(until));
        if self.heads.save(&mut head, Utc::now()).await? == Saved::Conflict {
            return Ok(0);
        }
        let left = self.left(head.dataset).await?.remove(&version).unwrap_or_default();
        // The manifest may have been put, and only its record be missing.
        let keys = if left.is_committed() { Vec::new() } else { [left.files, left.scratch].concat() };
        let swept = self.delete(&keys, Some(until)).await?;
        self.release(head, until).await?;
        Ok(swept)
    }

    /// Lets others go on, also where somebody has written the head meanwhile: who slept
    /// over the preparation and let go of it, or an erasure.
    async fn release(&self, mut head: Head, until: DateTime<Utc>) -> Result<()> {
        let released = self.heads.change(&mut head, Utc::now(), |head| {
            let is_ours = head.preparation.as_ref().is_some_and(|begun| begun.swept_until == Some(until));
            if is_ours {
                mark(head, None);
            }
            Ok::<_, anyhow::Error>(is_ours)
        });
        released.await?;
        Ok(())
    }

    /// What is left of a version that is made. Its number is never given again, so
    /// nobody goes on with it.
    async fn outlived(&self, dataset: Dataset, version: Version, left: Left) -> Result<usize> {
        let mut keys = left.scratch.clone();
        if !left.files.is_empty() && !left.is_committed() {
            match self.versions.read(dataset, version).await? {
                Some(record) if record.withdrawn.is_some() => keys.extend(left.files),
                // That is not what a preparation leaves: somebody has to look.
                _ => tracing::warn!(%dataset, %version, "a version has lost its manifest; its files are left alone"),
            }
        }
        self.delete(&keys, None).await
    }

    async fn delete(&self, keys: &[String], until: Option<DateTime<Utc>>) -> Result<usize> {
        for (place, key) in keys.iter().enumerate() {
            if until.is_some_and(|until| Utc::now() >= until) {
                return Ok(place);
            }
            self.objects.delete(key).await?;
        }
        Ok(keys.len())
    }
}

fn mark(head: &mut Head, swept_until: Option<DateTime<Utc>>) {
    if let Some(preparation) = &mut head.preparation {
        preparation.swept_until = swept_until;
    }
}

/// The version that a key begins with, below its dataset: `v000042/…`.
fn version_of(key: &str) -> Option<Version> {
    let (version, _) = key.split_once('/')?;
    version.strip_prefix('v')?.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_their_version() {
        assert_eq!(version_of("v000042/data/train-00000-of-00001.parquet"), Some(Version(42)));
        assert_eq!(version_of("latest.json"), None);
        assert_eq!(version_of("v1x/data"), None);
    }
}
