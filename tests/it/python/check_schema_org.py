"""Looks at a JSON-LD document as schema.org has it: a document comes in, and out go its complaints. The vocabulary is that of a package of
classes made of it, which are read as text: what a property is of, and what it may be."""

import ast
import importlib.util
import json
import sys
from datetime import date, datetime, time
from pathlib import Path

CLASSES = Path(importlib.util.find_spec("pydantic2_schemaorg").submodule_search_locations[0])


def is_a(read):
    def check(value):
        try:
            read(value)
            return isinstance(value, str)
        except (TypeError, ValueError):
            return False

    return check


DATA = {
    "Boolean": lambda value: isinstance(value, bool),
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "Text": lambda value: isinstance(value, str),
    "URL": lambda value: isinstance(value, str) and value.startswith(("http://", "https://")),
    "Date": is_a(date.fromisoformat),
    "Time": is_a(time.fromisoformat),
    # An instant is told with its offset.
    "DateTime": lambda value: is_a(datetime.fromisoformat)(value) and datetime.fromisoformat(value).tzinfo is not None,
    # A text of ISO 8601 stands for one.
    "Duration": lambda value: isinstance(value, str) and value.startswith("P"),
}


def of(kind):
    """The classes that a kind is one of, and what each property of it may be."""
    path = CLASSES / f"{kind}.py"
    if not path.exists():
        return None
    body = next(node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))
    kinds, properties = {kind}, {}
    for base in (base.id for base in body.bases if isinstance(base, ast.Name)):
        if (inherited := of(base)) is not None:
            kinds |= inherited[0]
            properties |= inherited[1]
    for field in body.body:
        if isinstance(field, ast.AnnAssign):
            named = (node.value for node in ast.walk(field.annotation) if isinstance(node, ast.Constant))
            properties[field.target.id] = {name for name in named if isinstance(name, str)}
    return kinds, properties


def fits(value, kinds):
    if isinstance(value, dict):
        known = of(value["@type"]) if "@type" in value else None
        return list(value) == ["@id"] or known is not None and bool(known[0] & kinds)
    if any(kind in DATA and DATA[kind](value) for kind in kinds):
        return True
    # One of an enumeration is named by its address.
    return isinstance(value, str) and value.startswith("https://schema.org/") and any("Enumeration" in (of(kind) or [()])[0] for kind in kinds)


def complaints(thing, where):
    if list(thing) == ["@id"]:
        return
    known = of(thing.get("@type", ""))
    if known is None:
        yield f"{where}: there is no type {thing.get('@type')}"
        return
    for name, value in thing.items():
        if name.startswith("@"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if name not in known[1]:
                yield f"{where}.{name} is no property of {thing['@type']}"
            elif not fits(one, known[1][name]):
                yield f"{where}.{name} is not {one}, but one of {sorted(known[1][name])}"
            elif isinstance(one, dict):
                yield from complaints(one, f"{where}.{name}")


asked = json.load(sys.stdin)
context = [] if asked.get("@context") == "https://schema.org" else ["it is not in the context of schema.org"]
json.dump(context + list(complaints(asked, asked.get("@type", ""))), sys.stdout)
