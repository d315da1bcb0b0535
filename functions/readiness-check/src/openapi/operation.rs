//! One operation, as it is declared and as OpenAPI writes it.

use function_edge::{MOST, Problem, Route};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Collects the schemas that operations refer to.
pub type Schemas = SchemaGenerator;

/// The schema of a type, or a reference to it.
pub type SchemaOf = fn(&mut Schemas) -> Value;

pub fn schema_of<T: JsonSchema>(schemas: &mut Schemas) -> Value {
    schemas.subschema_for::<T>().into()
}

pub struct Operation {
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    bodies: Vec<(&'static str, SchemaOf)>,
    answers: Vec<Answer>,
}

struct Answer {
    status: u16,
    says: &'static str,
    content: Option<(&'static str, SchemaOf)>,
}

const JSON: &str = "application/json";

impl Operation {
    pub fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self { id, tag, summary, parameters: Vec::new(), bodies: Vec::new(), answers: Vec::new() }
    }

    /// A segment of the path that is a UUID.
    pub fn uuid(self, name: &'static str, description: &'static str) -> Self {
        self.parameter("path", name, true, json!({"type": "string", "format": "uuid"}), description)
    }

    /// A segment of the path that is the number of a version.
    pub fn version(self, name: &'static str) -> Self {
        let number = json!({"type": "integer", "minimum": 1, "maximum": u32::MAX});
        self.parameter("path", name, true, number, "The number of a version.")
    }

    pub fn limit(self) -> Self {
        self.limit_of(function_edge::DEFAULT_LIMIT, MOST)
    }

    pub fn limit_of(self, default: usize, most: usize) -> Self {
        let limit = json!({"type": "integer", "minimum": 1, "maximum": most, "default": default});
        self.parameter("query", "limit", false, limit, "Entries of a page.")
    }

    /// `limit`, and a `cursor`: the key of an entry in hexadecimal digits. Keys begin with `prefix`.
    pub fn paged(self, prefix: &str) -> Self {
        self.limit().cursor(prefix, "3[0-9]|6[1-6]|2d")
    }

    /// A `cursor` after a key that begins with `prefix` and goes on with any of `characters`.
    pub fn cursor(self, prefix: &str, characters: &str) -> Self {
        let pattern = format!("^{}({characters}){{0,64}}$", function_edge::cursor(prefix));
        let cursor = json!({"type": "string", "pattern": pattern});
        self.parameter("query", "cursor", false, cursor, "The `next` of an earlier answer.")
    }

    pub fn parameter(
        mut self,
        place: &str,
        name: &'static str,
        required: bool,
        schema: Value,
        description: &str,
    ) -> Self {
        self.parameters.push(json!({
            "name": name, "in": place, "required": required, "schema": schema, "description": description,
        }));
        self
    }

    pub fn body(self, schema: SchemaOf) -> Self {
        self.body_as(JSON, schema)
    }

    pub fn body_as(mut self, kind: &'static str, schema: SchemaOf) -> Self {
        self.bodies.push((kind, schema));
        self
    }

    pub fn answers<T: JsonSchema>(self, status: u16, says: &'static str) -> Self {
        self.answers_with(status, says, JSON, schema_of::<T>)
    }

    pub fn answers_with(mut self, status: u16, says: &'static str, kind: &'static str, schema: SchemaOf) -> Self {
        self.answers.push(Answer { status, says, content: Some((kind, schema)) });
        self
    }

    /// Statuses whose answers are problems.
    pub fn problems<const N: usize>(mut self, problems: [(u16, &'static str); N]) -> Self {
        self.answers.extend(problems.map(|(status, says)| Answer {
            status,
            says,
            content: Some(("application/problem+json", schema_of::<Problem>)),
        }));
        self
    }

    pub fn describe(mut self, route: Route, schemas: &mut Schemas) -> Value {
        if route.scope().is_some() {
            self = self.problems([
                (401, "A token is needed."),
                (403, "The token does not have the scope, or is an end user's for what concerns others."),
            ]);
        }
        if route.method() == "GET" {
            self.answers.push(Answer { status: 304, says: "What the caller has is current.", content: None });
            let schema = json!({"type": "string"});
            self = self.parameter("header", "If-None-Match", false, schema, "Tags of what the caller has.");
        }
        self = self.problems([(500, "Our fault; it is logged under the id that the answer names.")]);
        let mut responses = Map::new();
        for answer in &self.answers {
            // A status may come with several kinds of content.
            let response = responses.entry(answer.status.to_string()).or_insert_with(|| {
                json!({
                    "description": answer.says,
                    "headers": {"x-request-id": {"schema": {"type": "string"}, "description": "Under which it is logged."}},
                })
            });
            if let Some((kind, schema)) = answer.content {
                response["content"][kind] = json!({"schema": schema(schemas)});
            }
        }
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": responses,
            "security": match route.scope() {
                None => json!([]),
                Some(scope) => json!([{"token": [scope.name()]}]),
            },
        });
        if !self.bodies.is_empty() {
            let content: Map<String, Value> = self
                .bodies
                .iter()
                .map(|(kind, schema)| ((*kind).to_owned(), json!({"schema": schema(schemas)})))
                .collect();
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        operation
    }
}
