"""The words for values, documents and places in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

_TYPES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "a mapping",
}


_LONGEST = 100
"""The longest place that is written out, in characters."""


def path_text(path: Sequence[str | int], noun: str) -> str:
    """A place as its reader would write it, such as `rules[3].id`; the document itself is `the NOUN`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{quoted_value(step)}" for step in path)
    text = text.removeprefix(".")
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`" if text else f"the {noun}"


def without_indexes(place: str) -> str:
    """A place with `[]` for every index: that of a fault in any item of the list."""
    return re.sub(r"\[\d+\]", "[]", place)


def quoted_value(value: object, width: int = 40) -> str:
    """A value on one line of at most `width` characters, whatever it is and however large."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int() if value.bit_length() > 128:
            return "-…" if value < 0 else "…"
        case str():
            cut = value if len(value) <= width else value[: width - 1] + "…"
            return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)
        case list() | dict():
            return "[…]" if isinstance(value, list) else "{…}"
        case _:
            return str(value)[:width]


def typed(value: object) -> str:
    """What a value is, such as ``text (`"2"`)`` or ``the number `2` ``."""
    match value:
        case None | bool():
            return f"`{quoted_value(value)}`"
        case str():
            return f'text (`"{quoted_value(value)}"`)'
        case int() if value.bit_length() > 128:
            return "a number too large to be shown"
        case int() | float():
            return f"the number `{quoted_value(value)}`"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def types_listed(types: Iterable[str]) -> str:
    """The names of JSON Schema types for people, such as `text or null`."""
    return _joined([_TYPES[name] for name in dict.fromkeys(types)], "or")


def listed(values: Iterable[object], last: str = "or") -> str:
    """Values in backticks, the last joined with `last`."""
    return _joined([f"`{quoted_value(value)}`" for value in values], last)


def mismatch(schema: Mapping[str, Any]) -> str:
    """That something is not what a schema requires, by the schema's title."""
    return f"not a valid {schema['title']}" if "title" in schema else "not of the required form"


def schema_hint(schema: Mapping[str, Any]) -> str | None:
    """A schema's description as a hint: lower case, no full stop."""
    text: str = schema.get("description", "")
    return text[:1].lower() + text[1:].rstrip(".") or None


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


Path = tuple[str | int, ...]
"""Where in a document: keys and list indexes."""


class Violation(msgspec.Struct, frozen=True):
    """What is wrong at `path` (that of an unknown key ends with the key), and how to fix it.

    `message` and `hint` are for people: lower case, no full stop, on one line. `about` says whether the key at the path
    is at fault or its value. `pattern` is the message for all values alike: `…` stands for the value and `[]` for every
    index; None where it is the message itself.
    """

    path: Path
    message: str
    hint: str | None = None
    about: Literal["key", "value"] = "value"
    pattern: str | None = None

    @property
    def fault(self) -> str:
        """The fault, equal for all values that have it."""
        return self.message if self.pattern is None else self.pattern

    @property
    def text(self) -> str:
        """The message and the hint on one line."""
        return f"{self.message}; {self.hint}" if self.hint else self.message
