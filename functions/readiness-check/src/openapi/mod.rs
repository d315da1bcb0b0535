//! The description of the API, made from the route table, the types that answer
//! and the declarations of events: what is described is what is served.
//!
//! Every route must be described: [`operations::of`] matches them all, so that a
//! new route does not compile without its operation.

#[expect(dead_code, reason = "these types are described; the functions that answer make the bodies")]
mod bodies;
mod events;
mod operation;
mod operations;

use function_edge::Route;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::operation::Schemas;

/// OpenAPI 3.1.
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas: Schemas = settings.into_generator();

    let mut paths = Map::new();
    for route in Route::ALL {
        let operation = operations::of(route).describe(route, &mut schemas);
        let path = paths.entry(route.path()).or_insert_with(|| json!({}));
        path[route.method().to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "FinCoach continuous learning",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Events in, prepared training datasets out. Errors are problem+json (RFC 9457). \
                Answers to GET carry an ETag; a request with If-None-Match is answered 304 while nothing has changed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "events", "description": "Taking events in, and erasing a user's."},
            {"name": "datasets", "description": "How the datasets stand."},
            {"name": "quality", "description": "How good their records are."},
            {"name": "versions", "description": "Prepared, immutable data for trainers."},
            {"name": "service", "description": "Health, this description, and the page."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "Of the API's authorizer, with the scopes that an operation names.",
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All values of `key` anywhere in `json`.
    fn values<'a>(json: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
        match json {
            Value::Object(map) => {
                found.extend(map.get(key));
                map.values().for_each(|value| values(value, key, found));
            }
            Value::Array(items) => items.iter().for_each(|item| values(item, key, found)),
            _ => {}
        }
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
        let routes: BTreeSet<_> =
            Route::ALL.into_iter().map(|route| (route.method().to_owned(), route.path().to_owned())).collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_reference_is_to_a_schema_that_is_there() {
        let document = document();
        let mut references = Vec::new();
        values(&document, "$ref", &mut references);
        assert!(references.len() > 10);
        for reference in references {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} is not there");
        }
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_names_the_segments_of_its_path() {
        let document = document();
        let mut ids = Vec::new();
        values(&document["paths"], "operationId", &mut ids);
        let distinct: BTreeSet<_> = ids.iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(distinct.len(), Route::ALL.len());
        for route in Route::ALL {
            let operation = &document["paths"][route.path()][route.method().to_lowercase()];
            let named: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let varying: BTreeSet<&str> =
                route.path().split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(named, varying, "{}", route.path());
        }
    }
}
