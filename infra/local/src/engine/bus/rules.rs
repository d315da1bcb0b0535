//! The rules of the bus, which the template gives to EventBridge as well.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::pattern::Pattern;

/// Rules in the order of their file, with patterns that were understood.
#[derive(Debug, Clone)]
pub struct Rules(Vec<Rule>);

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) target: String,
    pattern: Pattern,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    name: String,
    /// For the reader of the file and of the AWS console.
    #[serde(rename = "description")]
    _description: String,
    pattern: Value,
    target: String,
}

impl Rules {
    /// The rules of the service, `infra/rules.json`.
    ///
    /// # Errors
    /// None that a build whose tests passed can meet.
    pub fn bundled() -> Result<Self> {
        Self::parse(include_str!("../../../../rules.json")).context("infra/rules.json")
    }

    /// # Errors
    /// The text is not a list of rules, two share a name, or a pattern uses
    /// what the local bus does not know and would match otherwise than AWS.
    pub fn parse(text: &str) -> Result<Self> {
        let declared: Vec<Declared> = serde_json::from_str(text).context("not a list of rules")?;
        let mut names = BTreeSet::new();
        let rules = declared.into_iter().map(|rule| {
            ensure!(!rule.name.is_empty(), "a rule has no name");
            ensure!(names.insert(rule.name.clone()), "two rules are called {:?}", rule.name);
            ensure!(!rule.target.is_empty(), "rule {:?} has no target", rule.name);
            let pattern = Pattern::parse(&rule.pattern).with_context(|| format!("rule {:?}", rule.name))?;
            Ok(Rule { name: rule.name, target: rule.target, pattern })
        });
        Ok(Self(rules.collect::<Result<_>>()?))
    }

    pub(super) fn matching<'a>(&'a self, event: &'a Value) -> impl Iterator<Item = &'a Rule> {
        self.0.iter().filter(|rule| rule.pattern.matches(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn targets(rules: &Rules, detail_type: &str, source: &str) -> Vec<String> {
        let event = json!({ "source": source, "detail-type": detail_type, "detail": {} });
        rules.matching(&event).map(|rule| rule.target.clone()).collect()
    }

    #[test]
    fn each_fact_of_the_service_goes_where_the_next_step_is() {
        let rules = Rules::bundled().unwrap();
        for (fact, target) in [
            ("threshold reached", "quality-assessment"),
            ("quality assessed", "readiness-check"),
            ("dataset ready", "data-preparation"),
            ("dataset prepared", "readiness-check"),
        ] {
            assert_eq!(targets(&rules, fact, "fincoach.learning"), [target]);
            assert!(targets(&rules, fact, "somebody.else").is_empty());
        }
        assert!(targets(&rules, "something else", "fincoach.learning").is_empty());
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", Rules::parse(text).unwrap_err())
    }

    #[test]
    fn a_faulty_file_is_refused_with_the_place_and_the_reason() {
        assert!(refusal("{}").starts_with("not a list of rules: "));
        assert!(
            refusal(r#"[{"name":"a","description":"","pattern":{"source":["x"]}}]"#).contains("missing field `target`")
        );
        let rule = r#"{"name":"a","description":"","pattern":{"source":["x"]},"target":"t"}"#;
        assert_eq!(refusal(&format!("[{rule},{rule}]")), r#"two rules are called "a""#);
        assert_eq!(refusal(&format!("[{}]", rule.replace(r#""t""#, r#""""#))), r#"rule "a" has no target"#);
        assert_eq!(
            refusal(&format!("[{}]", rule.replace(r#"["x"]"#, r#"[{"suffix":"x"}]"#))),
            r#"rule "a": source: unknown operator "suffix" (known: prefix, exists, anything-but)"#
        );
    }
}
