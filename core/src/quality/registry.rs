//! All metrics: a new one is a line here, and a file.

use serde::{Deserialize, Serialize};

use super::judgement::Draft;
use super::record::{Record, Trace};
use super::{Metric, Rules};

macro_rules! metrics {
    ($($name:ident: $state:ty),* $(,)?) => {
        /// The state of every metric.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct States {
            $($name: $state),*
        }

        impl Metric for States {
            fn observe(&mut self, rules: &Rules, record: &Record<'_>) {
                $(self.$name.observe(rules, record);)*
            }

            fn observe_user(&mut self, rules: &Rules, traces: &[Trace]) {
                $(self.$name.observe_user(rules, traces);)*
            }

            fn merge(&mut self, rules: &Rules, other: Self) {
                $(self.$name.merge(rules, other.$name);)*
            }

            fn report(&self, rules: &Rules, draft: &mut Draft) {
                $(self.$name.report(rules, draft);)*
            }
        }
    };
}

metrics! {
    validity: super::validity::Validity,
    completeness: super::completeness::Completeness,
    consistency: super::consistency::Consistency,
    anomalies: super::anomaly::Anomalies,
    duplicates: super::duplicate::Duplicates,
    sentinels: super::sentinel::Sentinels,
    categories: super::categories::Categories,
    profile: super::profile::Profile,
    population: super::population::Population,
}
