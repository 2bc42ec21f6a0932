#!/usr/bin/env python3
"""docs/openapi.json and the route table name the same routes."""
import json
import pathlib
import re
import sys

METHODS = {"get", "post", "put", "delete", "patch"}


def main():
    root = pathlib.Path(sys.argv[1])
    table = (root / "src/api/routes.c").read_text(encoding="utf-8")
    routes = set(re.findall(r'^\s*\{"([A-Z]+)", "([^"]+)",', table, re.M))
    paths = json.loads((root / "docs/openapi.json").read_text(encoding="utf-8"))["paths"]
    documented = {(method.upper(), path) for path, item in paths.items() for method in item if method in METHODS}
    for method, path in sorted(routes - documented):
        print(f"docs/openapi.json lacks {method} {path}")
    for method, path in sorted(documented - routes):
        print(f"there is no route {method} {path}")
    return 0 if routes and routes == documented else 1


sys.exit(main())
