//! Training datasets: what feeds each, how it fills, when it is ready.
//!
//! [`spec`] declares the four datasets; [`lifecycle`] is the state that is kept
//! of one; [`readiness`] judges it; [`settings`] holds what an operator may set.

pub mod history;
pub mod lifecycle;
pub mod readiness;
pub mod settings;
pub mod spec;
pub mod totals;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One of the four training datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    Recommendation,
    Segmentation,
    Spending,
    Goal,
}

impl Dataset {
    pub const ALL: [Dataset; 4] = [Dataset::Recommendation, Dataset::Segmentation, Dataset::Spending, Dataset::Goal];

    pub fn name(self) -> &'static str {
        match self {
            Dataset::Recommendation => "recommendation",
            Dataset::Segmentation => "segmentation",
            Dataset::Spending => "spending",
            Dataset::Goal => "goal",
        }
    }

    /// The id under which the API knows the dataset: derived from its name, so
    /// that two deployments, or two racing initialisations, agree.
    pub fn id(self) -> Uuid {
        const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_2b60_9c1e_4f0e_9a58_3d7c_51b2_e0a4);
        Uuid::new_v5(&NAMESPACE, self.name().as_bytes())
    }

    pub fn from_id(id: Uuid) -> Option<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.id() == id)
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown dataset {0:?}: there are recommendation, segmentation, spending and goal")]
pub struct UnknownDataset(String);

impl FromStr for Dataset {
    type Err = UnknownDataset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == name).ok_or_else(|| UnknownDataset(name.to_owned()))
    }
}

/// The span of intake between two versions of a dataset; the first is 1.
///
/// Every event is stamped with the epoch in which each dataset took it in. The
/// input of a version that closed epoch N is every event stamped N or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    pub const FIRST: Epoch = Epoch(1);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    /// As in object keys: `v000042`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("v{:06}", self.0))
    }
}

/// One value for each dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDataset<T>([T; Dataset::ALL.len()]);

impl<T> PerDataset<T> {
    pub fn from_fn(value: impl FnMut(Dataset) -> T) -> Self {
        Self(Dataset::ALL.map(value))
    }

    /// # Errors
    /// The first error of `value`.
    pub fn try_from_fn<E>(mut value: impl FnMut(Dataset) -> Result<T, E>) -> Result<Self, E> {
        let [a, b, c, d] = Dataset::ALL;
        Ok(Self([value(a)?, value(b)?, value(c)?, value(d)?]))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Dataset, &T)> {
        Dataset::ALL.into_iter().zip(&self.0)
    }
}

impl<T> std::ops::Index<Dataset> for PerDataset<T> {
    type Output = T;

    fn index(&self, dataset: Dataset) -> &T {
        &self.0[dataset as usize]
    }
}

impl<T> std::ops::IndexMut<Dataset> for PerDataset<T> {
    fn index_mut(&mut self, dataset: Dataset) -> &mut T {
        &mut self.0[dataset as usize]
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
