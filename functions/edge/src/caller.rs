//! Who sends a request, and what they may do.
//!
//! Claims come from the API's JWT authorizer, which has checked the token; they
//! are taken from nowhere else. A function that is reached without one refuses.

use std::collections::HashMap;
use std::sync::OnceLock;

use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use learning_core::event::UserId;
use uuid::Uuid;

use crate::Problem;

/// What a token may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    WriteEvents,
    ReadLearning,
    WriteLearning,
    EraseData,
}

impl Scope {
    pub const ALL: [Scope; 4] = [Scope::WriteEvents, Scope::ReadLearning, Scope::WriteLearning, Scope::EraseData];

    /// As in tokens.
    pub fn name(self) -> &'static str {
        match self {
            Scope::WriteEvents => "events:write",
            Scope::ReadLearning => "learning:read",
            Scope::WriteLearning => "learning:write",
            Scope::EraseData => "data:erase",
        }
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A back end, or whoever reaches an open installation.
    Service,
    /// An end user, who may touch no other user's data.
    User(UserId),
}

/// Set once at start, by an operator's setting.
static OPEN: OnceLock<()> = OnceLock::new();

impl Caller {
    /// From now on, requests of this process need no token.
    pub(crate) fn need_no_token() {
        let _ = OPEN.set(());
    }

    /// The caller of a request to a route that needs `scope`.
    ///
    /// # Errors
    /// 401 without claims, 403 without the scope.
    pub(crate) fn of(request: &lambda_http::Request, scope: Option<Scope>) -> Result<Self, Problem> {
        let Some(scope) = scope else { return Ok(Caller::Service) };
        let Some(claims) = claims(request) else {
            if OPEN.get().is_some() {
                return Ok(Caller::Service);
            }
            return Err(Problem::unauthorized(format!("send a bearer token with the scope {}", scope.name())));
        };
        Self::of_claims(|name| claims.get(name).map(String::as_str), scope)
    }

    fn of_claims<'a>(claim: impl Fn(&str) -> Option<&'a str>, scope: Scope) -> Result<Self, Problem> {
        let scopes = claim("scope").or_else(|| claim("scp")).unwrap_or_default();
        // The authorizer writes a list as `[a b]`.
        let granted = |name: &str| name.trim_matches(['[', ']', ',']) == scope.name();
        if !scopes.split_whitespace().any(granted) {
            return Err(Problem::forbidden(format!("the token lacks the scope {}", scope.name())));
        }
        // Tokens of services (client credentials) name no user.
        let user = claim("user_id").or_else(|| {
            claim("username").or_else(|| claim("cognito:username")).map(|name| claim("sub").unwrap_or(name))
        });
        match user.map(Uuid::parse_str) {
            None => Ok(Caller::Service),
            Some(Ok(user)) => Ok(Caller::User(UserId(user))),
            Some(Err(_)) => Err(Problem::forbidden("the token is a user's, but names none by a UUID")),
        }
    }

    /// The only user whose data the caller may touch; `None` for any.
    pub fn only(self) -> Option<UserId> {
        match self {
            Caller::Service => None,
            Caller::User(user) => Some(user),
        }
    }

    /// # Errors
    /// 403 for another user's data.
    pub fn may_touch(self, user: UserId) -> Result<(), Problem> {
        match self.only() {
            Some(own) if own != user => Err(Problem::forbidden("the token is for another user's data")),
            _ => Ok(()),
        }
    }
}

/// The claims of the request's token, as the API's authorizer has checked them.
fn claims(request: &lambda_http::Request) -> Option<&HashMap<String, String>> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return None };
    context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref()).map(|jwt| &jwt.claims)
}

/// The client that the request's token was issued to: OAuth's `client_id`, or as
/// OpenID Connect (`azp`), Okta (`cid`) and Entra (`appid`) call it.
pub(crate) fn client(request: &lambda_http::Request) -> Option<String> {
    let claims = claims(request)?;
    let named = ["client_id", "azp", "cid", "appid"].into_iter().find_map(|name| claims.get(name));
    named.filter(|client| !client.trim().is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a";

    fn of(claims: &[(&str, &'static str)]) -> Result<Caller, u16> {
        let claim = |name: &str| claims.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        Caller::of_claims(claim, Scope::WriteEvents).map_err(|problem| problem.status())
    }

    #[test]
    fn a_token_needs_the_scope() {
        assert_eq!(of(&[("scope", "learning:read events:write")]), Ok(Caller::Service));
        assert_eq!(of(&[("scope", "[learning:read events:write]")]), Ok(Caller::Service));
        for scopes in ["", "events:writer", "learning:read", "events"] {
            assert_eq!(of(&[("scope", scopes)]), Err(403), "{scopes}");
        }
        assert_eq!(of(&[]), Err(403));
    }

    #[test]
    fn a_users_token_is_for_that_user() {
        let user = Ok(Caller::User(UserId(USER.parse().unwrap())));
        assert_eq!(of(&[("scope", "events:write"), ("user_id", USER)]), user);
        assert_eq!(of(&[("scope", "events:write"), ("username", "jane"), ("sub", USER)]), user);
        assert_eq!(of(&[("scope", "events:write"), ("username", "jane")]), Err(403));
        assert_eq!(of(&[("scope", "events:write"), ("sub", "a-client")]), Ok(Caller::Service));
    }
}
