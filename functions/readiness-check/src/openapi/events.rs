//! The schema of what is posted, from the declarations of event types: a body is
//! valid by it exactly where ingestion does not refuse it.

use learning_core::dataset::settings::Settings;
use learning_core::event::schema::{self, EventSchema, Field, Kind, Refuse};
use serde_json::{Map, Value, json};

use super::operation::Schemas;

/// An event, a list of events, or `{"events": […]}`.
pub fn posted(schemas: &mut Schemas) -> Value {
    schemas.definitions_mut().insert("Event".to_owned(), event());
    let events = json!({
        "type": "array",
        "maxItems": Settings::default().batch_events,
        "description": "Each is answered by itself: one that is rejected does not keep the others out.",
        "items": {"anyOf": [{"$ref": "#/components/schemas/Event"}, {}]},
    });
    let mut list = events.clone();
    list["title"] = json!("List");
    json!({
        "oneOf": [
            {"$ref": "#/components/schemas/Event"},
            list,
            {"title": "Batch", "type": "object", "required": ["events"], "properties": {"events": events}},
        ],
    })
}

fn event() -> Value {
    let declared = schema::declared();
    let names: Vec<&str> = declared.iter().map(|schema| schema.event_type).collect();
    let mut variants: Vec<Value> = declared.iter().map(|schema| variant(schema)).collect();
    variants.push(json!({
        "title": "any other event",
        "description": "It is stored as behaviour, and not trained on.",
        "properties": {"event_type": {"not": {"enum": names}}},
    }));
    json!({
        "type": "object",
        "required": ["user_id", "event_type", "occurred_at", "data"],
        "properties": {
            "event_id": {
                "type": ["string", "null"], "format": "uuid",
                "description": "The sender's id: the same id from the same user is the same event. Without one, it is \
                                derived from the content.",
            },
            "user_id": {"type": "string", "format": "uuid"},
            "event_type": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[A-Za-z0-9_.:/ -]*[A-Za-z0-9_.:/-][A-Za-z0-9_.:/ -]*$"},
            "occurred_at": {"type": "string", "format": "date-time", "description": "When it happened."},
            "schema_version": {
                "type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX, "default": 1, "description": "Of `data`.",
            },
            "data": {"type": "object"},
        },
        // A body with `events` is a batch.
        "not": {"required": ["events"]},
        "anyOf": variants,
    })
}

/// A declared type: what its data must hold not to be refused.
fn variant(schema: &EventSchema) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in schema.fields {
        properties.insert(field.name.to_owned(), property(field));
        if field.refuse != Refuse::Never {
            required.push(field.name);
        }
    }
    json!({
        "title": schema.event_type,
        "properties": {
            "event_type": {"const": schema.event_type},
            "data": {"type": "object", "required": required, "properties": properties},
        },
    })
}

/// A field that is never refused is described, not demanded: its faults are
/// stored with a warning.
fn property(field: &Field) -> Value {
    let mut property = match (field.refuse, &field.kind) {
        (Refuse::Never, _) => json!({}),
        // Words are read in any case, and by their aliases.
        (Refuse::Invalid, Kind::Vocabulary(vocabulary)) => json!({"enum": vocabulary.words}),
        (Refuse::Unreadable, Kind::Number { .. }) => json!({"anyOf": [
            {"type": "number", "minimum": -1e15, "maximum": 1e15},
            {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"},
        ]}),
        // Anything but nothing.
        _ => json!({
            "type": ["string", "number", "boolean", "object", "array"], "minLength": 1, "pattern": r"\S",
        }),
    };
    let expected = field.kind.expectation();
    let necessity = if field.required { "Required" } else { "Optional" };
    property["description"] = json!(format!("{necessity}: {expected}."));
    property
}
