//! How a token says who its bearer is.
//!
//! A caller is a service only by a sign that an operator has named: a scope, a claim with a value, or a
//! client id. Every other caller is the end user whose id is in the user claim. Nothing is concluded from
//! a claim that is absent.

use super::{SettingError, Vars, error};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerRules {
    /// The claim that holds the id of an end user.
    pub user_claim: String,
    /// The scope that only services are granted; `None` for none.
    pub service_scope: Option<String>,
    /// A claim and the value of it that only services' tokens have.
    pub service_claim: Option<(String, String)>,
    /// The ids of clients that never get tokens for end users.
    pub service_clients: Vec<String>,
}

impl Default for CallerRules {
    fn default() -> Self {
        Self {
            user_claim: "sub".to_owned(),
            service_scope: Some("service".to_owned()),
            service_claim: None,
            service_clients: Vec::new(),
        }
    }
}

impl CallerRules {
    pub(super) fn read(&mut self, vars: &mut Vars) -> Result<(), SettingError> {
        vars.read("USER_CLAIM", &mut self.user_claim, |name| !name.is_empty(), "the name of a claim, such as sub")?;
        if let Some(text) = vars.take("SERVICE_SCOPE") {
            let scope = text.trim();
            if scope.contains(char::is_whitespace) {
                return Err(error(
                    "SERVICE_SCOPE",
                    format!("{text:?} is impossible; must be one scope, or empty for none"),
                ));
            }
            self.service_scope = (!scope.is_empty()).then(|| scope.to_owned());
        }
        if let Some(text) = vars.take("SERVICE_CLAIM") {
            self.service_claim = service_claim(&text)?;
        }
        if let Some(text) = vars.take("SERVICE_CLIENTS") {
            let clients = text.split(',').map(str::trim).filter(|client| !client.is_empty());
            self.service_clients = clients.map(str::to_owned).collect();
        }
        if self.service_scope.is_none() && self.service_claim.is_none() && self.service_clients.is_empty() {
            let problem = "nothing says who is a service: set it, LEARNING_SERVICE_CLAIM or LEARNING_SERVICE_CLIENTS";
            return Err(error("SERVICE_SCOPE", problem));
        }
        Ok(())
    }
}

fn service_claim(text: &str) -> Result<Option<(String, String)>, SettingError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Some((name.to_owned(), value.to_owned()))),
        _ => Err(error("SERVICE_CLAIM", format!("{text:?} cannot be read; must be NAME=VALUE"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<CallerRules, SettingError> {
        let vars = vars.iter().map(|(name, value)| (format!("LEARNING_{name}"), (*value).to_owned()));
        Ok(Settings::from_vars(vars)?.callers)
    }

    #[test]
    fn a_service_has_a_scope_of_its_own_unless_another_sign_is_named() {
        assert_eq!(read(&[]), Ok(CallerRules::default()));
        let rules = read(&[
            ("USER_CLAIM", "oid"),
            ("SERVICE_SCOPE", ""),
            ("SERVICE_CLAIM", "cognito:groups=operators"),
            ("SERVICE_CLIENTS", "a, b,"),
        ])
        .unwrap();
        assert_eq!((rules.user_claim.as_str(), rules.service_scope), ("oid", None));
        assert_eq!(rules.service_claim, Some(("cognito:groups".to_owned(), "operators".to_owned())));
        assert_eq!(rules.service_clients, ["a", "b"]);
        // As the template deploys what is left open.
        assert_eq!(read(&[("SERVICE_CLAIM", ""), ("SERVICE_CLIENTS", "")]), Ok(CallerRules::default()));
    }

    #[test]
    fn rules_by_which_nobody_could_be_known_are_impossible() {
        for (name, value, problem) in [
            ("SERVICE_SCOPE", "", "nothing says who is a service"),
            ("SERVICE_SCOPE", "a b", "one scope"),
            ("SERVICE_CLAIM", "role", "NAME=VALUE"),
            ("SERVICE_CLAIM", "=x", "NAME=VALUE"),
            ("SERVICE_CLAIM", "role=", "NAME=VALUE"),
            ("USER_CLAIM", " ", "the name of a claim"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, format!("LEARNING_{name}"));
            assert!(error.problem.contains(problem), "{error}");
        }
    }
}
