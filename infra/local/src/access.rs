//! Who may use the API: locally everybody who reaches it, which is this machine;
//! or, to try it as it is on AWS, who holds a token signed with a local key.
//!
//! Tokens are JWTs signed by HMAC-SHA-256 (RFC 7519, HS256), checked as an
//! authorizer does: algorithm, signature, expiry.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use function_edge::Scope;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::environment::secret;

/// What a token says, as the authorizer hands it on: all of it text.
pub type Claims = BTreeMap<String, String>;

/// The file in the data folder that holds the key.
const KEY_FILE: &str = "auth.key";

#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody may do everything.
    Open,
    /// Who has a token may do what it allows.
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
    /// A key file that cannot be read or made.
    pub fn guarded(data_dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(data_dir).with_context(|| format!("cannot make the folder {}", data_dir.display()))?;
        let key = hex::decode(secret(&data_dir.join(KEY_FILE))?).context("the key in auth.key is not hexadecimal")?;
        Ok(Access::Guarded(LocalKey(key)))
    }

    /// The claims of a request with this `authorization` header; `None` for none that hold.
    pub fn claims(&self, authorization: &str, now: DateTime<Utc>) -> Option<Claims> {
        match self {
            Access::Open => Some(claims(&Scope::ALL, None)),
            Access::Guarded(key) => key.verified(authorization.strip_prefix("Bearer ")?.trim(), now),
        }
    }

    /// A token for those who use the stack of a data folder, for a day.
    ///
    /// # Errors
    /// See [`Access::guarded`].
    pub fn token(data_dir: &Path, scopes: &[Scope]) -> Result<String> {
        match Self::guarded(data_dir)? {
            Access::Guarded(key) => Ok(key.token(scopes, None, Utc::now())),
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

fn claims(scopes: &[Scope], user: Option<Uuid>) -> Claims {
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    let mut claims = Claims::from([("scope".to_owned(), scopes.join(" ")), ("sub".to_owned(), "local".to_owned())]);
    if let Some(user) = user {
        claims.insert("user_id".to_owned(), user.to_string());
    }
    claims
}

impl LocalKey {
    /// A token for a day.
    pub fn token(&self, scopes: &[Scope], user: Option<Uuid>, now: DateTime<Utc>) -> String {
        let mut payload = json!(claims(scopes, user));
        payload["exp"] = json!((now + Duration::days(1)).timestamp());
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(&payload));
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
        if payload.get("exp")?.as_i64()? <= now.timestamp() {
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
        assert_eq!((claims["scope"].as_str(), claims["user_id"].as_str()), ("events:write", user.to_string().as_str()));
        assert_eq!(access.claims(&token, now + Duration::days(1)), None);
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
}
