//! What an operator may change of the rules by which quality is judged: a field is
//! required or not, its bounds, its vocabulary, what its rules of consistency ask for,
//! and rules that do not apply. What ingestion refuses stays as it is declared.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::spec::rules_for;
use crate::event::rule::{Demands, NOT_AFTER_INGESTION, ONE_TYPE, Rule};
use crate::event::schema::{EventSchema, Field, Kind, decimal, declared, of_name};

/// Changes by `type.field`, checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleChanges(BTreeMap<String, Change>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vocabulary: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interactions: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    off: Vec<String>,
}

/// What holds for one field instead of its declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adjusted {
    pub required: Option<bool>,
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
    pub vocabulary: Option<Vec<String>>,
    /// By how much a value may miss the one that a chain expects.
    pub tolerance: Option<Decimal>,
    /// The interactions of which records must carry the field.
    pub interactions: Option<Vec<String>>,
    /// Rules that are not checked.
    pub off: Vec<String>,
}

/// The changes by the places of event types and fields; the time of the event
/// comes after the last field.
pub type ByPlace = Vec<Vec<Option<Adjusted>>>;

impl FromStr for RuleChanges {
    type Err = String;

    /// Reads JSON such as `{"transaction_creation.amount": {"max": 100000}}`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let changes: Self =
            serde_json::from_str(text).map_err(|error| format!("it is no such JSON object: {error}"))?;
        changes.0.iter().try_for_each(|(name, change)| change.check(name))?;
        Ok(changes)
    }
}

impl Change {
    fn check(&self, name: &str) -> Result<(), String> {
        let (schema, field) =
            find(name).ok_or_else(|| format!("there is no field {name:?} (it must be type.field)"))?;
        if (self.min.is_some() || self.max.is_some())
            && !field.is_some_and(|field| matches!(field.kind, Kind::Number { .. }))
        {
            return Err(format!("{name} is no number, so it has no min and no max"));
        }
        if self.vocabulary.is_some()
            && !field.is_some_and(|field| {
                matches!(field.kind, Kind::Text(_) | Kind::Name(_) | Kind::Vocabulary(_) | Kind::Currency)
            })
        {
            return Err(format!("{name} is no text, so it has no vocabulary"));
        }
        if self.required.is_some() && field.is_none() {
            return Err(format!("{name} is always required"));
        }
        let (min, max) = (self.min.as_ref().map(bound).transpose()?, self.max.as_ref().map(bound).transpose()?);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            return Err(format!("the min of {name} is above its max"));
        }
        self.check_demands(name, schema)?;
        let own = rules_on(schema, name).map(|rule| rule.name);
        let general = if field.is_some() { ONE_TYPE } else { NOT_AFTER_INGESTION };
        let rules: Vec<&str> = own.chain([general]).collect();
        match self.off.iter().find(|off| !rules.contains(&off.as_str())) {
            Some(unknown) => Err(format!("{name} has no rule {unknown:?} (it has {})", rules.join(", "))),
            None => Ok(()),
        }
    }

    /// What rules of consistency ask for can only be changed where there is such a rule.
    fn check_demands(&self, name: &str, schema: &'static EventSchema) -> Result<(), String> {
        let has = |demands: fn(&Demands) -> bool| rules_on(schema, name).any(|rule| demands(&rule.demands));
        if let Some(tolerance) = &self.tolerance {
            if !has(|demands| matches!(demands, Demands::Chain { .. })) {
                return Err(format!("{name} does not chain, so it has no tolerance"));
            }
            if bound(tolerance)?.is_sign_negative() {
                return Err(format!("the tolerance of {name} is below 0"));
            }
        }
        if let Some(interactions) = &self.interactions {
            if !has(|demands| matches!(demands, Demands::Carries { .. })) {
                return Err(format!("no interactions must carry {name}, so there are none to choose"));
            }
            let known = schema.interactions().unwrap_or_default();
            if let Some(unknown) = interactions.iter().find(|word| !known.contains(&word.as_str())) {
                return Err(format!("{unknown:?} is no interaction (they are {})", known.join(", ")));
            }
        }
        Ok(())
    }
}

/// The rules of which violations are reported on `type.field`.
fn rules_on(schema: &'static EventSchema, name: &str) -> impl Iterator<Item = &'static Rule> {
    let field = name.split_once('.').map_or("", |(_, field)| field).to_owned();
    rules_for(schema).map(|(_, rule)| rule).filter(move |rule| rule.field == field)
}

/// The declarations of `type.field`; no field is declared for the time of the event.
fn find(name: &str) -> Option<(&'static EventSchema, Option<&'static Field>)> {
    let (event_type, field) = name.split_once('.')?;
    let schema = of_name(event_type)?;
    match schema.place(field) {
        Some(place) => Some((schema, Some(&schema.fields[place]))),
        None => (field == "occurred_at").then_some((schema, None)),
    }
}

fn bound(number: &Number) -> Result<Decimal, String> {
    decimal(&Value::Number(number.clone())).ok_or_else(|| format!("{number} has too many digits"))
}

impl RuleChanges {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By places; empty where nothing is changed.
    pub fn by_place(&self) -> ByPlace {
        if self.is_empty() {
            return Vec::new();
        }
        let of = |schema: &EventSchema, field: &str| {
            let change = self.0.get(&format!("{}.{field}", schema.event_type))?;
            Some(Adjusted {
                required: change.required,
                min: change.min.as_ref().and_then(|number| bound(number).ok()),
                max: change.max.as_ref().and_then(|number| bound(number).ok()),
                vocabulary: change.vocabulary.clone(),
                tolerance: change.tolerance.as_ref().and_then(|number| bound(number).ok()),
                interactions: change.interactions.clone(),
                off: change.off.clone(),
            })
        };
        let fields = |schema: &&EventSchema| {
            schema.fields.iter().map(|field| field.name).chain(["occurred_at"]).map(|field| of(schema, field)).collect()
        };
        declared().iter().map(fields).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        for (json, problem) in [
            ("[]", "no such JSON object"),
            (r#"{"transaction_creation.amont": {"max": 1}}"#, "no field \"transaction_creation.amont\""),
            (r#"{"transaction_creation.amount": {"maximum": 1}}"#, "unknown field `maximum`"),
            (r#"{"transaction_creation.amount": {"min": 2, "max": 1}}"#, "above its max"),
            (r#"{"transaction_creation.category": {"min": 2}}"#, "is no number"),
            (r#"{"transaction_creation.amount": {"vocabulary": ["1"]}}"#, "is no text"),
            (r#"{"transaction_creation.occurred_at": {"required": false}}"#, "always required"),
            (r#"{"transaction_creation.amount": {"off": ["balance_chain"]}}"#, "it has one_type"),
            (r#"{"transaction_creation.amount": {"tolerance": 1}}"#, "does not chain"),
            (r#"{"transaction_creation.balance_after": {"tolerance": -1}}"#, "below 0"),
            (r#"{"recommendation_interaction.position": {"interactions": ["click"]}}"#, "no interactions must carry"),
            (r#"{"recommendation_interaction.action_id": {"interactions": ["shrug"]}}"#, "\"shrug\" is no interaction"),
        ] {
            let error = json.parse::<RuleChanges>().unwrap_err();
            assert!(error.contains(problem), "{json}: {error}");
        }
    }

    #[test]
    fn changes_stand_at_the_places_of_their_fields() {
        let json = r#"{"transaction_creation.amount": {"max": 100.5}, "goal_modification.interaction_type": {"off": ["goal_order"]}}"#;
        let changes: RuleChanges = json.parse().unwrap();
        let places = changes.by_place();
        assert_eq!(places[0][1].as_ref().unwrap().max, Some("100.5".parse().unwrap()));
        assert_eq!(places[2][1].as_ref().unwrap().off, ["goal_order"]);
        assert_eq!(places.iter().flatten().flatten().count(), 2);
        assert!(RuleChanges::default().by_place().is_empty());
    }
}
