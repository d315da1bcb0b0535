//! Values kept in order, for medians and for counts below a bound.

use super::fixed::Fixed;

/// A sorted list: finding is logarithmic; adding and removing move what lies
/// behind, which for the some hundred values of a month costs less than any tree.
#[derive(Debug, Default)]
pub struct Sorted(Vec<Fixed>);

impl Sorted {
    pub fn add(&mut self, value: Fixed) {
        let place = self.0.partition_point(|other| *other < value);
        self.0.insert(place, value);
    }

    /// Removes a value that was added.
    pub fn remove(&mut self, value: Fixed) {
        let place = self.0.partition_point(|other| *other < value);
        if self.0.get(place) == Some(&value) {
            self.0.remove(place);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|value| value.to_f64())
    }

    /// Values below `bound`.
    pub fn below(&self, bound: f64) -> usize {
        self.0.partition_point(|value| value.to_f64() < bound)
    }

    /// Values above twice the median, which for an even number of values is the
    /// mean of the two in the middle. Exact: no value equal to the bound is above it.
    pub fn above_twice_the_median(&self) -> usize {
        let Some(last) = self.0.len().checked_sub(1) else { return 0 };
        let bound = self.0[last / 2].plus(self.0[last.div_ceil(2)]);
        self.0.len() - self.0.partition_point(|value| *value <= bound)
    }
}
