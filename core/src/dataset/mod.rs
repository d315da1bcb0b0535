//! Training datasets: what feeds each, how it fills, when it is ready.
//!
//! [`spec`] declares the datasets; [`lifecycle`] is the state that is kept
//! of one; [`readiness`] judges it by its gates ([`mod@gate`]) and says when it
//! will have enough ([`mod@forecast`]); [`settings`] holds what an operator may set.

pub mod activity;
pub mod forecast;
pub mod gate;
pub mod history;
pub mod lifecycle;
pub mod membership;
pub mod readiness;
pub mod rules;
pub mod settings;
pub mod spec;
pub mod totals;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use self::spec::DatasetSpec;

/// One of the declared training datasets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dataset(u8);

impl Dataset {
    pub const RECOMMENDATION: Dataset = Dataset(0);
    pub const SEGMENTATION: Dataset = Dataset(1);
    pub const SPENDING: Dataset = Dataset(2);
    pub const GOAL: Dataset = Dataset(3);

    pub fn all() -> impl ExactSizeIterator<Item = Dataset> + DoubleEndedIterator + Clone {
        (0..spec::declared().len()).map(|place| Dataset(place as u8))
    }

    pub fn spec(self) -> &'static DatasetSpec {
        spec::declared()[usize::from(self.0)]
    }

    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The id under which the API knows the dataset: derived from its name, so
    /// that two deployments, or two racing initialisations, agree.
    pub fn id(self) -> Uuid {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_2b60_9c1e_4f0e_9a58_3d7c_51b2_e0a4);
        Uuid::new_v5(&NAMESPACE, self.name().as_bytes())
    }

    pub fn from_id(id: Uuid) -> Option<Self> {
        Self::all().find(|dataset| dataset.id() == id)
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Dataset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Dataset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Dataset {
    fn schema_name() -> Cow<'static, str> {
        "DatasetName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": Dataset::all().map(Dataset::name).collect::<Vec<_>>()})
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown dataset {0:?}: there are {names}", names = names())]
pub struct UnknownDataset(String);

fn names() -> String {
    Dataset::all().map(Dataset::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Dataset {
    type Err = UnknownDataset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all().find(|dataset| dataset.name() == name).ok_or_else(|| UnknownDataset(name.to_owned()))
    }
}

/// The span of intake between two versions of a dataset; the first is 1.
///
/// Every event is stamped with the epoch in which each dataset took it in. The
/// input of a version that closed epoch N is every event stamped N or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    pub const FIRST: Epoch = Epoch(1);

    /// The epoch before this one; `None` before the first.
    pub fn previous(self) -> Option<Self> {
        (self > Self::FIRST).then(|| Epoch(self.0 - 1))
    }

    pub fn next(self) -> Self {
        Epoch(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a prepared, immutable version of a dataset; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    /// As in object keys: `v000042`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("v{:06}", self.0))
    }
}

/// One value for each dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerDataset<T>(Vec<T>);

impl<T> PerDataset<T> {
    pub fn from_fn(value: impl FnMut(Dataset) -> T) -> Self {
        Self(Dataset::all().map(value).collect())
    }

    /// # Errors
    /// The first error of `value`.
    pub fn try_from_fn<E>(value: impl FnMut(Dataset) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self(Dataset::all().map(value).collect::<Result<_, E>>()?))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Dataset, &T)> {
        Dataset::all().zip(&self.0)
    }
}

impl<T: Default> Default for PerDataset<T> {
    fn default() -> Self {
        Self::from_fn(|_| T::default())
    }
}

impl<T> std::ops::Index<Dataset> for PerDataset<T> {
    type Output = T;

    fn index(&self, dataset: Dataset) -> &T {
        &self.0[usize::from(dataset.0)]
    }
}

impl<T> std::ops::IndexMut<Dataset> for PerDataset<T> {
    fn index_mut(&mut self, dataset: Dataset) -> &mut T {
        &mut self.0[usize::from(dataset.0)]
    }
}

/// How many events a dataset took in, and how many units count towards its threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events stamped for the dataset: its input.
    pub events: u64,
    /// Units that count: see [`spec`].
    pub counting: u64,
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts { events: self.events + other.events, counting: self.counting + other.counting }
    }
}

/// Never below zero.
impl std::ops::Sub for Counts {
    type Output = Counts;

    fn sub(self, other: Counts) -> Counts {
        Counts {
            events: self.events.saturating_sub(other.events),
            counting: self.counting.saturating_sub(other.counting),
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), std::ops::Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_datasets_that_they_name() {
        for (dataset, name) in [
            (Dataset::RECOMMENDATION, "recommendation"),
            (Dataset::SEGMENTATION, "segmentation"),
            (Dataset::SPENDING, "spending"),
            (Dataset::GOAL, "goal"),
        ] {
            assert_eq!(dataset.name(), name);
            assert_eq!(name.parse::<Dataset>().unwrap(), dataset);
            assert_eq!(Dataset::from_id(dataset.id()), Some(dataset));
            assert_eq!(serde_json::to_string(&dataset).unwrap(), format!("{name:?}"));
            assert_eq!(serde_json::from_str::<Dataset>(&format!("{name:?}")).unwrap(), dataset);
        }
        let unknown = "spendings".parse::<Dataset>().unwrap_err().to_string();
        assert_eq!(unknown, r#"unknown dataset "spendings": there are recommendation, segmentation, spending, goal"#);
    }
}
