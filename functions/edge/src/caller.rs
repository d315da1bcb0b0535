//! Who sends a request, and what they may do.
//!
//! Claims come from the API's JWT authorizer, which has checked the token; they
//! are taken from nowhere else. A function that is reached without one refuses.

use std::collections::HashMap;

use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use learning_core::dataset::settings::{CallerRules, Settings};
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

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody, without a token: the route answers no data.
    Anyone,
    /// Services whose token has the scope: the route concerns all users.
    Services(Scope),
    /// Services, and end users as far as their own data go.
    Users(Scope),
}

impl Audience {
    /// What a token must allow; `None` where no token is needed.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Audience::Anyone => None,
            Audience::Services(scope) | Audience::Users(scope) => Some(scope),
        }
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody at a route that needs no token, who may touch no data.
    Anyone,
    /// A back end, or whoever reaches an open installation.
    Service,
    /// An end user, who may touch no other user's data.
    User(UserId),
}

/// How callers are known: by an operator's settings.
#[derive(Clone, Debug)]
pub struct Callers {
    rules: CallerRules,
    need_token: bool,
}

impl Callers {
    pub fn new(settings: &Settings) -> Self {
        Self { rules: settings.callers.clone(), need_token: settings.require_auth }
    }

    /// The caller of a request to a route for this audience.
    ///
    /// # Errors
    /// 401 without claims; 403 without the scope, and for an end user where only services are let in, or
    /// whose token names no user.
    pub(crate) fn identify(&self, request: &lambda_http::Request, audience: Audience) -> Result<Caller, Problem> {
        let Some(scope) = audience.scope() else { return Ok(Caller::Anyone) };
        let Some(claims) = claims(request) else {
            if !self.need_token {
                return Ok(Caller::Service);
            }
            return Err(Problem::unauthorized(format!("send a bearer token with the scope {}", scope.name())));
        };
        let claims = Claims(|name: &str| claims.get(name).map(String::as_str));
        if !claims.grant(scope.name()) {
            return Err(Problem::forbidden(format!("the token lacks the scope {}", scope.name())));
        }
        let caller = self.bearer(&claims)?;
        match (audience, caller) {
            (Audience::Services(_), Caller::User(_)) => {
                Err(Problem::forbidden("this concerns all users; a token of one user does not reach it"))
            }
            (_, caller) => Ok(caller),
        }
    }

    /// Whose token it is: a service's by a positive sign, else the user's whom it names.
    fn bearer<'a>(&self, claims: &Claims<impl Fn(&str) -> Option<&'a str>>) -> Result<Caller, Problem> {
        let CallerRules { user_claim, service_scope, service_claim, service_clients } = &self.rules;
        let is_service = service_scope.as_ref().is_some_and(|scope| claims.grant(scope))
            || service_claim.as_ref().is_some_and(|(name, value)| claims.have(name, value))
            || CLIENT_CLAIMS.iter().any(|name| service_clients.iter().any(|client| claims.is(name, client)));
        if is_service {
            return Ok(Caller::Service);
        }
        match (claims.0)(user_claim).map(Uuid::parse_str) {
            Some(Ok(user)) => Ok(Caller::User(UserId(user))),
            _ => Err(Problem::forbidden(format!(
                "the token has no sign of a service, and its claim {user_claim:?} is not the UUID of a user"
            ))),
        }
    }
}

/// The claims in which issuers put the client that a token was issued to: OAuth's own, OpenID Connect's,
/// Okta's and Entra's.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];

/// The claims of the request's token, as the API's authorizer has checked them.
fn claims(request: &lambda_http::Request) -> Option<&HashMap<String, String>> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return None };
    context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref()).map(|jwt| &jwt.claims)
}

/// The client that the request's token was issued to.
pub(crate) fn client(request: &lambda_http::Request) -> Option<String> {
    let claims = claims(request)?;
    let named = CLIENT_CLAIMS.iter().find_map(|name| claims.get(*name));
    named.filter(|client| !client.trim().is_empty()).cloned()
}

/// The claims of a token, as the authorizer hands them on: all of them text.
struct Claims<F>(F);

impl<'a, F: Fn(&str) -> Option<&'a str>> Claims<F> {
    fn grant(&self, scope: &str) -> bool {
        let scopes = (self.0)("scope").or_else(|| (self.0)("scp")).unwrap_or_default();
        elements(scopes).any(|granted| granted == scope)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        (self.0)(name) == Some(value)
    }

    /// Whether a claim is a value, or a list that has it.
    fn have(&self, name: &str, value: &str) -> bool {
        let is_list = |text: &&str| text.starts_with('[') && text.ends_with(']');
        self.is(name, value)
            || (self.0)(name).filter(is_list).is_some_and(|list| elements(list).any(|one| one == value))
    }
}

/// The elements of a list: `a b`, or `[a b]` as the authorizer writes what was a list.
fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().map(|element| element.trim_matches(['[', ']', ',']))
}

impl Caller {
    /// The only user whose data the caller may touch; `None` for any.
    pub fn only(self) -> Option<UserId> {
        match self {
            Caller::Service => None,
            Caller::User(user) => Some(user),
            // Nobody's id: a route that forgot its audience opens nothing.
            Caller::Anyone => Some(UserId(Uuid::nil())),
        }
    }

    /// # Errors
    /// 403 for another user's data.
    pub fn may_touch(self, user: UserId) -> Result<(), Problem> {
        match self.only() {
            Some(own) if own != user || user.0.is_nil() => {
                Err(Problem::forbidden("the token is for another user's data"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
