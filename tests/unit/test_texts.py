#!/usr/bin/env python3
"""Every text of the page's catalogues is used by the page. That none is missing in a language is checked by their type."""
import pathlib
import re
import sys


def keys_of(catalogue):
    return re.findall(r"^  '?([\w-]+)'?: \[", catalogue, re.M)


def main():
    root = pathlib.Path(sys.argv[1]) / "ui/src"
    catalogues = sorted(path for path in (root / "i18n").glob("*.ts") if "export const" in path.read_text(encoding="utf-8") and "Texts = texts({" in path.read_text(encoding="utf-8"))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in root.rglob("*.ts*") if path not in catalogues and path.name != "schema.d.ts")
    words = set(re.findall(r"['\"`]([\w-]+)['\"`]", sources))
    beginnings = tuple(set(re.findall(r"`(\w+_)\$\{", sources)))  # t(`phase_${phase}`)
    unused = []
    for path in catalogues:
        for key in keys_of(path.read_text(encoding="utf-8")):
            if key not in words and not (beginnings and key.startswith(beginnings)):
                unused.append(f"{path.name}: {key}")
    print("\n".join(unused))
    return 1 if unused else 0


sys.exit(main())
