"""Writes what SAM makes of template.yaml, as CloudFormation sees it.

Also checks what only shows there: that every route has the scope it names, or is
open on purpose. SAM drops scopes silently where it does not understand them.
"""

import json
import pathlib
import sys

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).with_name("template.yaml")
PARAMETERS = {"TokenIssuer": "https://issuer.example", "TokenAudience": "api", "Origins": "https://a.example"}


def expected(functions):
    """The security of each method and path, as the template names it."""
    for function in functions:
        for event in function["Properties"]["Events"].values():
            if event["Type"] == "HttpApi":
                route, auth = event["Properties"], event["Properties"]["Auth"]
                # Without either, it is the route of whatever no other takes.
                method, path = route.get("Method", "x-amazon-apigateway-any-method"), route.get("Path", "$default")
                yield (method.lower(), path), {auth["Authorizer"]: auth.get("AuthorizationScopes", [])}


def check_transitions(machine):
    """cfn-lint knows the fields of states, but does not follow where they lead."""
    states = machine["States"]
    for name, state in [("StartAt", {"Next": machine["StartAt"]}), *states.items()]:
        leads_to = [part[key] for part in [state, *state.get("Choices", []), *state.get("Catch", [])] for key in ("Next", "Default") if key in part]
        for other in leads_to:
            if other not in states:
                sys.exit(f"preparation.asl.json: {name} leads to {other}, which is no state")
        if "ItemProcessor" in state:
            check_transitions(state["ItemProcessor"])


def main(target):
    template = yaml_parse(TEMPLATE.read_text())
    functions = [it for it in template["Resources"].values() if it["Type"] == "AWS::Serverless::Function"]
    for function in functions:
        function["Properties"]["CodeUri"] = "s3://bucket/code.zip"  # as after `sam package`
    for machine in template["Resources"].values():
        if machine["Type"] == "AWS::Serverless::StateMachine":
            machine["Properties"]["DefinitionUri"] = "s3://bucket/machine.json"
    wanted = dict(expected(functions))

    translated = Translator({}, Parser()).translate(template, PARAMETERS)
    for machine in translated["Resources"].values():
        if machine["Type"] == "AWS::StepFunctions::StateMachine":  # inline, so that it is linted too
            del machine["Properties"]["DefinitionS3Location"]
            definition = json.loads(TEMPLATE.with_name("preparation.asl.json").read_text())
            check_transitions(definition)
            machine["Properties"]["Definition"] = definition
    pathlib.Path(target).write_text(json.dumps(translated, indent=1))

    apis = [it for it in translated["Resources"].values() if it["Type"] == "AWS::ApiGatewayV2::Api"]
    paths = apis[0]["Properties"]["Body"]["paths"]
    found = {(method, path): at["security"][0] for path, methods in paths.items() for method, at in methods.items()}
    if found != wanted:
        sys.exit(f"SAM secures the routes otherwise than template.yaml says: {found} instead of {wanted}")


main(sys.argv[1])
