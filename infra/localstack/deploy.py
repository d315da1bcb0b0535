"""Deploys what template.yaml says to LocalStack: tables, bucket, queues, bus, rules and secret; then the
functions that infra/build has built, what triggers them, and the state machine.

What LocalStack's licence lacks is left out: the HTTP API, and with it the authorizer. So are policies, which it
does not enforce, and alarms. Deployed again, it changes what has changed.
"""

import argparse
import io
import json
import pathlib
import stat
import zipfile

import boto3
from template import ACCOUNT, PARTITION, REGION, Template

BUILT = pathlib.Path(__file__).parent.parent.parent / "target/lambda"
MACHINE = pathlib.Path(__file__).parent.parent / "preparation.asl.json"


def client(service):
    # The endpoints come from AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>.
    return boto3.client(service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


def unless_there(make, *exists):
    """Makes something, unless there is one of its name."""
    try:
        return make()
    except Exception as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") not in exists:
            raise
        return None


def tables(template):
    dynamodb = client("dynamodb")
    taken = ("TableName", "KeySchema", "AttributeDefinitions", "BillingMode")
    for _, table in template.of_type("AWS::DynamoDB::Table"):
        definition = {key: table[key] for key in taken}
        if stream := table.get("StreamSpecification"):
            definition["StreamSpecification"] = {"StreamEnabled": True, **stream}
        unless_there(lambda: dynamodb.create_table(**definition), "ResourceInUseException")
        dynamodb.get_waiter("table_exists").wait(TableName=table["TableName"], WaiterConfig={"Delay": 1})


def bucket(template):
    s3 = client("s3")
    for _, made in template.of_type("AWS::S3::Bucket"):
        name = made["BucketName"]
        unless_there(lambda: s3.create_bucket(Bucket=name), "BucketAlreadyOwnedByYou")
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=made["VersioningConfiguration"])
        s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=made["PublicAccessBlockConfiguration"]
        )
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": list(map(lifecycle, made["LifecycleConfiguration"]["Rules"]))}
        )


def lifecycle(rule):
    """A rule as the API takes it: CloudFormation writes some of its members otherwise."""
    made = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if days := rule.get("ExpirationInDays"):
        made["Expiration"] = {"Days": int(days)}
    if rule.get("ExpiredObjectDeleteMarker"):
        made["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if old := rule.get("NoncurrentVersionExpiration"):
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(old["NoncurrentDays"])}
    if uploads := rule.get("AbortIncompleteMultipartUpload"):
        made["AbortIncompleteMultipartUpload"] = uploads
    return made


def queues(template):
    sqs = client("sqs")
    made = list(template.of_type("AWS::SQS::Queue"))
    # A dead-letter queue comes before the queue that names it.
    for _, queue in sorted(made, key=lambda one: "RedrivePolicy" in one[1]):
        url = sqs.create_queue(QueueName=queue.pop("QueueName"))["QueueUrl"]
        # As text, and what is no text as JSON.
        attributes = {key: value if isinstance(value, str) else json.dumps(value) for key, value in queue.items()}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def bus(template):
    """The bus and its rules, which lead to the functions once those are there."""
    events = client("events")
    for _, made in template.of_type("AWS::Events::EventBus"):
        unless_there(lambda: events.create_event_bus(Name=made["Name"]), "ResourceAlreadyExistsException")
    for _, function in template.of_type("AWS::Serverless::Function"):
        for event in function["Events"].values():
            if event["Type"] == "EventBridgeRule":
                rule = event["Properties"]
                pattern = json.dumps(rule["Pattern"])
                events.put_rule(Name=rule["RuleName"], EventBusName=rule["EventBusName"], EventPattern=pattern)


def code(function):
    """The zip of a function that infra/build has built."""
    built = BUILT / pathlib.Path(function["CodeUri"]).name / "bootstrap"
    if not built.exists():
        raise SystemExit(f"{built} is not there: run infra/build first, or deploy with --without-functions")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, built.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def secret(template, variable):
    """The secret that the template gives to a variable such as LEARNING_PSEUDONYM_KEY: made once."""
    secrets = client("secretsmanager")
    for logical, made in template.of_type("AWS::SecretsManager::Secret"):
        if logical.upper() != variable.removeprefix("LEARNING_").replace("_", ""):
            continue
        wanted = {key: value for key, value in made["GenerateSecretString"].items() if value is not False}
        key = secrets.get_random_password(**wanted, RequireEachIncludedType=False)["RandomPassword"]
        unless_there(lambda: secrets.create_secret(Name=made["Name"], SecretString=key), "ResourceExistsException")
        return secrets.get_secret_value(SecretId=made["Name"])["SecretString"]


def functions(template):
    for name, function in template.of_type("AWS::Serverless::Function"):
        deploy_function(template, name, function)
        for trigger, event in function["Events"].items():
            attach(template, function, trigger, event["Type"], event["Properties"])
    stepfunctions = client("stepfunctions")
    for _, machine in template.of_type("AWS::Serverless::StateMachine"):
        definition = MACHINE.read_text()
        for name, value in machine["DefinitionSubstitutions"].items():
            definition = definition.replace(f"${{{name}}}", value)
        arn = f"arn:{PARTITION}:states:{REGION}:{ACCOUNT}:stateMachine:{machine['Name']}"
        made = {"definition": definition, "roleArn": machine["Role"]}
        if arn in [one["stateMachineArn"] for one in stepfunctions.list_state_machines()["stateMachines"]]:
            stepfunctions.update_state_machine(stateMachineArn=arn, **made)
        else:
            stepfunctions.create_state_machine(name=machine["Name"], **made)


def deploy_function(template, logical, function):
    lambdas, name = client("lambda"), function["FunctionName"]
    variables = template.environment(logical)
    for variable, value in variables.items():
        if value.startswith("{{resolve:secretsmanager:"):
            variables[variable] = secret(template, variable)
    shared = template.resolve(template.parsed["Globals"]["Function"])
    made = {
        "Runtime": shared["Runtime"],
        "Handler": shared["Handler"],
        "Role": function["Role"],
        "MemorySize": function["MemorySize"],
        "Timeout": function["Timeout"],
        "Environment": {"Variables": variables},
    }
    packed, architectures = code(function), shared["Architectures"]
    there = lambda: lambdas.create_function(
        FunctionName=name, Code={"ZipFile": packed}, Architectures=architectures, **made
    )
    if unless_there(there, "ResourceConflictException") is None:
        lambdas.update_function_code(FunctionName=name, ZipFile=packed, Architectures=architectures)
        lambdas.get_waiter("function_updated_v2").wait(FunctionName=name)
        lambdas.update_function_configuration(FunctionName=name, **made)
    lambdas.get_waiter("function_active_v2").wait(FunctionName=name)


def attach(template, function, trigger, kind, properties):
    name = function["FunctionName"]
    arn = f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:function:{name}"
    lambdas, events = client("lambda"), client("events")
    match kind:
        case "EventBridgeRule":
            events.put_targets(
                Rule=properties["RuleName"],
                EventBusName=properties["EventBusName"],
                Targets=[{"Id": name, "Arn": arn, "DeadLetterConfig": properties["DeadLetterConfig"]}],
            )
        case "Schedule":
            events.put_rule(Name=f"{name}-{trigger}", ScheduleExpression=properties["Schedule"])
            events.put_targets(Rule=f"{name}-{trigger}", Targets=[{"Id": name, "Arn": arn}])
        case "SQS" | "DynamoDB":
            mapping = {key: properties[key] for key in properties if key not in ("Queue", "Stream", "DestinationConfig")}
            if kind == "DynamoDB":
                table = properties["Stream"].split("/")[1]
                mapping["EventSourceArn"] = client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
            else:
                mapping["EventSourceArn"] = properties["Queue"]
            unless_there(
                lambda: lambdas.create_event_source_mapping(FunctionName=name, **mapping), "ResourceConflictException"
            )
        case "S3":
            rules = [{"Name": rule["Name"], "Value": rule["Value"]} for rule in properties["Filter"]["S3Key"]["Rules"]]
            notified = {"LambdaFunctionArn": arn, "Events": properties["Events"], "Filter": {"Key": {"FilterRules": rules}}}
            client("s3").put_bucket_notification_configuration(
                Bucket=properties["Bucket"], NotificationConfiguration={"LambdaFunctionConfigurations": [notified]}
            )
        case "HttpApi":
            pass  # not in LocalStack's licence
        case other:
            raise SystemExit(f"{name} has a trigger of type {other}, which infra/localstack/deploy.py does not know")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    arguments.add_argument("--stack", default="fincoach", help="its name, which all others begin with")
    arguments.add_argument(
        "--without-functions", action="store_true", help="for a LocalStack without Docker, which cannot run them"
    )
    given = arguments.parse_args()
    template = Template(given.stack)
    tables(template)
    bucket(template)
    queues(template)
    bus(template)
    if not given.without_functions:
        functions(template)
    # For a program that does the functions' work elsewhere.
    for name, value in template.environment("EventIngestion").items():
        # Secrets stay where they are; such a program makes its own.
        if not value.startswith("{{resolve:secretsmanager:"):
            print(f"{name}={value}")
    print(f"EVENTS_QUEUE={template.name('EventsQueue')}")


main()
