//! What an operator may set: environment variables that begin with `LEARNING_`.
//!
//! Everything is checked at start; an unknown or impossible setting stops the
//! program with a sentence that says what to do.

mod callers;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use chrono::{Datelike, Duration};

pub use callers::CallerRules;

use super::gate::ExtraGates;
use super::history::Sufficiency;
use super::rules::RuleChanges;
use super::{Dataset, PerDataset};
use crate::event::envelope::Limits;
use crate::event::mapping::Mappings;
use crate::event::privacy::{self, ExtraKeys, RedactionKey, Redactor};
use crate::event::schema::RECOMMENDATION_INTERACTIONS;

/// Every variable that may be set begins with this.
pub const PREFIX: &str = "LEARNING_";

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Units that make each dataset ready.
    thresholds: PerDataset<u64>,
    pub sufficiency: Sufficiency,
    /// The least overall quality to train on, in [0, 1].
    pub quality_gate: f64,
    pub weights: Weights,
    /// What differs from the declared rules of quality.
    pub rules: RuleChanges,
    /// Records up to which a request for an assessment is answered at once.
    pub assess_at_once: u64,
    pub rewards: Rewards,
    pub limits: Limits,
    pub privacy: Redactor,
    /// Bytes of a request's body, as it comes.
    pub body_bytes: usize,
    /// Bytes of a request's body when it is decompressed.
    pub decompressed_bytes: usize,
    /// Whether a bulk file stays when all of it is taken in: what it holds is not redacted.
    pub keep_incoming: bool,
    /// How the items of foreign tables become events.
    pub mappings: Mappings,
    /// Whether requests need a token; without one, everybody may do everything.
    pub require_auth: bool,
    /// How a token says who its bearer is.
    pub callers: CallerRules,
    /// Events in one request.
    pub batch_events: usize,
    /// Parallel scans of the events table.
    pub scan_segments: u32,
    /// Bytes of users that a preparation holds before it spills them to scratch files.
    pub preparation_bytes: usize,
    /// Least time between two automatic assessments of a dataset.
    pub min_interval: Duration,
    /// Whether a dataset that becomes ready is prepared at once.
    auto_prepare: PerDataset<bool>,
    extra_gates: PerDataset<ExtraGates>,
    /// The secret that turns users into subjects; preparation refuses to work without one.
    pub pseudonym_key: Option<PseudonymKey>,
    pub resources: Resources,
}

/// How much each dimension of quality counts; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    pub completeness: f64,
    pub consistency: f64,
    pub validity: f64,
}

/// What an interaction with a recommendation is worth when its event does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rewards([f64; RECOMMENDATION_INTERACTIONS.len()]);

impl Rewards {
    /// The reward of an interaction; `None` for a word that is none.
    pub fn of(&self, interaction: &str) -> Option<f64> {
        let place = RECOMMENDATION_INTERACTIONS.iter().position(|word| *word == interaction)?;
        Some(self.0[place])
    }

    /// In the order of [`RECOMMENDATION_INTERACTIONS`].
    pub fn all(&self) -> [f64; RECOMMENDATION_INTERACTIONS.len()] {
        self.0
    }
}

impl Default for Rewards {
    fn default() -> Self {
        let of = |word: &str| match word {
            "implemented" => 1.0,
            "helpful" => 0.5,
            "click" => 0.2,
            "dismiss" => -0.2,
            "not_helpful" => -0.5,
            _ => 0.0,
        };
        Self(std::array::from_fn(|place| of(RECOMMENDATION_INTERACTIONS[place])))
    }
}

/// The names of what is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources {
    pub events_table: String,
    pub datasets_table: String,
    pub bucket: String,
    pub bus: String,
}

/// A secret of at least 32 bytes. It never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PseudonymKey(Vec<u8>);

impl PseudonymKey {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PseudonymKey(…)")
    }
}

impl FromStr for PseudonymKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match hex::decode(text) {
            Ok(bytes) if bytes.len() >= 32 => Ok(Self(bytes)),
            _ => Err("not 64 or more hexadecimal digits (make one with `openssl rand -hex 32`)"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct SettingError {
    pub variable: String,
    pub problem: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thresholds: PerDataset::from_fn(|dataset| dataset.spec().default_threshold),
            sufficiency: Sufficiency { transactions: 10, days: 14 },
            quality_gate: 0.7,
            weights: Weights { completeness: 0.4, consistency: 0.3, validity: 0.3 },
            rules: RuleChanges::default(),
            assess_at_once: 100_000,
            rewards: Rewards::default(),
            limits: Limits::default(),
            privacy: Redactor::default(),
            body_bytes: 4 * 1024 * 1024,
            decompressed_bytes: 32 * 1024 * 1024,
            keep_incoming: false,
            mappings: Mappings::default(),
            require_auth: true,
            callers: CallerRules::default(),
            batch_events: 500,
            scan_segments: 4,
            preparation_bytes: 256 * 1024 * 1024,
            min_interval: Duration::hours(1),
            auto_prepare: PerDataset::from_fn(|_| true),
            extra_gates: PerDataset::default(),
            pseudonym_key: None,
            resources: Resources {
                events_table: "fincoach-events".into(),
                datasets_table: "fincoach-datasets".into(),
                bucket: "fincoach-learning".into(),
                bus: "fincoach-learning".into(),
            },
        }
    }
}

impl Settings {
    pub fn threshold(&self, dataset: Dataset) -> u64 {
        self.thresholds[dataset]
    }

    /// Whether a dataset is prepared as soon as it is ready, without anybody asking.
    pub fn auto_prepares(&self, dataset: Dataset) -> bool {
        self.auto_prepare[dataset]
    }

    /// The gates beyond threshold and quality.
    pub fn extra_gates(&self, dataset: Dataset) -> &ExtraGates {
        &self.extra_gates[dataset]
    }

    /// Reads the settings from the process's environment.
    ///
    /// # Errors
    /// The first setting that is unknown or impossible.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::from_vars(std::env::vars())
    }

    /// Reads the settings from `vars`; those without the prefix are somebody else's.
    ///
    /// # Errors
    /// The first setting that is unknown or impossible.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, SettingError> {
        let given = vars.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value)));
        let mut vars = Vars { given: given.collect(), known: Vec::new() };
        let settings = Self::read(&mut vars)?;
        vars.finish()?;
        Ok(settings)
    }

    fn read(vars: &mut Vars) -> Result<Self, SettingError> {
        let mut settings = Settings::default();

        let sufficiency = &mut settings.sufficiency;
        vars.read("SUFFICIENT_TRANSACTIONS", &mut sufficiency.transactions, |count| *count > 0, "at least 1")?;
        vars.read("SUFFICIENT_DAYS", &mut sufficiency.days, |days| *days >= 0, "at least 0")?;
        vars.read("QUALITY_GATE", &mut settings.quality_gate, is_share, "between 0 and 1")?;
        let weights = &mut settings.weights;
        vars.read("WEIGHT_COMPLETENESS", &mut weights.completeness, is_share, "between 0 and 1")?;
        vars.read("WEIGHT_CONSISTENCY", &mut weights.consistency, is_share, "between 0 and 1")?;
        vars.read("WEIGHT_VALIDITY", &mut weights.validity, is_share, "between 0 and 1")?;
        weights.check()?;
        if let Some(rules) = vars.take("QUALITY_RULES") {
            settings.rules = rules.parse().map_err(|problem: String| error("QUALITY_RULES", problem))?;
        }
        vars.read("ASSESS_AT_ONCE", &mut settings.assess_at_once, |_| true, "a number of records")?;
        for (word, reward) in RECOMMENDATION_INTERACTIONS.iter().zip(&mut settings.rewards.0) {
            let name = format!("REWARD_{}", word.to_uppercase());
            vars.read(&name, reward, |reward| reward.abs() <= 1_000.0, "between -1000 and 1000")?;
        }
        vars.read(
            "EVENT_BYTES",
            &mut settings.limits.event_bytes,
            |bytes| (256..=300_000).contains(bytes),
            "256 to 300000",
        )?;
        vars.read("DEPTH", &mut settings.limits.depth, |depth| (1..=30).contains(depth), "1 to 30")?;
        vars.read(
            "STRING_BYTES",
            &mut settings.limits.string_bytes,
            |bytes| (64..=300_000).contains(bytes),
            "64 to 300000",
        )?;
        let mappings = r#"JSON: {"table": {"event_type": "=…", "user_id": "…", "occurred_at": "…", "data": {…}}}"#;
        vars.read("STREAM_MAPPINGS", &mut settings.mappings, |_| true, mappings)?;
        vars.read("KEEP_INCOMING", &mut settings.keep_incoming, |_| true, "true or false")?;
        vars.read("REQUIRE_AUTH", &mut settings.require_auth, |_| true, "true or false")?;
        settings.callers.read(vars)?;
        settings.read_bodies(vars)?;
        settings.read_preparation(vars)?;
        settings.read_privacy(vars)?;
        vars.read_seconds("CLOCK_SKEW_SECONDS", &mut settings.limits.times.skew)?;
        vars.read(
            "TIME_FLOOR",
            &mut settings.limits.times.floor,
            |floor| (1900..2100).contains(&floor.year()),
            "an RFC 3339 time of the years 1900 to 2099",
        )?;
        vars.read("BATCH_EVENTS", &mut settings.batch_events, |events| (1..=500).contains(events), "1 to 500")?;
        vars.read("SCAN_SEGMENTS", &mut settings.scan_segments, |count| (1..=1000).contains(count), "1 to 1000")?;
        vars.read_seconds("MIN_INTERVAL_SECONDS", &mut settings.min_interval)?;
        let mut auto_prepare = true;
        vars.read("AUTO_PREPARE", &mut auto_prepare, |_| true, "true or false")?;
        settings.auto_prepare = PerDataset::from_fn(|_| auto_prepare);
        for dataset in Dataset::all() {
            vars.read_dataset(dataset, &mut settings)?;
        }
        if let Some(key) = vars.take("PSEUDONYM_KEY") {
            settings.pseudonym_key = Some(key.parse().map_err(|problem: &str| error("PSEUDONYM_KEY", problem))?);
        }
        let resources = &mut settings.resources;
        vars.read("EVENTS_TABLE", &mut resources.events_table, |name| is_name(name), "not empty")?;
        vars.read("DATASETS_TABLE", &mut resources.datasets_table, |name| is_name(name), "not empty")?;
        vars.read("BUCKET", &mut resources.bucket, |name| is_name(name), "not empty")?;
        vars.read("BUS", &mut resources.bus, |name| is_name(name), "not empty")?;

        Ok(settings)
    }

    fn read_bodies(&mut self, vars: &mut Vars) -> Result<(), SettingError> {
        // A synchronous Lambda takes 6 MB, of which escaping wants its part.
        let (kib, mib) = (1024, 1024 * 1024);
        vars.read("BODY_BYTES", &mut self.body_bytes, |bytes| (kib..=4 * mib).contains(bytes), "1024 to 4194304")?;
        let possible = |bytes: &usize| (kib..=256 * mib).contains(bytes);
        vars.read("DECOMPRESSED_BYTES", &mut self.decompressed_bytes, possible, "1024 to 268435456")
    }

    fn read_preparation(&mut self, vars: &mut Vars) -> Result<(), SettingError> {
        let possible = |bytes: &usize| (1024 * 1024..=64 * 1024 * 1024 * 1024).contains(bytes);
        vars.read("PREPARATION_BYTES", &mut self.preparation_bytes, possible, "1048576 to 68719476736")
    }

    /// Every rule of redaction has a switch.
    fn read_privacy(&mut self, vars: &mut Vars) -> Result<(), SettingError> {
        let mut rules = privacy::Rules::default();
        for (name, rule) in [
            ("REDACT_KEYS", &mut rules.keys),
            ("REDACT_CARDS", &mut rules.cards),
            ("REDACT_IBANS", &mut rules.ibans),
            ("REDACT_SSNS", &mut rules.ssns),
            ("REDACT_EMAILS", &mut rules.emails),
            ("REDACT_PHONES", &mut rules.phones),
            ("REDACT_TOKENS", &mut rules.tokens),
        ] {
            vars.read(name, rule, |_| true, "true or false")?;
        }
        // 0 switches the rule off.
        let mut most = rules.string_chars.unwrap_or(0);
        vars.read("STRING_CHARS", &mut most, |most| *most == 0 || (32..=100_000).contains(most), "0, or 32 to 100000")?;
        rules.string_chars = (most > 0).then_some(most);
        let mut extra_keys = ExtraKeys::default();
        vars.read("REDACT_EXTRA_KEYS", &mut extra_keys, |_| true, "names of keys, separated by commas")?;
        let parsed = vars.take("REDACTION_KEY").map(|key| key.parse::<RedactionKey>());
        let key = parsed.transpose().map_err(|problem| error("REDACTION_KEY", problem))?;
        self.privacy = Redactor::new(rules, extra_keys, key);
        Ok(())
    }
}

impl Weights {
    fn check(&self) -> Result<(), SettingError> {
        let sum = self.completeness + self.consistency + self.validity;
        if (sum - 1.0).abs() > 1e-9 {
            return Err(error("WEIGHT_*", format!("the three weights must sum to 1, not {sum}")));
        }
        Ok(())
    }
}

// Both are passed as predicates over the value read, hence the references.
fn is_share(share: &f64) -> bool {
    (0.0..=1.0).contains(share)
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty()
}

fn error(name: &str, problem: impl Into<String>) -> SettingError {
    SettingError { variable: format!("{PREFIX}{name}"), problem: problem.into() }
}

struct Vars {
    /// Not read yet.
    given: BTreeMap<String, String>,
    /// The names that were asked for: there are no others.
    known: Vec<String>,
}

impl Vars {
    fn take(&mut self, name: &str) -> Option<String> {
        self.known.push(name.to_owned());
        self.given.remove(name)
    }

    fn read<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        setting: &mut T,
        possible: impl Fn(&T) -> bool,
        expected: &str,
    ) -> Result<(), SettingError> {
        if let Some(text) = self.take(name) {
            let value = text
                .trim()
                .parse()
                .map_err(|why| error(name, format!("{text:?} cannot be read ({why}); must be {expected}")))?;
            if !possible(&value) {
                return Err(error(name, format!("{text:?} is impossible; must be {expected}")));
            }
            *setting = value;
        }
        Ok(())
    }

    fn read_seconds(&mut self, name: &str, setting: &mut Duration) -> Result<(), SettingError> {
        let mut seconds = setting.num_seconds();
        self.read(name, &mut seconds, |seconds| (0..=31_536_000).contains(seconds), "0 to 31536000")?;
        *setting = Duration::seconds(seconds);
        Ok(())
    }

    /// What is set for one dataset, its name being the end of the variable's.
    fn read_dataset(&mut self, dataset: Dataset, settings: &mut Settings) -> Result<(), SettingError> {
        let name = |prefix: &str| format!("{prefix}_{}", dataset.name().to_uppercase());
        self.read(&name("THRESHOLD"), &mut settings.thresholds[dataset], |least| *least > 0, "at least 1")?;
        self.read(&name("AUTO_PREPARE"), &mut settings.auto_prepare[dataset], |_| true, "true or false")?;
        let gates = &mut settings.extra_gates[dataset];
        self.read(&name("MIN_USERS"), &mut gates.min_users, |_| true, "a number of users; 0 is off")?;
        self.read(&name("MIN_CLASS_RECORDS"), &mut gates.min_class_records, |_| true, "a number; 0 is off")?;
        self.read_seconds(&name("MAX_AGE_SECONDS"), &mut gates.max_age)?;
        self.read(
            &name("MAX_USER_SHARE"),
            &mut gates.max_user_share,
            |share| *share > 0.0 && *share <= 1.0,
            "above 0, up to 1; 1 is off",
        )?;
        self.read(&name("DRIFT_GATE"), &mut gates.drift, |_| true, "true or false")
    }

    fn finish(self) -> Result<(), SettingError> {
        match self.given.into_keys().next() {
            Some(name) => Err(error(&name, "no such setting; README.md lists them")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Settings, SettingError> {
        Settings::from_vars(vars.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(read(&[("PATH", "/bin")]), Ok(Settings::default()));
    }

    #[test]
    fn what_is_set_holds() {
        let settings = read(&[("LEARNING_THRESHOLD_GOAL", "7"), ("LEARNING_MIN_INTERVAL_SECONDS", "0")]).unwrap();
        assert_eq!(settings.threshold(Dataset::GOAL), 7);
        assert_eq!(settings.threshold(Dataset::SPENDING), 1_000);
        assert_eq!(settings.min_interval, Duration::zero());
        let settings = read(&[("LEARNING_STRING_CHARS", "0"), ("LEARNING_REDACT_PHONES", "false")]).unwrap();
        let rules = privacy::Rules { string_chars: None, phones: false, ..Default::default() };
        assert_eq!(settings.privacy.rules(), &rules);
        let settings = read(&[("LEARNING_REWARD_NOT_HELPFUL", "-2")]).unwrap();
        assert_eq!((settings.rewards.of("not_helpful"), settings.rewards.of("implemented")), (Some(-2.0), Some(1.0)));
        assert_eq!(settings.rewards.of("shrug"), None);
        let settings = read(&[("LEARNING_TIME_FLOOR", "2020-01-01T01:00:00+01:00")]).unwrap();
        assert_eq!(settings.limits.times.floor.to_rfc3339(), "2020-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_is_set_for_one_dataset_holds_for_it_alone() {
        let settings = read(&[("LEARNING_AUTO_PREPARE", "false"), ("LEARNING_AUTO_PREPARE_GOAL", "true")]).unwrap();
        assert!(settings.auto_prepares(Dataset::GOAL) && !settings.auto_prepares(Dataset::SPENDING));
        let settings = read(&[("LEARNING_AUTO_PREPARE_GOAL", "false"), ("LEARNING_MIN_USERS_GOAL", "9")]).unwrap();
        assert!(!settings.auto_prepares(Dataset::GOAL) && settings.auto_prepares(Dataset::SPENDING));
        assert_eq!(settings.extra_gates(Dataset::GOAL).min_users, 9);
        assert_eq!(settings.extra_gates(Dataset::SPENDING), &ExtraGates::default());
    }

    #[test]
    fn an_unknown_or_impossible_setting_is_named() {
        for (name, value, problem) in [
            ("LEARNING_TRESHOLD_GOAL", "7", "no such setting"),
            ("LEARNING_THRESHOLD_GOAL", "0", "at least 1"),
            ("LEARNING_THRESHOLD_GOAL", "many", "cannot be read"),
            ("LEARNING_QUALITY_GATE", "NaN", "between 0 and 1"),
            ("LEARNING_REWARD_CLICK", "inf", "between -1000 and 1000"),
            ("LEARNING_PSEUDONYM_KEY", "secret", "hexadecimal"),
            ("LEARNING_REDACTION_KEY", "secret", "hexadecimal"),
            ("LEARNING_BUCKET", " ", "not empty"),
            ("LEARNING_MAX_USER_SHARE_GOAL", "0", "above 0"),
            ("LEARNING_AUTO_PREPARE_GAOL", "true", "no such setting"),
            ("LEARNING_QUALITY_RULES", r#"{"transaction_creation.price": {"max": 1}}"#, "no field"),
            ("LEARNING_REDACT_CARDS", "off", "true or false"),
            ("LEARNING_TIME_FLOOR", "2000-01-01", "an RFC 3339 time"),
            ("LEARNING_TIME_FLOOR", "9999-01-01T00:00:00Z", "1900 to 2099"),
            ("LEARNING_STRING_CHARS", "5", "0, or 32 to 100000"),
            ("LEARNING_STREAM_MAPPINGS", r#"{"orders": {}}"#, "missing field"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(error.problem.contains(problem), "{error}");
        }
        assert!(read(&[("LEARNING_WEIGHT_VALIDITY", "0.5")]).unwrap_err().problem.contains("sum to 1"));
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../../../README.md");
        let mut vars = Vars { given: BTreeMap::new(), known: Vec::new() };
        Settings::read(&mut vars).unwrap();
        for name in vars.known {
            assert!(readme.contains(&format!("`{PREFIX}{name}`")), "{PREFIX}{name} is not in README.md");
        }
    }

    #[test]
    fn the_secret_does_not_show() {
        let key = "ab".repeat(32);
        let settings = read(&[("LEARNING_PSEUDONYM_KEY", &key), ("LEARNING_REDACTION_KEY", &key)]).unwrap();
        assert!(!format!("{settings:?}").contains("abab"));
    }
}
