//! The table of tokens: four issuers' shapes, of services and of users, against every route.

use serde_json::{Map, Value, json};

use super::*;
use crate::{Route, gateway};

const USER: &str = "f4c0f25c-bbe9-5c87-b0ec-0437c3e4437a";
const ALL: &str = "events:write learning:read learning:write data:erase";

/// An issuer's tokens, and the settings by which an operator makes them known.
struct Issuer {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    service: Value,
    user: Value,
}

/// As their documentation shows access tokens, less what says nothing of the bearer.
fn issuers() -> [Issuer; 4] {
    [
        Issuer {
            name: "Cognito",
            settings: &[("SERVICE_CLIENTS", "7backend"), ("SERVICE_SCOPE", "")],
            service: json!({"sub": "7backend", "client_id": "7backend", "token_use": "access", "scope": ALL}),
            user: json!({"sub": USER, "username": "jane", "client_id": "5app", "token_use": "access", "scope": ALL,
                "cognito:groups": "[operators]"}),
        },
        Issuer {
            name: "Auth0",
            settings: &[("SERVICE_CLAIM", "gty=client-credentials"), ("USER_CLAIM", "https://fincoach.example/uid")],
            service: json!({"sub": "backend@clients", "azp": "backend", "gty": "client-credentials", "scope": ALL}),
            user: json!({"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "azp": "app", "scope": ALL, "gty": "password",
                "https://fincoach.example/uid": USER}),
        },
        Issuer {
            name: "Entra",
            settings: &[("SERVICE_CLAIM", "idtyp=app"), ("USER_CLAIM", "oid")],
            service: json!({"sub": "b0ec", "oid": "11111111-1111-4111-8111-111111111111", "azp": "backend", "idtyp": "app",
                "scp": ALL}),
            user: json!({"sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "oid": USER, "azp": "app", "scp": ALL,
                "preferred_username": "jane@example.com"}),
        },
        Issuer {
            name: "Keycloak",
            settings: &[],
            service: json!({"sub": "22222222-2222-4222-8222-222222222222", "azp": "backend",
                "preferred_username": "service-account-backend", "scope": format!("{ALL} service")}),
            user: json!({"sub": USER, "azp": "app", "preferred_username": "jane", "uid": "other", "scope": format!("openid {ALL}")}),
        },
    ]
}

fn callers(settings: &[(&str, &str)]) -> Callers {
    let vars = settings.iter().map(|(name, value)| (format!("LEARNING_{name}"), (*value).to_owned()));
    Callers::new(&Settings::from_vars(vars).unwrap())
}

/// Who a request with these claims is at a route; else the status that it is answered.
fn of(callers: &Callers, claims: Option<&Value>, route: Route) -> Result<Caller, u16> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let claims: Option<Map<String, Value>> = claims.map(|claims| {
        claims.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!(text(value)))).collect()
    });
    let authorizer = claims.map(|claims| json!({"jwt": {"claims": claims}}));
    let event = json!({
        "version": "2.0", "rawPath": route.path(), "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"stage": "$default", "authorizer": authorizer,
            "http": {"method": route.method(), "path": route.path(), "protocol": "HTTP/1.1", "sourceIp": "", "userAgent": ""}},
    });
    let payload = serde_json::value::to_raw_value(&event).unwrap();
    let Ok(request) = gateway::request(&payload).unwrap() else { panic!("the request is read") };
    callers.identify(&request, route.audience()).map_err(|problem| problem.status())
}

#[test]
fn a_users_token_of_any_issuer_is_that_users_on_every_route() {
    let user = Caller::User(UserId(USER.parse().unwrap()));
    for Issuer { name, settings, service, user: users } in issuers() {
        let callers = callers(settings);
        for route in Route::ALL {
            let (as_service, as_user, as_nobody) = match route.audience() {
                Audience::Anyone => (Ok(Caller::Anyone), Ok(Caller::Anyone), Ok(Caller::Anyone)),
                Audience::Services(_) => (Ok(Caller::Service), Err(403), Err(401)),
                Audience::Users(_) => (Ok(Caller::Service), Ok(user), Err(401)),
            };
            assert_eq!(of(&callers, Some(&service), route), as_service, "{name}: a service at {route:?}");
            assert_eq!(of(&callers, Some(&users), route), as_user, "{name}: a user at {route:?}");
            assert_eq!(of(&callers, None, route), as_nobody, "{name}: nobody at {route:?}");
        }
    }
}

#[test]
fn an_issuer_that_nobody_has_set_up_has_no_services() {
    let user = Caller::User(UserId(USER.parse().unwrap()));
    for Issuer { name, service, user: users, .. } in issuers() {
        let by_default = |claims| of(&callers(&[]), Some(claims), Route::PostEvents);
        let expected = if name == "Keycloak" { Ok(Caller::Service) } else { Err(403) };
        assert_eq!(by_default(&service), expected, "{name}: a service");
        let named = matches!(name, "Cognito" | "Keycloak");
        assert_eq!(by_default(&users), if named { Ok(user) } else { Err(403) }, "{name}: a user");
    }
}

#[test]
fn nothing_is_concluded_from_what_a_token_does_not_say() {
    for claims in [
        json!({}),
        json!({"sub": "backend"}),
        json!({"client_id": "backend"}),
        json!({"user_id": USER}),
        json!({"sub": ""}),
        json!({"sub": "jane", "username": "jane"}),
        json!({"sub": "service"}),
        json!({"roles": "[service]", "groups": "service"}),
    ] {
        let mut claims = claims;
        claims["scope"] = json!(ALL);
        assert_eq!(of(&callers(&[]), Some(&claims), Route::PostEvents), Err(403), "{claims}");
    }
}

#[test]
fn each_sign_of_a_service_is_the_whole_value() {
    let settings = [("SERVICE_CLAIM", "groups=staff"), ("SERVICE_CLIENTS", "backend"), ("SERVICE_SCOPE", "internal")];
    let of = |claims: Value| {
        let mut claims = claims;
        claims["sub"] = json!(USER);
        claims["scope"] = json!(format!("events:write {}", claims["scope"].as_str().unwrap_or_default()));
        of(&callers(&settings), Some(&claims), Route::PostEvents).unwrap()
    };
    for service in [
        json!({"scope": "internal"}),
        json!({"groups": "staff"}),
        json!({"groups": "[users staff]"}),
        json!({"azp": "backend"}),
        json!({"client_id": "backend"}),
    ] {
        assert_eq!(of(service.clone()), Caller::Service, "{service}");
    }
    for user in [
        json!({"scope": "internals"}),
        json!({"scope": "int ernal"}),
        json!({"groups": "staffs"}),
        json!({"groups": "users staff"}),
        json!({"groups": "[staffs]"}),
        json!({"azp": "backend2"}),
        json!({"azp": "[backend]"}),
        json!({"client": "backend"}),
        json!({"other": "staff"}),
    ] {
        assert_ne!(of(user.clone()), Caller::Service, "{user}");
    }
}

#[test]
fn a_token_needs_the_scope() {
    let of = |scope: &str| of(&callers(&[]), Some(&json!({"scope": scope})), Route::PostEvents);
    for granted in ["service events:write", "[service events:write]", "[events:write, service]"] {
        assert_eq!(of(granted), Ok(Caller::Service), "{granted}");
    }
    for lacking in ["service", "service events:writer", "service learning:read", "service events"] {
        assert_eq!(of(lacking), Err(403), "{lacking}");
    }
}

#[test]
fn an_open_installation_takes_everybody_for_a_service() {
    let open = callers(&[("REQUIRE_AUTH", "false")]);
    assert_eq!(of(&open, None, Route::PostEvents), Ok(Caller::Service));
    assert_eq!(of(&open, None, Route::Status), Ok(Caller::Service));
}

#[test]
fn nobody_touches_data_without_being_somebody() {
    let (own, other) = (UserId(USER.parse().unwrap()), UserId(Uuid::from_u128(1)));
    assert!(Caller::Service.may_touch(other).is_ok() && Caller::User(own).may_touch(own).is_ok());
    for (caller, user) in [
        (Caller::User(own), other),
        (Caller::Anyone, own),
        (Caller::Anyone, UserId(Uuid::nil())),
        (Caller::User(UserId(Uuid::nil())), UserId(Uuid::nil())),
    ] {
        assert_eq!(caller.may_touch(user).unwrap_err().status(), 403, "{caller:?} {user:?}");
    }
}
