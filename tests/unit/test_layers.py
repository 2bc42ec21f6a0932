#!/usr/bin/env python3
"""The arrows between the folders of src/ go one way, and only http/ knows libmicrohttpd."""
import pathlib
import re
import sys

# A folder may include itself and those listed.
ARROWS = {
    "base": [],
    "os": ["base"],
    "config": ["base", "os"],
    "pg": ["base", "os"],
    "net": ["base", "os"],
    "archive": ["base", "os"],
    "http": ["base", "os"],
    "app": ["base", "os", "config", "pg", "net"],
    "audit": ["base", "os", "config", "pg", "net", "app"],
    "lock": ["base", "os", "config", "pg", "net", "app"],
    "auth": ["base", "os", "config", "pg", "net"],
    "backup": ["base", "os", "config", "pg", "net", "archive", "app", "audit", "lock"],
    "prices": ["base", "os", "config", "pg", "net", "app", "audit"],
    "batch": ["base", "os", "config", "pg", "net", "app", "audit"],
    "ops": ["base", "os", "config", "pg", "net", "app", "audit", "lock", "backup", "prices", "batch"],
    "api": ["base", "os", "config", "pg", "net", "archive", "app", "audit", "lock", "auth", "backup", "prices", "batch", "ops", "http"],
    "cli": ["base", "os", "config", "pg", "net", "archive", "app", "audit", "lock", "auth", "backup", "prices", "batch", "ops", "http", "api"],
}


def wrong_arrows(root):
    for path in sorted(root.glob("*/*.[ch]")):
        folder = path.parent.name
        text = path.read_text(encoding="utf-8")
        for included in re.findall(r'#include "(\w+)/', text):
            if included != folder and included not in ARROWS[folder]:
                yield f"{folder}/{path.name} includes {included}/"
        if "microhttpd.h" in text and folder != "http" and "#include <microhttpd.h>" in text:
            yield f"{folder}/{path.name} includes microhttpd.h"


def main():
    root = pathlib.Path(sys.argv[1])
    folders = {path.name for path in root.iterdir() if path.is_dir()}
    problems = list(wrong_arrows(root)) if folders == set(ARROWS) else [f"folders and ARROWS differ: {folders ^ set(ARROWS)}"]
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
