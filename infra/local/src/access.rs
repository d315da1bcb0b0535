//! Who may use the API: locally everybody who reaches it, which is this machine;
//! or, to try it as it is on AWS, who holds a token signed with a local key.
//!
//! Tokens are JWTs signed by HMAC-SHA-256 (RFC 7519, HS256), checked as an authorizer does: algorithm,
//! signature, issuer, audience, and the times from and until which they hold.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use function_edge::Scope;
use hmac::{Hmac, KeyInit, Mac};
use learning_core::dataset::settings::{CallerRules, Settings};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::secret::secret;

/// The claims of a token, as the authorizer hands them on: all of them text.
pub type Claims = BTreeMap<String, String>;

/// The file in the data folder that holds the key.
const KEY_FILE: &str = "auth.key";
/// The issuer of local tokens, and the audience that they are for.
const ISSUER: &str = "fincoach-local";
const AUDIENCE: &str = "fincoach-local";

/// The rules of this process's environment, which is checked at the start.
static RULES: LazyLock<CallerRules> =
    LazyLock::new(|| Settings::from_env().map(|settings| settings.callers).unwrap_or_default());

#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody may do everything.
    Open,
    /// The holder of a token may do what it allows.
    Guarded(LocalKey),
}

#[derive(Clone)]
pub struct LocalKey(Vec<u8>);

impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKey(…)")
    }
}

impl Access {
    /// Guarded by the key of a data folder, which is made where absent.
    ///
    /// # Errors
    /// A key file that cannot be read or made, or that is too short.
    pub fn guarded(data_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(data_dir).with_context(|| format!("cannot make the folder {}", data_dir.display()))?;
        let key = hex::decode(secret(&data_dir.join(KEY_FILE))?).context("the key in auth.key is not hexadecimal")?;
        Ok(Access::Guarded(LocalKey(key)))
    }

    /// The claims of a request with this `authorization` header; `None` for none that hold.
    pub fn claims(&self, authorization: &str, now: DateTime<Utc>) -> Option<Claims> {
        match self {
            Access::Open => Some(claims(&RULES, &Scope::ALL, None)),
            Access::Guarded(key) => key.verified(authorization.strip_prefix("Bearer ")?.trim(), now),
        }
    }

    /// A token for the stack of a data folder that holds for a day: an end user's, or else a service's.
    ///
    /// # Errors
    /// See [`Access::guarded`].
    pub fn token(data_dir: &Path, scopes: &[Scope], user: Option<Uuid>) -> Result<String> {
        match Self::guarded(data_dir)? {
            Access::Guarded(key) => Ok(key.token(scopes, user, Utc::now())),
            Access::Open => anyhow::bail!("the stack is open: no token is needed"),
        }
    }

    /// A token for the programs of this process; `None` where none is needed.
    pub fn service_token(&self) -> Option<String> {
        match self {
            Access::Open => None,
            Access::Guarded(key) => Some(key.token(&Scope::ALL, None, Utc::now())),
        }
    }
}

/// What makes the bearer the end user, or else a service, by these rules.
fn claims(rules: &CallerRules, scopes: &[Scope], user: Option<Uuid>) -> Claims {
    let mut scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    let mut claims = Claims::from([("sub".to_owned(), "local".to_owned())]);
    match user {
        Some(user) => {
            claims.insert("sub".to_owned(), user.to_string());
            claims.insert(rules.user_claim.clone(), user.to_string());
        }
        None => match (&rules.service_scope, &rules.service_claim) {
            (Some(scope), _) => scopes.push(scope),
            (None, Some((name, value))) => drop(claims.insert(name.clone(), value.clone())),
            (None, None) => {
                let client = rules.service_clients.first().cloned().unwrap_or_default();
                claims.insert("client_id".to_owned(), client);
            }
        },
    }
    claims.insert("scope".to_owned(), scopes.join(" "));
    claims
}

impl LocalKey {
    /// A token that holds for a day from `now`.
    pub fn token(&self, scopes: &[Scope], user: Option<Uuid>, now: DateTime<Utc>) -> String {
        let mut payload = json!(claims(&RULES, scopes, user));
        payload["iss"] = json!(ISSUER);
        payload["aud"] = json!(AUDIENCE);
        payload["nbf"] = json!(now.timestamp());
        payload["exp"] = json!((now + Duration::days(1)).timestamp());
        self.signed(&payload)
    }

    fn signed(&self, payload: &Value) -> String {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    fn verified(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let decode = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        if decode(header)?.get("alg")? != "HS256" {
            return None;
        }
        // Compared in constant time.
        self.mac(signed).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let payload = decode(payload)?;
        if !holds(&payload, now) {
            return None;
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(payload.as_object()?.iter().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        mac
    }
}

/// Whether a token is of our issuer, for our audience, and of this time.
fn holds(payload: &Value, now: DateTime<Utc>) -> bool {
    let is_for_us = match &payload["aud"] {
        Value::Array(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
        audience => audience == AUDIENCE,
    };
    let begins = match payload.get("nbf") {
        None => Some(i64::MIN),
        Some(begins) => begins.as_i64(),
    };
    let ends = payload["exp"].as_i64();
    payload["iss"] == ISSUER
        && is_for_us
        && begins.is_some_and(|begins| begins <= now.timestamp())
        && ends.is_some_and(|ends| now.timestamp() < ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded() -> (Access, LocalKey) {
        let key = LocalKey(vec![7; 32]);
        (Access::Guarded(key.clone()), key)
    }

    #[test]
    fn a_token_says_who_and_what_until_it_expires() {
        let (access, key) = guarded();
        let (now, user) = (Utc::now(), Uuid::from_u128(1));
        let token = format!("Bearer {}", key.token(&[Scope::WriteEvents], Some(user), now));
        let claims = access.claims(&token, now).unwrap();
        assert_eq!((claims["scope"].as_str(), claims["sub"].as_str()), ("events:write", user.to_string().as_str()));
        assert_eq!(access.claims(&token, now + Duration::days(1)), None);
        assert_eq!(access.claims(&token, now - Duration::seconds(1)), None, "not before it was made");
    }

    #[test]
    fn the_claims_make_a_service_or_the_user_by_whatever_rules_there_are() {
        let user = Uuid::from_u128(1);
        let by = |rules: &CallerRules, user| claims(rules, &[Scope::WriteEvents], user);
        let rules = CallerRules::default();
        assert_eq!(by(&rules, None)["scope"], "events:write service");
        let rules =
            CallerRules { service_scope: None, service_clients: vec!["a".into()], user_claim: "oid".into(), ..rules };
        assert_eq!((&*by(&rules, None)["scope"], &*by(&rules, None)["client_id"]), ("events:write", "a"));
        assert_eq!(by(&rules, Some(user))["oid"], user.to_string());
        assert!(!by(&rules, Some(user)).contains_key("client_id"));
        let rules = CallerRules { service_claim: Some(("role".into(), "staff".into())), ..rules };
        assert_eq!(by(&rules, None)["role"], "staff");
        assert!(!by(&rules, Some(user)).contains_key("role"));
    }

    #[test]
    fn issuer_audience_and_times_are_checked() {
        let (access, key) = guarded();
        let now = Utc::now();
        let whole = || json!({"iss": ISSUER, "aud": AUDIENCE, "exp": now.timestamp() + 60, "scope": "x"});
        let claims = |payload: &Value| access.claims(&format!("Bearer {}", key.signed(payload)), now);
        assert!(claims(&whole()).is_some());
        let mut several = whole();
        several["aud"] = json!(["other", AUDIENCE]);
        assert!(claims(&several).is_some());
        for (name, value) in [
            ("iss", json!("other")),
            ("iss", Value::Null),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("aud", json!([["fincoach-local"]])),
            ("exp", Value::Null),
            ("exp", json!(now.timestamp())),
            ("exp", json!("9999999999")),
            ("nbf", json!(now.timestamp() + 1)),
            ("nbf", json!("0")),
        ] {
            let mut payload = whole();
            payload[name] = value;
            assert_eq!(claims(&payload), None, "{payload}");
        }
        for name in ["iss", "aud", "exp"] {
            let mut payload = whole();
            payload.as_object_mut().unwrap().remove(name);
            assert_eq!(claims(&payload), None, "{payload}");
        }
    }

    #[test]
    fn nothing_else_is_a_token() {
        let (access, key) = guarded();
        let now = Utc::now();
        let token = key.token(&Scope::ALL, None, now);
        let other = LocalKey(vec![8; 32]).token(&Scope::ALL, None, now);
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), token.split('.').nth(1).unwrap());
        let changed = token.replacen('.', ".A", 1);
        for wrong in ["", "x", "a.b.c", &other, &unsigned, &changed, &token[..token.len() - 2]] {
            assert_eq!(access.claims(&format!("Bearer {wrong}"), now), None, "{wrong}");
        }
        assert_eq!(access.claims(&token, now), None, "without the word Bearer");
    }

    #[test]
    fn an_empty_or_short_key_opens_nothing() {
        for text in ["", "\n", "abcd"] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(KEY_FILE), text).unwrap();
            let error = Access::guarded(folder.path()).unwrap_err().to_string();
            assert!(error.contains("auth.key"), "{error}");
        }
    }
}
