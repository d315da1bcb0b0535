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
                yield (route["Method"].lower(), route["Path"]), {auth["Authorizer"]: auth.get("AuthorizationScopes", [])}


def main(target):
    template = yaml_parse(TEMPLATE.read_text())
    functions = [it for it in template["Resources"].values() if it["Type"] == "AWS::Serverless::Function"]
    for function in functions:
        function["Properties"]["CodeUri"] = "s3://bucket/code.zip"  # as after `sam package`
    wanted = dict(expected(functions))

    translated = Translator({}, Parser()).translate(template, PARAMETERS)
    pathlib.Path(target).write_text(json.dumps(translated, indent=1))

    apis = [it for it in translated["Resources"].values() if it["Type"] == "AWS::ApiGatewayV2::Api"]
    paths = apis[0]["Properties"]["Body"]["paths"]
    found = {(method, path): at["security"][0] for path, methods in paths.items() for method, at in methods.items()}
    if found != wanted:
        sys.exit(f"SAM secures the routes otherwise than template.yaml says: {found} instead of {wanted}")


main(sys.argv[1])
