//! Building the files of a version and putting them in place.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::dataset::lifecycle::{Head, Preparation};
use crate::dataset::settings::{PseudonymKey, Settings};
use crate::dataset::spec::Role;
use crate::dataset::{Counts, Dataset, Epoch};
use crate::preparation::{Builder, Latest, Lineage, Manifest, documents};
use crate::quality::{QualityState, Rules};
use crate::store::{Clients, EventScan, Heads, Objects, PutOutcome, UserEvents, VersionRecord};

const PARQUET: &str = "application/vnd.apache.parquet";
const JSON: &str = "application/json";

#[derive(Clone, Debug)]
pub struct Build {
    scan: EventScan,
    heads: Heads,
    pub(super) objects: Objects,
    pub(super) settings: Settings,
}

/// A version whose files are in place, and whose manifest is not.
pub(super) struct Put {
    manifest: Manifest,
    pub record: VersionRecord,
}

/// What a scan of a version's input, or of a part of it, gives.
pub(super) struct Input {
    pub builder: Builder,
    pub quality: QualityState,
    pub events: u64,
}

impl Build {
    pub fn new(clients: &Clients, settings: &Settings) -> Self {
        Self {
            scan: EventScan::new(clients, settings.scan_segments),
            heads: Heads::new(clients),
            objects: Objects::new(clients),
            settings: settings.clone(),
        }
    }

    /// Builds the version that closed `preparation`'s epoch, from every event of
    /// that epoch and earlier ones. It is there when it is committed.
    pub async fn version(
        &self,
        head: &Head,
        preparation: &Preparation,
        new: Counts,
        now: DateTime<Utc>,
    ) -> Result<Put> {
        let key = self.key()?;
        let input = self.read(head, preparation.epoch, key).await?;
        self.put(input, head, preparation, new, now).await
    }

    pub(super) fn key(&self) -> Result<&PseudonymKey> {
        self.settings.pseudonym_key.as_ref().context("there is no pseudonym key")
    }

    /// Writes the files of a version and puts them in place, all but the manifest.
    pub(super) async fn put(
        &self,
        input: Input,
        head: &Head,
        preparation: &Preparation,
        new: Counts,
        now: DateTime<Utc>,
    ) -> Result<Put> {
        let dataset = head.dataset;
        let key = self.key()?;
        let quality = input.quality.finish(&self.settings.weights);

        let scratch = tempfile::tempdir().context("could not make a scratch folder")?;
        let folder = scratch.path().to_owned();
        let prepared = tokio::task::spawn_blocking(move || input.builder.write(&folder)).await??;

        let lineage = Lineage {
            dataset,
            version: preparation.version,
            first_epoch: Epoch::FIRST,
            last_epoch: preparation.epoch,
            input: head.stored(),
            new,
            parent: head.last_version,
            configuration_hash: configuration_hash(&self.settings, key),
            forced: preparation.forced.clone(),
        };
        let manifest = Manifest::new(lineage, &prepared, serde_json::to_value(&quality)?);
        let prefix = format!("prepared/{dataset}/{}", preparation.version);
        let manifest_key = format!("{prefix}/manifest.json");
        // Before anything is put: the files of a committed version stay what its manifest says.
        self.is_committed(&manifest_key, &manifest).await?;
        for file in &prepared.files {
            let source = scratch.path().join(&file.path);
            self.objects.put_file(&format!("{prefix}/{}", file.path), &source, PARQUET).await?;
        }
        for document in documents(&manifest, &prepared.profiles) {
            let key = format!("{prefix}/{}", document.path);
            self.objects.put(&key, document.content, document.content_type).await?;
        }
        let record = VersionRecord {
            dataset,
            version: preparation.version,
            epoch: preparation.epoch,
            new,
            input: head.stored(),
            overall_score: quality.map(|judgement| judgement.metrics.overall_score),
            manifest: manifest_key,
            digest: manifest.digest.clone(),
            rows: prepared.files.iter().map(|file| file.rows).sum(),
            statistics: serde_json::to_value(&prepared.statistics)?,
            forced: preparation.forced.clone(),
            erased: head.erased.events,
            created_at: now,
            withdrawn: None,
        };
        Ok(Put { manifest, record })
    }

    /// Reads a version's input: as often as it takes to see every event that was
    /// counted, and never more than those. Not again where users were erased meanwhile:
    /// then the count is another.
    async fn read(&self, head: &Head, up_to: Epoch, key: &PseudonymKey) -> Result<Input> {
        const ATTEMPTS: usize = 3;
        let (dataset, counted) = (head.dataset, head.stored().events);
        let mut read = 0;
        for _ in 0..ATTEMPTS {
            let memory = self.settings.preparation_bytes / self.settings.scan_segments as usize;
            let empty = Input::empty(dataset, &self.settings, key)?.builder.with_memory(memory);
            let quality = QualityState::new(Rules::new(dataset, &self.settings));
            let new = || Input { builder: empty.sibling(), quality: quality.clone(), events: 0 };
            let inputs = self.scan.fold_inputs(dataset, Some(up_to), new, take).await?;
            let input = inputs.into_iter().reduce(merge).context("there are no scan segments")?;
            if input.events == counted {
                return Ok(input);
            }
            read = input.events;
            if self.heads.read(dataset).await?.is_some_and(|now| now.erased != head.erased) {
                break;
            }
        }
        bail!("{dataset} has counted {counted} events up to epoch {up_to}, but {read} are stored: not committed")
    }

    /// The conditional put that makes the version visible. A manifest that is
    /// there already must be of the same content: then an earlier attempt got this far.
    pub(super) async fn commit(&self, Put { manifest, record }: &Put) -> Result<()> {
        let key = &record.manifest;
        if self.objects.put_new(key, pretty(manifest)?, JSON).await? == PutOutcome::Created {
            return Ok(());
        }
        if !self.is_committed(key, manifest).await? {
            bail!("{key} came and went");
        }
        Ok(())
    }

    /// Whether the manifest is there.
    ///
    /// # Errors
    /// It is there, and of other content: after the tables were restored, say.
    async fn is_committed(&self, key: &str, manifest: &Manifest) -> Result<bool> {
        let Some(bytes) = self.objects.get(key).await? else { return Ok(false) };
        let committed: Manifest = serde_json::from_slice(&bytes).with_context(|| format!("{key} cannot be read"))?;
        if committed.digest != manifest.digest {
            bail!("{key} exists with other content (digest {}, not {})", committed.digest, manifest.digest);
        }
        Ok(true)
    }

    /// `latest.json`: where a trainer looks first.
    pub async fn point_latest_to(&self, version: &VersionRecord) -> Result<()> {
        let latest = Latest {
            dataset: version.dataset,
            version: version.version,
            manifest: version.manifest.clone(),
            digest: version.digest.clone(),
        };
        self.put_json(&format!("prepared/{}/latest.json", version.dataset), &latest).await
    }

    async fn put_json(&self, key: &str, content: &impl serde::Serialize) -> Result<()> {
        self.objects.put(key, pretty(content)?, JSON).await
    }
}

impl Input {
    pub(super) fn empty(dataset: Dataset, settings: &Settings, key: &PseudonymKey) -> Result<Self> {
        let quality = QualityState::new(Rules::new(dataset, settings));
        Ok(Self { builder: Builder::new(dataset, settings, key)?, quality, events: 0 })
    }
}

pub(super) fn take(input: &mut Input, mut user: UserEvents) {
    input.events += user.events.len() as u64;
    input.builder.add_user(user.user, &user.events);
    let dataset = input.builder.dataset();
    user.events.retain(|stored| dataset.role(&stored.event) == Some(Role::Record));
    if !user.events.is_empty() {
        input.quality.observe_user(&mut user.events);
    }
}

fn merge(mut input: Input, other: Input) -> Input {
    input.events += other.events;
    input.quality.merge(other.quality);
    input.builder.merge(other.builder);
    input
}

fn pretty(content: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(content)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Identifies what the content of a version depends on beside its events. The
/// key enters by its hash: another key gives other subjects and splits.
fn configuration_hash(settings: &Settings, key: &PseudonymKey) -> String {
    let weights = &settings.weights;
    let configuration = json!({
        "weights": [weights.completeness, weights.consistency, weights.validity],
        "clock_skew_seconds": settings.limits.times.skew.num_seconds(),
        "time_floor": settings.limits.times.floor,
        "sufficiency": [settings.sufficiency.transactions as i64, settings.sufficiency.days],
        "rewards": settings.rewards.all(),
        "pseudonym_key_sha256": hex::encode(Sha256::digest(key.bytes())),
    });
    hex::encode(Sha256::digest(configuration.to_string()))
}
