"""cel-spec's simple tests, run here: what the language accepts of them must come to what they say.

A test names a value, an error, or neither, which means true. Its bindings are values of the types that it declares.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interlock.language.evaluate import Environment, Failure, outcome
from interlock.language.scope import Scope
from interlock.language.typecheck import typecheck
from interlock.model.expression import Local, Type
from interlock.model.facts import Value
from tests.cel import textproto

ERROR = "an error"
_SCALARS = {"BOOL": "bool", "INT64": "int", "DOUBLE": "double", "STRING": "string"}
_READ: Mapping[str, Any] = {
    "bool_value": lambda text: text == "true",
    "int64_value": int,
    "double_value": float,
    "string_value": bytes.decode,
    "null_value": lambda _: None,
}


class Case(NamedTuple):
    """One test: its file, section and name, the expression, and what it comes to: a value, or `ERROR`."""

    place: str
    expression: str
    expected: Any
    bound: dict[str, tuple[Type, Any]]


class Foreign(Exception):
    """A value that the language does not have."""


def cases(archive: Path) -> Iterator[Case | None]:
    """Every test of an archive of text protos; None for one with values that the language does not have."""
    with tarfile.open(archive) as files:
        for member in sorted(files.getmembers(), key=lambda each: each.name):
            opened = files.extractfile(member) if member.name.endswith(".textproto") else None
            if opened is not None:
                yield from _file(Path(member.name).stem, textproto.read(opened.read().decode()))


def _file(name: str, document: textproto.Message) -> Iterator[Case | None]:
    for _, section in (each for each in document if each[0] == "section"):
        for _, test in (each for each in section if each[0] == "test"):
            try:
                yield _case(name, dict(section), test)
            except Foreign:
                yield None


def _case(name: str, section: Mapping[str, Any], test: textproto.Message) -> Case:
    written = dict(test)
    place = f"{name}/{section['name'].decode()}/{written['name'].decode()}"
    expected: Any = True
    if "eval_error" in written or "any_eval_errors" in written:
        expected = ERROR
    elif "value" in written:
        expected = value(written["value"])
    elif "typed_result" in written:
        expected = value(dict(written["typed_result"])["result"]) if "result" in dict(written["typed_result"]) else ...
    if "unknown" in written or "container" in written:  # there are no unknown values, and no name spaces
        raise Foreign
    types = {dict(each)["name"].decode(): _declared(dict(each)) for key, each in test if key == "type_env"}
    bound = {}
    for _, binding in (each for each in test if each[0] == "bindings"):
        found = dict(binding)
        name_of = found["key"].decode()
        bound[name_of] = (types.get(name_of, Type("null")), value(dict(found["value"])["value"]))
    return Case(place, written["expr"].decode(), expected, bound)


def _declared(declaration: Mapping[str, Any]) -> Type:
    return type_of(dict(declaration["ident"])["type"]) if "ident" in declaration else Type("null")


def type_of(written: textproto.Message) -> Type:
    """A type as cel-spec writes it."""
    (kind, inner), *_ = written
    if kind == "primitive" and inner in _SCALARS:
        return Type(_SCALARS[inner], nullable=False)  # type: ignore[arg-type]
    if kind == "well_known" and inner in ("TIMESTAMP", "DURATION"):
        return Type(inner.lower(), nullable=False)
    if kind == "list_type":
        return Type("list", nullable=False, item=type_of(dict(inner)["elem_type"]))
    if kind == "map_type":
        found = dict(inner)
        return Type("map", (), False, type_of(found["value_type"]), type_of(found["key_type"]))
    raise Foreign


def value(written: textproto.Message) -> Value:
    """A value as cel-spec writes it."""
    (kind, inner), *_ = written
    if kind == "list_value":
        return tuple(value(each) for key, each in inner if key == "values")
    if kind == "map_value":
        entries = [dict(each) for key, each in inner if key == "entries"]
        return {value(entry["key"]): value(entry["value"]) for entry in entries}
    if kind not in _READ:
        raise Foreign
    found: Value = _READ[kind](inner)
    return found


def difference(case: Case) -> str | None:
    """What is otherwise here than the test says; "" where nothing is, None where the language refuses it."""
    bound = {name: Local(name, of) for name, (of, _) in case.bound.items()}
    node, _ = typecheck(case.expression, Scope("value", bound=bound))
    if node is None:
        return None
    values = {name: given for name, (_, given) in case.bound.items()}
    found = outcome(node, Environment(0, "", {}, {}, locals=values))
    came: Any = ERROR if isinstance(found, Failure) else found
    if case.expected is ... or _same(came, case.expected):
        return ""
    return f"{case.place}: {case.expression!r} came to {came!r}, not {case.expected!r}"


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected or (found != found and expected != expected)
    return type(found) is type(expected) and found == expected


def run(archive: Path) -> tuple[Counter[str], list[str]]:
    """How many tests there are in each file, how many were accepted, and every difference."""
    counts: Counter[str] = Counter()
    differences = []
    for case in cases(archive):
        counts["all"] += 1
        found = difference(case) if case is not None else None
        if case is not None and found is not None:
            counts["accepted"] += 1
            counts[case.place.partition("/")[0]] += 1
            differences += [found] if found else []
    return counts, differences
