//! The deployment's template is held to the program: what one of them has and the
//! other lacks fails here, and the message says what to write where.

mod roles;
mod yaml;

use std::collections::BTreeMap;

use function_edge::{Function, Route};
use learning_core::dataset::settings::Settings;
use learning_core::store::{COUNTER_PREFIX, TableDefinition, table_definitions};
use serde_json::{Value, json};

use self::yaml::{STACK, Template, members};

const TEMPLATE: &str = "template.yaml";
const HEX_KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// The functions of the template by what they run, each with its logical name.
fn functions(template: &Template) -> BTreeMap<&'static str, (&str, &Value)> {
    let functions = template.of_type("AWS::Serverless::Function").map(|(name, properties)| {
        let code = properties["CodeUri"].as_str().unwrap().strip_prefix("../target/lambda/").unwrap();
        let function = Function::from_name(code).unwrap_or_else(|| panic!("{name} runs {code}, which is no function"));
        assert_eq!(name, pascal_case(function.name()), "the logical name of {code}");
        (function.name(), (name, properties))
    });
    let functions: BTreeMap<_, _> = functions.collect();
    for function in Function::ALL {
        assert!(functions.contains_key(function.name()), "{} is not in infra/{TEMPLATE}", function.name());
    }
    functions
}

/// A function's events of a type, by name.
fn events<'a>(function: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let of_kind = members(&function["Events"]).filter(move |(_, event)| event["Type"] == kind);
    of_kind.map(|(name, event)| (name, &event["Properties"]))
}

fn pascal_case(kebab_case: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    kebab_case.split('-').map(word).collect()
}

/// The settings of a function, with what CloudFormation fills in later made up.
fn settings(template: &Template, function: &Value) -> Settings {
    let variables = members(&template.globals["Function"]["Environment"]["Variables"]);
    let variables = variables.chain(members(&function["Environment"]["Variables"])).map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_key = text.starts_with("{{resolve:secretsmanager:");
        (name.clone(), if is_key { HEX_KEY.to_owned() } else { text })
    });
    Settings::from_vars(variables).unwrap_or_else(|error| panic!("infra/{TEMPLATE}: {error}"))
}

#[test]
fn every_route_is_deployed_as_the_program_answers_it() {
    let template = Template::read(TEMPLATE);
    let mut deployed: BTreeMap<String, (&str, Value)> = BTreeMap::new();
    let mut elsewhere = 0;
    for (function, (_, properties)) in functions(&template) {
        for (name, route) in events(properties, "HttpApi") {
            assert_eq!(route["ApiId"], json!({"Ref": "Api"}), "the route {name}");
            // Of all other paths and methods: the edge tells 404 from 405, without a token.
            if name == "Elsewhere" {
                assert_eq!((&route["Path"], &route["Method"]), (&Value::Null, &Value::Null));
                assert_eq!(route["Auth"], json!({"Authorizer": "NONE"}));
                elsewhere += 1;
                continue;
            }
            let known = deployed.insert(
                name.clone(),
                (
                    function,
                    json!({
                        "Method": route["Method"], "Path": route["Path"], "Auth": route["Auth"],
                    }),
                ),
            );
            assert!(known.is_none(), "two functions of infra/{TEMPLATE} have the route {name}");
        }
    }
    for route in Route::ALL {
        let (name, function) = (format!("{route:?}"), route.function().name());
        let auth = match route.scope() {
            None => json!({"Authorizer": "NONE"}),
            Some(scope) => json!({"Authorizer": "Tokens", "AuthorizationScopes": [scope.name()]}),
        };
        let written = match route.scope() {
            None => "{ Authorizer: NONE }".to_owned(),
            Some(scope) => format!("{{ Authorizer: Tokens, AuthorizationScopes: ['{}'] }}", scope.name()),
        };
        let expected = json!({"Method": route.method(), "Path": route.path(), "Auth": auth});
        let found = deployed.remove(&name);
        assert!(
            found == Some((function, expected)),
            "infra/{TEMPLATE} has {found:?} for the route {name}. Under Events of {} it must say:\n        {name}:\n          \
             Type: HttpApi\n          Properties:\n            ApiId: !Ref Api\n            Method: {}\n            \
             Path: {}\n            Auth: {written}\n",
            pascal_case(function),
            route.method(),
            route.path(),
        );
    }
    assert_eq!(elsewhere, 1, "one function answers what no route takes");
    assert!(deployed.is_empty(), "infra/{TEMPLATE} has routes that the program does not know: {deployed:#?}");
}

#[test]
fn every_rule_of_the_bus_is_deployed() {
    let template = Template::read(TEMPLATE);
    let mut deployed: BTreeMap<(&str, String), Value> = BTreeMap::new();
    for (function, (_, properties)) in functions(&template) {
        for (name, rule) in events(properties, "EventBridgeRule") {
            assert_eq!(rule["EventBusName"], STACK, "the bus of the rule {name}");
            assert_eq!(rule["DeadLetterConfig"]["Arn"], json!({"GetAtt": "FailedTriggers.Arn"}), "of the rule {name}");
            deployed.insert((function, name.clone()), json!({"name": rule["RuleName"], "pattern": rule["Pattern"]}));
        }
    }
    let rules: Vec<Value> = serde_json::from_str(include_str!("../../../infra/rules.json")).unwrap();
    for rule in rules {
        let (name, target) = (rule["name"].as_str().unwrap(), rule["target"].as_str().unwrap());
        let function = Function::from_name(target).unwrap().name();
        let expected = json!({"name": format!("{STACK}-{name}"), "pattern": rule["pattern"]});
        let found = deployed.remove(&(function, pascal_case(name)));
        assert_eq!(
            found,
            Some(expected),
            "infra/rules.json has the rule {name}: write it as {} under Events of {} in infra/{TEMPLATE}, as the \
             rules there are written",
            pascal_case(name),
            pascal_case(function),
        );
    }
    assert!(deployed.is_empty(), "infra/{TEMPLATE} has rules that infra/rules.json lacks: {deployed:#?}");
}

#[test]
fn the_settings_are_the_programs_and_so_are_their_defaults() {
    let template = Template::read(TEMPLATE);
    for (function, (_, properties)) in functions(&template) {
        let deployed = settings(&template, properties);
        assert_eq!(deployed.pseudonym_key.is_some(), function == "data-preparation", "only it may know the key");
        assert_eq!(
            deployed.privacy.key().is_some(),
            function == "event-ingestion",
            "only it may know the redaction key"
        );
        let mut expected = Settings::default();
        expected.resources = deployed.resources.clone();
        expected.pseudonym_key = deployed.pseudonym_key.clone();
        expected.privacy = expected.privacy.with_key(deployed.privacy.key().cloned());
        assert_eq!(deployed, expected, "the defaults of infra/{TEMPLATE} for {function}");
    }
}

#[test]
fn the_tables_and_the_bucket_are_those_that_the_program_makes() {
    let template = Template::read(TEMPLATE);
    let resources = settings(&template, functions(&template)["event-ingestion"].1).resources;
    let tables = template.of_type("AWS::DynamoDB::Table").map(|(name, table)| {
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "of {name}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "of {name}");
        assert_eq!(table["DeletionProtectionEnabled"], true, "of {name}");
        assert_eq!(template.resources[name]["DeletionPolicy"], "Retain", "of {name}");
        (table["TableName"].as_str().unwrap().to_owned(), shape(table))
    });
    let made = table_definitions(&resources).into_iter().map(|table| (table.name.clone(), shape_of(&table)));
    assert_eq!(tables.collect::<BTreeMap<_, _>>(), made.collect(), "as in core/src/store/tables.rs");

    let bucket = template.resources["Bucket"]["Properties"].clone();
    assert_eq!(bucket["BucketName"], resources.bucket);
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    assert!(members(&bucket["PublicAccessBlockConfiguration"]).all(|(_, blocked)| blocked == true));
    assert_eq!(template.of_type("AWS::Events::EventBus").next().unwrap().1["Name"], resources.bus);
}

fn shape(table: &Value) -> Value {
    let stream = table.get("StreamSpecification").cloned();
    json!({
        "keys": table["KeySchema"], "attributes": table["AttributeDefinitions"], "billing": table["BillingMode"],
        "stream": stream, "expiry": table.get("TimeToLiveSpecification"),
    })
}

fn shape_of(table: &TableDefinition) -> Value {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    json!({
        "keys": [key(table.partition_key, "HASH"), key(table.sort_key, "RANGE")],
        "attributes": [attribute(table.partition_key), attribute(table.sort_key)],
        "billing": "PAY_PER_REQUEST",
        "stream": table.streamed.then(|| json!({"StreamViewType": "KEYS_ONLY"})),
        "expiry": table.expiry.map(|attribute| json!({"AttributeName": attribute, "Enabled": true})),
    })
}

#[test]
fn the_generated_keys_are_ones_that_the_program_takes() {
    let template = Template::read(TEMPLATE);
    for key in ["PseudonymKey", "RedactionKey"] {
        let made = &template.resources[key]["Properties"]["GenerateSecretString"];
        let excluded = made["ExcludeCharacters"].as_str().unwrap();
        let left: String = ('0'..='9').chain('a'..='z').filter(|character| !excluded.contains(*character)).collect();
        assert_eq!((left.as_str(), &made["PasswordLength"]), ("0123456789abcdef", &json!(64)));
        assert_eq!((&made["ExcludeUppercase"], &made["ExcludePunctuation"]), (&json!(true), &json!(true)));
        assert_eq!(template.resources[key]["DeletionPolicy"], "Retain");
    }
}

#[test]
fn the_stream_brings_the_counters_and_nothing_else() {
    let template = Template::read(TEMPLATE);
    let functions = functions(&template);
    let mapping = events(functions["readiness-check"].1, "DynamoDB").next().unwrap().1;
    let pattern: Value =
        serde_json::from_str(mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap()).unwrap();
    assert_eq!(pattern, json!({"dynamodb": {"Keys": {"dataset": {"S": [{"prefix": COUNTER_PREFIX}]}}}}));
    let queue = events(functions["event-ingestion"].1, "SQS").next().unwrap().1;
    assert_eq!(queue["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
}

#[test]
fn what_a_trigger_fails_on_is_not_lost() {
    let template = Template::read(TEMPLATE);
    let functions = functions(&template);
    let failed = json!({"GetAtt": "FailedTriggers.Arn"});
    let stream = events(functions["readiness-check"].1, "DynamoDB").next().unwrap().1;
    assert_eq!(stream["BisectBatchOnFunctionError"], true);
    assert!(stream["MaximumRetryAttempts"].as_i64().unwrap() > 0);
    assert_eq!(stream["DestinationConfig"]["OnFailure"]["Destination"], failed);
    for (name, (_, function)) in &functions {
        let on_failure = &function["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(on_failure["Destination"], failed, "asynchronous invocations of {name}");
        for (schedule, properties) in events(function, "Schedule") {
            assert_eq!(properties["DeadLetterConfig"]["Arn"], failed, "{schedule}");
        }
    }
    let queue = &template.resources["EventsQueue"]["Properties"];
    assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"], json!({"GetAtt": "EventsDeadLetters.Arn"}));
    let timeout = functions["event-ingestion"].1["Timeout"].as_i64().unwrap();
    assert!(queue["VisibilityTimeout"].as_i64().unwrap() >= 6 * timeout, "as Lambda asks for");
}

#[test]
fn queues_and_bucket_are_encrypted_and_reached_over_tls_only() {
    let template = Template::read(TEMPLATE);
    let refuses_plain_http = |policy: &Value| {
        let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
        let condition = json!({"Bool": {"aws:SecureTransport": "false"}});
        statements.iter().any(|one| one["Effect"] == "Deny" && one["Principal"] == "*" && one["Condition"] == condition)
    };
    let policies: Vec<&Value> = template.of_type("AWS::SQS::QueuePolicy").map(|(_, policy)| policy).collect();
    for (name, queue) in template.of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "of {name}");
        assert_eq!(queue["MessageRetentionPeriod"], 14 * 86_400, "of {name}");
        let own = policies.iter().find(|policy| policy["Queues"][0] == queue["QueueName"]);
        assert!(own.is_some_and(|policy| refuses_plain_http(policy)), "{name} has no policy of TLS only");
    }
    assert!(refuses_plain_http(&template.resources["BucketPolicy"]["Properties"]));
    assert!(template.resources["Bucket"]["Properties"]["BucketEncryption"].is_object());
}

#[test]
fn every_log_ends() {
    let template = Template::read(TEMPLATE);
    let mut kept = template.of_type("AWS::Logs::LogGroup").map(|(_, log)| &log["RetentionInDays"]);
    assert!(kept.all(|days| days.as_i64().is_some_and(|days| days > 0)));
    for (name, (logical, function)) in functions(&template) {
        assert_eq!(function["LoggingConfig"]["LogGroup"], json!({"Ref": format!("{logical}Log")}), "the log of {name}");
    }
}

#[test]
fn roles_name_exact_actions_and_resources() {
    let template = Template::read(TEMPLATE);
    for (name, role) in template.of_type("AWS::IAM::Role") {
        for statement in role["Policies"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        {
            for action in statement["Action"].as_array().unwrap() {
                assert!(!action.as_str().unwrap().contains('*'), "{name} allows {action}");
            }
            assert_ne!(statement["Resource"], "*", "{name}: {statement}");
        }
    }
    for (name, (logical, properties)) in functions(&template) {
        assert_eq!(properties["Role"], json!({"GetAtt": format!("{logical}Role.Arn")}), "the role of {name}");
    }
}

#[test]
fn the_state_machine_may_do_what_its_definition_says() {
    let template = Template::read(TEMPLATE);
    let machine: Value = serde_json::from_str(include_str!("../../../infra/preparation.asl.json")).unwrap();
    let map = &machine["States"]["Segments"];
    assert_eq!(map["ItemProcessor"]["ProcessorConfig"]["Mode"], "DISTRIBUTED");
    assert_eq!(map["ToleratedFailurePercentage"], 0, "a version has all of its input");
    let tasks = members(&machine["States"]).chain(members(&map["ItemProcessor"]["States"]));
    for (name, state) in tasks.filter(|(_, state)| state["Type"] == "Task") {
        assert_eq!(state["Resource"], "${DataPreparation}", "{name}");
        assert!(state["TimeoutSeconds"].is_number() && state["Retry"].is_array(), "{name}");
        assert!(state["Catch"].is_array() || name == "Segment", "{name}: a failure would not be recorded");
    }
    assert!(map["Catch"].is_array());

    let machine = &template.resources["Preparation"]["Properties"];
    let policies = &template.resources["PreparationRole"]["Properties"]["Policies"];
    let statements = policies[0]["PolicyDocument"]["Statement"].as_array().unwrap();
    let allowed = |action: &str| {
        let of_action =
            statements.iter().find(|statement| statement["Action"].as_array().unwrap().contains(&json!(action)));
        &of_action.unwrap_or_else(|| panic!("{action} is not allowed"))["Resource"]
    };
    assert_eq!(*allowed("lambda:InvokeFunction"), machine["DefinitionSubstitutions"]["DataPreparation"]);
    let arn = |resource: &Value, kind: &str| {
        let text = resource.to_string();
        assert!(text.contains(&format!(":{kind}:{}", machine["Name"].as_str().unwrap())), "{text}");
    };
    arn(allowed("states:StartExecution"), "stateMachine");
    arn(allowed("states:StopExecution"), "execution");
    let label = map["Label"].as_str().unwrap();
    assert!(allowed("states:DescribeExecution").to_string().contains(&format!("-preparation/{label}:")));
}

#[test]
fn every_alarm_has_a_reason_and_a_place_in_the_runbook() {
    let operations = include_str!("../../../docs/OPERATIONS.md");
    let anchors: Vec<String> = operations
        .lines()
        .filter_map(|line| line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let telemetry = include_str!("../../../core/src/telemetry.rs");
    let watch = Template::read("watch.yaml");
    let mut alarms = 0;
    for (name, alarm) in watch.of_type("AWS::CloudWatch::Alarm") {
        alarms += 1;
        let description = alarm["AlarmDescription"].as_str().unwrap();
        let (reason, runbook) =
            description.split_once(" Runbook: docs/OPERATIONS.md#").unwrap_or_else(|| panic!("{name}"));
        assert!(reason.starts_with("Reason: ") && reason.ends_with('.'), "{name}: {reason}");
        assert!(
            anchors.iter().any(|anchor| anchor == runbook),
            "{name}: docs/OPERATIONS.md has no heading for {runbook}"
        );
        let query = alarm["Metrics"][0]["Expression"].as_str().filter(|query| query.starts_with("SELECT"));
        if let Some(metric) = query.and_then(|query| query.split(['(', ')']).nth(1)) {
            assert!(telemetry.contains(&format!("\"{metric}\"")), "{name}: the program sends no metric {metric}");
        }
    }
    assert!(alarms >= 12, "{alarms} alarms");
}
