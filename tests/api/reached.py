"""Whether every operation was answered 2xx at least once: `reached.py DESCRIPTION HAR…`.

An operation that only ever meets 404 passes all checks and is tried in nothing.
"""

import json
import re
import sys
import urllib.parse
import urllib.request


def operations(description):
    """Method and pattern of each, those without varying segments first."""
    paths = sorted(description["paths"], key=lambda path: path.count("{"))
    for path in paths:
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path.replace(".", r"\.")))
        for method, operation in description["paths"][path].items():
            # The description was loaded, and is not tried on itself.
            if path != "/openapi.json":
                yield method.upper(), pattern, operation["operationId"]


def main(description, reports):
    known = list(operations(json.load(urllib.request.urlopen(description))))
    reached = {name: {} for _, _, name in known}
    for report in reports:
        with open(report) as file:
            entries = json.load(file)["log"]["entries"]
        for entry in entries:
            path = urllib.parse.urlsplit(entry["request"]["url"]).path
            for method, pattern, name in known:
                if method == entry["request"]["method"] and pattern.fullmatch(path):
                    status = entry["response"]["status"]
                    reached[name][status] = reached[name].get(status, 0) + 1
                    break
    for name, statuses in reached.items():
        print(f"{name:20}", "  ".join(f"{status} × {count}" for status, count in sorted(statuses.items())))
    missed = [name for name, statuses in reached.items() if not any(200 <= status < 300 for status in statuses)]
    sys.exit(f"never answered 2xx: {', '.join(missed)}" if missed else 0)


main(sys.argv[1], sys.argv[2:])
