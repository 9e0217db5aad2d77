"""The part of the test file's schema that is made of the schemas of the fact kinds: what a fact in short form may say.

Editors know draft-07, and a test leaves out what its kind's schema fills in; so the kinds' own schemas do not serve.
"""

from __future__ import annotations

import json
from typing import Any

from interlock import schemas
from interlock.analysis.testing.facts import settable
from interlock.schemas.documents import schema
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
FIRST, LAST = '    "fact": {', "\n  }\n}\n"


def written(text: str) -> str:
    """The text of the schema with its generated definitions made again: they come last."""
    head, _, _ = text.partition(FIRST)
    return head + ",\n".join(_definitions()) + LAST


def _definitions() -> list[str]:
    kinds = schemas.SHIPPED.kinds
    fact = [_line(kind, {"$ref": f"#/definitions/fact_{kind}", **_said(schema(f"facts/{kind}"))}) for kind in kinds]
    fact.append(_line("raw", {"title": "raw fact", "description": RAW, "type": "object", "required": ["kind"]}))
    rest = '"additionalProperties": false, "minProperties": 1, "maxProperties": 1'
    found = [_definition("fact", {"title": "fact", "description": FACT}, fact, rest)]
    every: dict[str, Schema] = {}
    for kind in kinds:
        own = {name: _field(name, node) for name, node in settable(kind, schemas.SHIPPED.schema(kind)).items()}
        for name, node in own.items():
            every[name] = node if every.get(name, node) == node else _said(node)
        lines = [_line(name, node) for name, node in own.items()]
        found.append(
            _definition(f"fact_{kind}", _said(schema(f"facts/{kind}")), lines, '"additionalProperties": false')
        )
    every["id"] = {"title": "id", "description": "The fact that is changed.", "type": "string"}
    lines = [_line(name, node) for name, node in every.items()]
    about = "The fact that has this `id`, with these fields in place of its own."
    rest = '"additionalProperties": false, "required": ["id"]'
    return [*found, _definition("change", {"title": "change", "description": about}, lines, rest)]


def _definition(name: str, said: Schema, lines: list[str], rest: str) -> str:
    head = f'    "{name}": {{\n      {json.dumps(said)[1:-1]}, "type": "object", {rest},\n      "properties": {{\n'
    return head + ",\n".join(f"        {line}" for line in lines) + "\n      }\n    }"


def _line(name: str, node: Schema) -> str:
    return f'"{name}": {json.dumps(node)}'


def _said(node: Schema) -> Schema:
    return {key: node[key] for key in ("title", "description")}


def _field(name: str, node: Schema) -> Schema:
    found = _said(node)
    if node.get("format") == "date-time":
        found["description"] += f" {WHEN}"
    if name in DEFAULTS:
        found["description"] += f" {DEFAULTS[name]}"
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
