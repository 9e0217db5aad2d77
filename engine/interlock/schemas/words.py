"""The keywords that the schema of an own fact kind may use, and what each takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

TYPES = ("null", "boolean", "string", "integer", "number", "array", "object")
"""The types of JSON Schema."""
FORMATS = ("date", "date-time", "email", "ipv4", "ipv6", "uuid")
"""The formats that are checked. Any other would be ignored by a validator, so it is refused."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The draft that the schemas are written in."""
ANNOTATIONS = frozenset(
    ["$comment", "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"]
) | {"contentEncoding", "contentMediaType"}
"""Keywords that refuse nothing."""
WITHIN = frozenset(["$defs", "definitions"])
"""Keywords under which schemas lie that are only referred to."""
OURS = {"x-recorded-by": "who records it", "x-cloudevents-type": "the type of a CloudEvent that brings it"}
"""What interlock reads of a kind's schema beside JSON Schema."""
SHIPPED_ONLY = frozenset(["x-computed", "x-made-by", "x-moves", "x-reads-as", "x-softens", "x-written"])
"""What only the schemas of the kinds that ship may say."""

Within = Literal["schema", "schemas", "named"]
"""What lies under a keyword: a schema, a list of them, or schemas by name."""
SCHEMAS: dict[str, Within] = {
    "additionalProperties": "schema",
    "allOf": "schemas",
    "anyOf": "schemas",
    "contains": "schema",
    "dependentSchemas": "named",
    "else": "schema",
    "if": "schema",
    "items": "schema",
    "not": "schema",
    "oneOf": "schemas",
    "patternProperties": "named",
    "prefixItems": "schemas",
    "properties": "named",
    "propertyNames": "schema",
    "then": "schema",
    "unevaluatedItems": "schema",
    "unevaluatedProperties": "schema",
}
"""Keywords under which schemas lie."""


def type_of(value: Any) -> str:
    """The type of a JSON value; `number` for any that is written with a fraction."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"


def is_of(value: Any, name: str) -> bool:
    """Whether a JSON value is of a type of JSON Schema, in which 2.0 is an integer."""
    whole = isinstance(value, float) and value.is_integer()
    return type_of(value) == name or (type_of(value), name) == ("integer", "number") or (whole and name == "integer")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_types(value: Any) -> bool:
    listed = [value] if isinstance(value, str) else value
    return _are_texts(listed) and bool(listed) and all(each in TYPES for each in listed)


def searched(pattern: str) -> str:
    """A pattern as JSON Schema means it, for Python.

    `$` is the end of the text, never the place before a last line end; `\\d` and `\\w` are of ASCII.
    """
    found, classed, escaped = ["(?a)"], False, False
    for char in pattern:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif classed:
            classed = char != "]"
        elif char == "[":
            classed = True
        elif char == "$":
            char = "\\Z"
        found.append(char)
    return "".join(found)


def is_pattern(value: Any) -> bool:
    """Whether a value is a regular expression that can be searched for here."""
    try:
        re.compile(searched(value))
    except (re.error, TypeError, RecursionError, OverflowError):
        return False
    return True


_COUNT = (_is_count, "a whole number, 0 or more")
_NUMBER = (_is_number, "a number")
OPERANDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "$schema": (lambda value: isinstance(value, str) and value.rstrip("#") == DIALECT, f"`{DIALECT}`"),
    "$id": (_is_text, "text"),
    "$ref": (_is_text, "text"),
    "const": (lambda _: True, "any value"),
    "dependentRequired": (
        lambda value: isinstance(value, dict) and all(map(_are_texts, value.values())),
        "lists of names by name",
    ),
    "enum": (lambda value: isinstance(value, list) and bool(value), "a list of values, one at least"),
    "exclusiveMaximum": _NUMBER,
    "exclusiveMinimum": _NUMBER,
    "format": (lambda value: value in FORMATS, f"one of {', '.join(f'`{each}`' for each in FORMATS)}"),
    "maxContains": _COUNT,
    "maxItems": _COUNT,
    "maxLength": _COUNT,
    "maxProperties": _COUNT,
    "maximum": _NUMBER,
    "minContains": _COUNT,
    "minItems": _COUNT,
    "minLength": _COUNT,
    "minProperties": _COUNT,
    "minimum": _NUMBER,
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "pattern": (is_pattern, "a regular expression that Python's `re` takes"),
    "required": (_are_texts, "a list of names, each once"),
    "type": (_are_types, f"one or several of {', '.join(f'`{each}`' for each in TYPES)}"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
}
"""Keywords that take a value, not a schema: whether they take this one, and what they take."""
REFUSED = {
    "$anchor": "refer to a place in the file by its path: `#/$defs/NAME`",
    "$dynamicAnchor": "write the schema under `$defs`, and refer to it by `$ref`",
    "$dynamicRef": "write the schema under `$defs`, and refer to it by `$ref`",
    "$recursiveRef": "facts do not nest without end: write the levels out",
    "$vocabulary": "it is for schemas of schemas",
    "additionalItems": "it is of an earlier draft: `items` beside `prefixItems` says it",
    "contentSchema": "what is in a text is not examined: leave it out",
    "dependencies": "it is of an earlier draft: write `dependentRequired` or `dependentSchemas`",
    "discriminator": "it is of OpenAPI: `oneOf` alone says it",
    "nullable": 'it is of OpenAPI: add `"null"` to the `type`',
}
"""Keywords that others use, and what to do instead."""
KNOWN = frozenset([*ANNOTATIONS, *WITHIN, *OURS, *SCHEMAS, *OPERANDS])
"""Every keyword that may be used."""
