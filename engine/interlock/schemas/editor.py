"""The schemas of policies and of their tests for editors, with the kinds of a catalog.

Editors know draft-07, and a test leaves out what its kind's schema fills in; so the kinds' own schemas do not serve.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from interlock.resources import data_folder
from interlock.schemas.catalog import Catalog
from interlock.schemas.documents import SUFFIX
from interlock.schemas.fields import members

Schema = dict[str, Any]
FACT = "One key, the fact's kind, with its fields, named as conditions name them; what is left out is filled in."
RAW = "A fact that is taken as it is written, valid or not; it names its `kind`, and only the envelope is filled in."
WHEN = "An instant, or a span before or after `now` such as -90s."
DEFAULTS = {
    "id": "KIND-N when left out, N counted per kind from 1; of a seat `seat-ROLE`.",
    "seq": "The fact's place among the case's facts when left out.",
    "task": "The case's task when left out.",
    "at": "`now` when left out, as it is where the fact is added.",
    "summary": "Null when left out.",
    "actor": "Null when left out.",
    "severity": "Null when left out.",
    "correlation": "Empty when left out.",
}
_FIRST, _LAST = '    "fact": {', "\n  }\n}\n"
_FROM = re.compile(r'(?<="examples": \[\n)(?: {12}".*\n)+(?= {10}\],\n {10}"items": \{ "type": "string" \}\n)')


def for_policies(catalog: Catalog) -> str:
    """The text of the schema of policies: `from` offers the kinds of the catalog."""
    return _FROM.sub(lambda _: _wrapped(catalog.kinds), _shipped("policy"))


def for_tests(catalog: Catalog) -> str:
    """The text of the schema of tests: a fact is of one of the kinds of the catalog. Its definitions come last."""
    head, _, _ = _shipped("test").partition(_FIRST)
    return head + ",\n".join(_definitions(catalog)) + _LAST


def _shipped(name: str) -> str:
    with open(os.path.join(data_folder("schemas"), f"{name}{SUFFIX}"), encoding="utf-8") as file:
        return file.read()


def _wrapped(kinds: tuple[str, ...]) -> str:
    """The kinds as items of a list in JSON, on lines that are not too long."""
    lines: list[str] = []
    line = "            "
    for number, kind in enumerate(kinds, 1):
        item = f'"{kind}"' + ("," if number < len(kinds) else "")
        if len(line) + len(item) + 1 > 118:
            lines, line = [*lines, line.rstrip()], "            "
        line += f"{item} "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def _definitions(catalog: Catalog) -> list[str]:
    kinds = catalog.kinds
    fact = [_line(kind, {"$ref": f"#/definitions/fact_{kind}", **_said(catalog.schema(kind))}) for kind in kinds]
    fact.append(_line("raw", {"title": "raw fact", "description": RAW, "type": "object", "required": ["kind"]}))
    rest = '"additionalProperties": false, "minProperties": 1, "maxProperties": 1'
    found = [_definition("fact", {"title": "fact", "description": FACT}, fact, rest)]
    every: dict[str, Schema] = {}
    for kind in kinds:
        own = {name: _field(name, node) for name, node in catalog.settable(kind).items()}
        for name, node in own.items():
            every[name] = node if every.get(name, node) == node else _said(node)
        lines = [_line(name, node) for name, node in own.items()]
        found.append(_definition(f"fact_{kind}", _said(catalog.schema(kind)), lines, '"additionalProperties": false'))
    every["id"] = {"title": "id", "description": "The fact that is changed.", "type": "string"}
    lines = [_line(name, node) for name, node in every.items()]
    about = "The fact that has this `id`, with these fields in place of its own."
    rest = '"additionalProperties": false, "required": ["id"]'
    return [*found, _definition("change", {"title": "change", "description": about}, lines, rest)]


def _definition(name: str, said: Schema, lines: list[str], rest: str) -> str:
    head = f'    "{name}": {{\n      {json.dumps(said)[1:-1]}, "type": "object", {rest},\n      "properties": {{\n'
    return head + ",\n".join(f"        {line}" for line in lines) + "\n      }\n    }"


def _line(name: str, node: Schema) -> str:
    return f"{json.dumps(name)}: {json.dumps(node)}"


def _said(node: Schema) -> Schema:
    return {key: node[key] for key in ("title", "description") if key in node}


def _field(name: str, node: Schema) -> Schema:
    found = _said(node)
    more = [WHEN] if node.get("format") == "date-time" else []
    more += [DEFAULTS[name]] if name in DEFAULTS else []
    if more:
        found["description"] = " ".join([*filter(None, [found.get("description")]), *more])
    types = node.get("type", [])
    if node.get("format") != "date-time":
        found |= {key: node[key] for key in ("enum", "const") if key in node}
    found |= {"type": types} if types else {}
    found |= {key: node[key] for key in ("minimum", "maximum") if key in node}
    properties, _ = members(node)
    if properties:
        found["additionalProperties"] = False
        found["properties"] = {inner: _field("", of) for inner, of in properties.items()}
    if "items" in node:
        found["items"] = _item(node["items"])
    return found


def _item(node: Schema) -> Schema:
    if "title" in node:
        return _field("", node)
    properties, _ = members(node)
    found: Schema = {"type": node["type"]} if "type" in node else {}
    if properties:
        found |= {"additionalProperties": False, "properties": {n: _field("", of) for n, of in properties.items()}}
    return found
