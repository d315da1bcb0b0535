//! A template as CloudFormation would see it with the defaults of its parameters:
//! what is known is filled in, what a deployment decides stays as `{"Ref": …}`.

use std::collections::HashMap;
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value, json};

/// Name of the stack that the template is read for.
pub const STACK: &str = "fincoach";

pub struct Template {
    pub globals: Value,
    pub resources: Map<String, Value>,
}

impl Template {
    /// Reads `infra/<name>`.
    pub fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let plain = plain(&documents[0]);
        let mut known: HashMap<String, Value> =
            [("AWS::StackName", STACK), ("AWS::AccountId", "1"), ("AWS::Region", "here"), ("AWS::Partition", "aws")]
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .into();
        known.insert("AWS::NoValue".to_owned(), Value::Null);
        for (name, parameter) in members(&plain["Parameters"]) {
            known.extend(parameter.get("Default").map(|value| (name.clone(), value.clone())));
        }
        for (name, resource) in members(&plain["Resources"]) {
            let mut names = ["TableName", "BucketName", "QueueName"].iter();
            let own = names.find_map(|key| resource["Properties"].get(key));
            let own =
                own.or_else(|| (resource["Type"] == "AWS::Events::EventBus").then(|| &resource["Properties"]["Name"]));
            known.extend(own.map(|own| (name.clone(), resolve(own, &known))));
        }
        let globals = resolve(&plain["Globals"], &known);
        let resources = members(&plain["Resources"]);
        let resources = resources.map(|(name, resource)| (name.clone(), resolve(resource, &known)));
        Self { globals, resources: resources.collect() }
    }

    /// The resources of a type: their names and properties.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let of_kind = self.resources.iter().filter(move |(_, resource)| resource["Type"] == kind);
        of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"]))
    }
}

/// The members of an object; none of anything else.
pub fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// `!Name x` becomes `{"!Name": x}`.
fn plain(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Tagged(tag, node) => json!({format!("!{}", tag.suffix): plain(node)}),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (key.as_str().expect("keys are texts").to_owned(), plain(value)));
            Value::Object(entries.collect())
        }
        _ => {
            if let Some(flag) = yaml.as_bool() {
                json!(flag)
            } else if let Some(number) = yaml.as_integer() {
                json!(number)
            } else if let Some(number) = yaml.as_floating_point() {
                json!(number)
            } else {
                yaml.as_str().map_or(Value::Null, |text| json!(text))
            }
        }
    }
}

fn resolve(value: &Value, known: &HashMap<String, Value>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| resolve(item, known)).collect(),
        Value::Object(object) => match object.iter().next() {
            Some((tag, name)) if tag == "!Ref" => {
                let name = name.as_str().expect("!Ref takes a name");
                known.get(name).cloned().unwrap_or_else(|| json!({"Ref": name}))
            }
            Some((tag, text)) if tag == "!Sub" => json!(substitute(text.as_str().expect("!Sub takes a text"), known)),
            Some((tag, name)) if tag == "!GetAtt" => json!({"GetAtt": name}),
            // By default every condition is false: what it guards is off.
            Some((tag, branches)) if tag == "!If" => resolve(&branches[2], known),
            _ => {
                let members = object.iter().map(|(name, member)| (name.clone(), resolve(member, known)));
                Value::Object(members.filter(|(_, member)| !member.is_null()).collect())
            }
        },
        other => other.clone(),
    }
}

/// Fills in what is known; the rest stays.
fn substitute(text: &str, known: &HashMap<String, Value>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("${{{name}}}"), &value)
    })
}
