"""template.yaml, with what CloudFormation fills in filled in for one stack.

Knows the intrinsic functions that the template uses, and says so of any other.
"""

import pathlib
import re

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).parent.parent / "template.yaml"
ACCOUNT, REGION, PARTITION = "000000000000", "us-east-1", "aws"
ABSENT = object()

# What `!Ref` of a resource answers, and the member that names it.
NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Events::EventBus": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
}
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
}


class Template:
    def __init__(self, stack):
        self.parsed = yaml_parse(TEMPLATE.read_text())
        self.known = {
            "AWS::StackName": stack,
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": PARTITION,
            "AWS::NoValue": ABSENT,
        }
        for name, parameter in self.parsed["Parameters"].items():
            self.known[name] = parameter.get("Default", "")

    def of_type(self, kind):
        """Logical name and resolved properties of the resources of a type, in the template's order."""
        for name, resource in self.parsed["Resources"].items():
            if resource["Type"] == kind:
                yield name, self.resolve(resource.get("Properties", {}))

    def environment(self, function):
        """The variables of a function, as text."""
        variables = {**self.parsed["Globals"]["Function"]["Environment"]["Variables"]}
        variables |= self.parsed["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in self.resolve(variables).items()}

    def name(self, resource):
        found = self.parsed["Resources"][resource]
        if found["Type"] not in NAMES:  # CloudFormation makes one up, and so do we
            return f"{self.known['AWS::StackName']}-{resource}"
        return self.resolve(found["Properties"][NAMES[found["Type"]]])

    def arn(self, resource):
        kind = self.parsed["Resources"][resource]["Type"]
        return f"arn:{PARTITION}:" + ARNS[kind].format(region=REGION, account=ACCOUNT, name=self.name(resource))

    def resolve(self, node):
        if isinstance(node, list):
            return [value for value in map(self.resolve, node) if value is not ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((key, argument),) = node.items()
            if key == "Ref":
                return self.reference(argument)
            if key.startswith("Fn::"):
                return self.intrinsic(key, argument)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value is not ABSENT}

    def reference(self, name):
        name, _, attribute = name.partition(".")
        if name in self.known:
            return self.known[name]
        if attribute == "StreamArn":
            return f"{self.arn(name)}/stream"  # its label is known once the table is there
        # An alias of a function is the function: LocalStack runs the newest code anyway.
        return self.arn(name) if attribute in ("Arn", "Alias") else self.name(name)

    def intrinsic(self, function, argument):
        match function:
            case "Fn::GetAtt":
                return self.reference(".".join(argument) if isinstance(argument, list) else argument)
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: str(self.reference(found[1])), argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolve(then if self.holds(self.parsed["Conditions"][condition]) else otherwise)
            case "Fn::Split":
                separator, text = argument
                return self.resolve(text).split(separator)
        raise SystemExit(f"template.yaml uses {function}, which infra/localstack/template.py does not know")

    def holds(self, condition):
        ((function, argument),) = condition.items()
        match function:
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::Equals":
                left, right = self.resolve(argument)
                return str(left) == str(right)
        raise SystemExit(f"template.yaml uses the condition {function}, which infra/localstack/template.py does not know")
