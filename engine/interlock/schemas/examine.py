"""Whether the schema of an own fact kind can be gone by, and what it says once its references are followed.

Whatever a validator would ignore or guess is refused with its place: an unknown keyword, a reference that leads out of
the file or back to itself, a format that nobody checks, a demand that nothing can meet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.diagnostics import did_you_mean
from interlock.schemas.documents import schema
from interlock.schemas.fields import types_of
from interlock.schemas.normal import LARGEST, Node
from interlock.schemas.wording import Path, listed, quoted_value
from interlock.schemas.words import KNOWN, OPERANDS, OURS, REFUSED, SCHEMAS, SHIPPED_ONLY, TYPES, WITHIN, is_of

MAX_NODES = 100_000
"""The most schemas in one, those that it refers to counted each time."""
MAX_DEPTH = 64
"""The most schemas inside one another."""
MAX_FAULTS = 20
"""That many faults of a schema are reported."""
ENVELOPE = "envelope.schema.json"
"""The file that has what every fact has: a schema may refer to it, and need not."""
_OF_THE_FILE = ("$ref", "$schema", "$id")
RECORDERS = ("worker", "manager", "dispatch", "operator", "workerctl", "system")


class SchemaFault(msgspec.Struct, frozen=True):
    """What is wrong at a path of a schema: with the value there, or with its `key`."""

    code: str
    path: Path
    message: str
    hint: str | None = None
    key: bool = False


class Examiner:
    """Goes through one schema, the `document`; what is wrong with it is among the `faults`."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self.faults: list[SchemaFault] = []
        self.count = 0
        self._identity = document.get("$id") if isinstance(document.get("$id"), str) else None
        self._seen: set[Path] = set()

    def fault(self, code: str, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> None:
        """Note a fault, once."""
        found = SchemaFault(code, path, message, hint, key)
        if found not in self.faults and len(self.faults) < MAX_FAULTS:
            self.faults.append(found)

    def resolved(self, node: Any, path: Path, above: tuple[str, ...] = (), depth: int = 0) -> Node | bool:
        """The schema at a path, with what it refers to put in. `above` are the references that led here."""
        self.count += 1
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            self.fault("E902", path, f"a schema is a mapping, true or false, not {_named(node)}")
            return {}
        if depth > MAX_DEPTH or self.count > MAX_NODES:
            what = f"more than {MAX_DEPTH} schemas are inside one another" if depth > MAX_DEPTH else _TOO_MANY
            self.fault("E902", path, what, "say less: only what gates read need be stated")
            return {}
        said = {word: self._operand(word, each, (*path, word), above, depth) for word, each in node.items()}
        if path not in self._seen:
            self._seen.add(path)
            self._words(node, path)
        found = {word: each for word, each in said.items() if word not in WITHIN and word not in _OF_THE_FILE}
        if isinstance(node.get("$ref"), str):
            return self._referred(node["$ref"], found, (*path, "$ref"), above, depth)
        return found

    def _operand(self, word: str, said: Any, path: Path, above: tuple[str, ...], depth: int) -> Any:
        match SCHEMAS.get(word):
            case "schema":
                return self.resolved(said, path, above, depth + 1)
            case "schemas" if isinstance(said, list) and said:
                return [self.resolved(each, (*path, index), above, depth + 1) for index, each in enumerate(said)]
            case "named" if isinstance(said, dict):
                return {name: self.resolved(each, (*path, name), above, depth + 1) for name, each in said.items()}
            case "schemas":
                self.fault("E902", path, f"`{word}` takes a list of schemas, not {_named(said)}")
                return [True]
            case "named":
                self.fault("E902", path, f"`{word}` takes schemas by name, not {_named(said)}")
                return {}
        return said

    def _words(self, node: Node, path: Path) -> None:
        """Refuse what a node says that is not to be said, or not so."""
        for word, said in node.items():
            here = (*path, word)
            if word in REFUSED:
                self.fault("E902", here, f"`{word}` is not supported", REFUSED[word], key=True)
            elif word in SHIPPED_ONLY:
                self.fault("E902", here, f"`{word}` is only for the kinds that ship with interlock", key=True)
            elif word == "$id" and path:
                self.fault("E902", here, "`$id` is only for the whole file", "leave it out", key=True)
            elif word in ("const", "enum") and (large := _too_large(said if word == "enum" else [said])):
                self.fault("E902", here, f"{large} is too large for a whole number here", _LARGE)
            elif word in OPERANDS and not OPERANDS[word][0](said):
                self.fault("E902", here, f"`{word}` is {quoted(said)}, not {OPERANDS[word][1]}", _remedy(word, said))
            elif word not in KNOWN and not word.startswith("x-"):
                hint = did_you_mean(word, KNOWN) or "no validator checks it; for notes there is `$comment`"
                self.fault("E902", here, f"unknown keyword `{word}`", hint, key=True)
            elif word.startswith("x-") and word not in OURS and (meant := did_you_mean(word, OURS)):
                self.fault("E902", here, f"unknown keyword `{word}`", meant, key=True)

    def _referred(self, reference: str, beside: Node, path: Path, above: tuple[str, ...], depth: int) -> Node | bool:
        """The target of a reference, with what is said `beside` it."""
        local = reference if self._identity is None else reference.removeprefix(self._identity)
        file, _, pointer = local.partition("#")
        if file.endswith(ENVELOPE) and pointer.startswith("/$defs/"):
            target: Any = schema("envelope")["$defs"].get(pointer.removeprefix("/$defs/"))
            made: Node | bool = target if isinstance(target, dict) else {}
            missing = target is None
        else:
            if file:
                message = f"`{quoted_value(reference)}` leads out of the file"
                self.fault("E902", path, message, "write it under `$defs`, and refer to `#/$defs/NAME`")
                return beside
            if pointer in above:
                self.fault(
                    "E902",
                    path,
                    f"the schema refers to itself: {' → '.join(f'`#{each}`' for each in (*above, pointer))}",
                    "facts do not nest without end: write the levels out",
                )
                return beside
            steps, target = self._at(pointer)
            missing = steps is None
            made = True if steps is None else self.resolved(target, steps, (*above, pointer), depth + 1)
        if missing:
            known = [f"#/$defs/{name}" for name in self.document.get("$defs", ())]
            hint = did_you_mean(reference, known) or (f"there is {listed(known, 'and')}" if known else None)
            self.fault("E902", path, f"`{quoted_value(reference)}` leads nowhere", hint)
            return beside
        said = {word for word in beside if word not in ("title", "description", "default", "examples")}
        if not said and isinstance(made, dict):
            return {**made, **beside}  # a reference's own title and description say what the field is for
        return {**beside, "allOf": [*beside.get("allOf", ()), made]}

    def _at(self, pointer: str) -> tuple[Path | None, Any]:
        """The path that a JSON pointer means, and what is there; None where nothing is."""
        node: Any = self.document
        steps: list[str | int] = []
        for text in pointer.split("/")[1:]:
            word = text.replace("~1", "/").replace("~0", "~")
            step: str | int = int(word) if isinstance(node, list) and word.isdigit() else word
            try:
                node = node[step]
            except (KeyError, IndexError, TypeError):
                return None, None
            steps.append(step)
        return (tuple(steps), node) if isinstance(node, dict | bool) and (pointer[:1] in ("", "/")) else (None, None)


def contradictions(node: Node | bool, path: Path = ()) -> list[tuple[Path, str]]:
    """The demands of a schema without references that no value can meet, each with its path; not all can be found."""
    if isinstance(node, bool):
        return []
    found = [*_crossed(node, path), *_empty(node, path), *_impossible(node, path)]
    for word, operand in node.items():
        match SCHEMAS.get(word):
            case "schema" if word not in ("not", "if"):
                found += contradictions(operand, (*path, word))
            case "schemas" if word in ("allOf", "prefixItems"):
                found += [each for n, inner in enumerate(operand) for each in contradictions(inner, (*path, word, n))]
            case "named":
                found += [each for n, inner in operand.items() for each in contradictions(inner, (*path, word, n))]
    return found


_BOUNDS = (
    ("minimum", "maximum", False),
    ("exclusiveMinimum", "maximum", True),
    ("minimum", "exclusiveMaximum", True),
    ("exclusiveMinimum", "exclusiveMaximum", True),
    ("minLength", "maxLength", False),
    ("minItems", "maxItems", False),
    ("minProperties", "maxProperties", False),
)


def _crossed(node: Node, path: Path) -> list[tuple[Path, str]]:
    return [
        ((*path, least), f"`{least}` is {node[least]} and `{most}` is {node[most]}: no value is both")
        for least, most, exclusive in _BOUNDS
        if least in node and most in node and (node[least] > node[most] or (exclusive and node[least] == node[most]))
    ]


def _empty(node: Node, path: Path) -> list[tuple[Path, str]]:
    word = "const" if "const" in node else "enum"
    if word not in node or "type" not in node:
        return []
    values = [node["const"]] if word == "const" else node["enum"]
    if any(is_of(value, name) for value in values for name in types_of(node)):
        return []
    return [((*path, word), f"`{word}` has no value of the type {listed(types_of(node))}")]


def _impossible(node: Node, path: Path) -> list[tuple[Path, str]]:
    properties, rest = node.get("properties", {}), node.get("additionalProperties")
    found = []
    for name in node.get("required", ()):
        if properties.get(name) is False:
            found.append(((*path, "properties", name), f"`{name}` is required, and no value of it is accepted"))
        elif rest is False and name not in properties and "patternProperties" not in node:
            found.append(((*path, "required"), f"`{name}` is required, and `additionalProperties: false` refuses it"))
    if node.get("not") in (True, {}):
        found.append(((*path, "not"), "`not` of everything accepts nothing"))
    named = [set(_types(part)) for part in (node, *node.get("allOf", ())) if _types(part)]
    if len(named) > 1 and not set.intersection(*named):
        found.append(((*path, "allOf"), "its parts demand different types: no value is of all"))
    return found


def _types(node: Node | bool) -> list[str]:
    types = types_of(node) if isinstance(node, dict) else []
    return [*types, "integer"] if "number" in types else types


_LARGE = f"they go up to {LARGEST}; make it a text"


def _too_large(values: Any) -> str | None:
    numbers = values if isinstance(values, list) else []
    return next((quoted(each) for each in numbers if isinstance(each, int) and abs(each) > LARGEST), None)


_TOO_MANY = f"it has more than {MAX_NODES:,} schemas, those that it refers to counted each time"


def quoted(value: Any) -> str:
    """A value of a schema in backticks."""
    return f"`{quoted_value(value)}`"


def _named(value: Any) -> str:
    match value:
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "a mapping"
    return quoted(value)


def _remedy(word: str, said: Any) -> str | None:
    if word == "$schema":
        return "write the schema in draft 2020-12"
    if word == "format":
        return "leave it out, or write a `pattern`"
    if word == "required" and isinstance(said, bool):
        return "name the field in the `required` of the object that it is in"
    if word == "type" and isinstance(said, str):
        return did_you_mean(said, TYPES)
    return None
