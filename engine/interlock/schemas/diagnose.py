"""Why a document is invalid, in words. Slow to import: not for a fact that is valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from math import isfinite
from typing import Any, Literal

import msgspec
from jsonschema import FormatChecker, ValidationError
from jsonschema.validators import extend, validator_for

from interlock.diagnostics import did_you_mean, nearest
from interlock.instant import parse_instant
from interlock.schemas.encodable import too_deep, unwritable
from interlock.schemas.wording import (
    Path,
    Violation,
    listed,
    mismatch,
    path_text,
    quoted_value,
    schema_hint,
    typed,
    types_listed,
    without_indexes,
)
from interlock.schemas.words import FORMATS, searched

_FORMATS = FormatChecker(formats=[each for each in FORMATS if each != "date-time"])


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or parse_instant(value) >= 0


def _pattern(_validator: object, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    """A pattern as JSON Schema means it."""
    if isinstance(value, str) and not re.search(searched(pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _is_number(_checker: object, value: object) -> bool:
    """Whether a value is a number that JSON can say: no NaN, nothing infinite."""
    return isfinite(value) if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)


@cache
def _exact(usual: Any) -> Any:
    """A validator as JSON Schema means it."""
    numbers = usual.TYPE_CHECKER.redefine("number", _is_number)
    return extend(usual, {"pattern": _pattern}, type_checker=numbers)  # type: ignore[no-untyped-call]


def _validator(schema: dict[str, Any]) -> Any:
    return _exact(validator_for(schema))(schema, format_checker=_FORMATS)


def accepts(schema: dict[str, Any], document: Any) -> bool:
    """Whether a document meets a schema, of which not all can be translated into a type."""
    try:
        return _validator(schema).is_valid(document)  # type: ignore[no-any-return]
    except (RecursionError, ValueError):
        return False


def complaints(schema: dict[str, Any], document: Any, noun: str) -> list[Violation]:
    """All that is wrong with `document` (a `noun`, such as `fact`), each once, sorted by path."""
    found = list(unwritable(document, noun))
    validator = _validator(schema)
    try:
        found += _told([_fault(error, noun) for error in validator.iter_errors(document)])
    except RecursionError:
        found.append(too_deep(noun))
    except ValueError:  # the validator cites an integer that cannot be printed
        if not found:
            raise
    return sorted(dict.fromkeys(found), key=_order)


def _order(violation: Violation) -> tuple[object, ...]:
    steps = tuple((0, step, "") if isinstance(step, int) else (1, 0, str(step)) for step in violation.path)
    return (steps, violation.message)


class _Fault(msgspec.Struct):
    """A validator's error: the `keyword` of `schema`, with its `operand`, that `value` at `path` does not satisfy."""

    path: Path
    keyword: str
    operand: Any
    value: Any
    schema: dict[str, Any]
    here: str
    names: bool
    branch: object
    whole: bool
    branches: list[_Fault]
    message: str


def _fault(error: ValidationError, noun: str) -> _Fault:
    path = tuple(error.absolute_path)
    return _Fault(
        path=path,
        keyword=str(error.validator),
        operand=error.validator_value,
        value=error.instance,
        schema=error.schema if isinstance(error.schema, dict) else {},
        here=path_text(path, noun),
        names="propertyNames" in list(error.relative_schema_path)[-3:],
        branch=error.relative_schema_path[0] if error.relative_schema_path else None,
        whole=not error.relative_path,
        branches=[_fault(inner, noun) for inner in error.context or ()],
        message=error.message,
    )


def _told(faults: list[_Fault]) -> Iterator[Violation]:
    """The faults in words, without those that only follow from a wrong type at the same place."""
    mistyped = {fault.path for fault in faults if fault.keyword == "type"}
    for fault in faults:
        if fault.names:
            message = f"`{quoted_value(fault.value)}` is {mismatch(fault.schema)}"
            yield Violation((*fault.path, fault.value), message, schema_hint(fault.schema))
        elif fault.keyword == "type" or fault.path not in mistyped:
            yield from _EXPLAIN.get(fault.keyword, _other)(fault)


def _at(fault: _Fault, verb: str, value: str, rest: str = "", hint: str | None = None, pattern: str = "…") -> Violation:
    """A violation: place, verb, value, rest. Its pattern leaves the value out."""
    message = f"{fault.here} {verb} {value}{rest}"
    return Violation(fault.path, message, hint, pattern=f"{without_indexes(fault.here)} {verb} {pattern}{rest}")


def _type(fault: _Fault) -> Iterator[Violation]:
    expected = [fault.operand] if isinstance(fault.operand, str) else fault.operand
    hint = _verdict(fault.value) if "boolean" in expected else None
    yield _at(fault, "is", typed(fault.value), f", not {types_listed(expected)}", hint)


_VERDICTS = {
    "true": ("allow", "allowed", "allows", "pass", "passed", "yes", "on", "true", "ok"),
    "false": ("deny", "denied", "denies", "block", "blocked", "fail", "failed", "no", "off", "false", "refused"),
}


_SYNONYMS = {
    "int": ("number", "integer", "float", "double", "long", "uint"),
    "bool": ("boolean", "flag"),
    "string": ("str", "text", "enum"),
    "list": ("array", "strings", "set"),
    "timestamp": ("datetime", "date", "time", "instant"),
    "duration": ("interval", "timedelta", "period"),
    "latest": ("last", "newest", "first"),
    "earliest": ("oldest",),
    "count": ("size", "len", "number"),
}


def _synonym(value: object, known: Iterable[object]) -> str | None:
    """The word of `known` that is near, or that another language calls `value`."""
    meant = (word for word, others in _SYNONYMS.items() if word in known and value in others)
    return did_you_mean(value, known) or next((f"did you mean `{word}`?" for word in meant), None)


def _verdict(value: object) -> str | None:
    """The boolean that was meant by a word for a verdict."""
    words = str(value).lower() if isinstance(value, str) else ""
    return next((f"did you mean `{meant}`?" for meant, known in _VERDICTS.items() if words in known), None)


def _enum(fault: _Fault) -> Iterator[Violation]:
    known = [fault.operand] if fault.keyword == "const" else fault.operand
    one_of = "one of " if len(known) > 1 else ""
    hint = (_verdict(fault.value) if False in known else None) or _synonym(fault.value, known)
    shown = f"`{quoted_value(fault.value)}`"
    if isinstance(fault.value, str) and fault.value in {quoted_value(value) for value in known}:
        shown, hint = typed(fault.value), "remove the quotes"
    yield _at(fault, "is", shown, f", not {one_of}{listed(known)}", hint)


def _required(fault: _Fault) -> Iterator[Violation]:
    for name in fault.operand:
        if name not in fault.value:
            message = f"{path_text((*fault.path, name), '')} is missing"
            yield Violation(fault.path, message, pattern=without_indexes(message))


def _unknown(fault: _Fault) -> Iterator[Violation]:
    known = list(fault.schema.get("properties", ()))
    for key in fault.value:
        if key not in known:
            hint = did_you_mean(key, known) or f"known here: {listed(known, 'and')}"
            yield Violation((*fault.path, key), f"unknown key `{quoted_value(key)}`", hint, about="key")


def _bound(fault: _Fault) -> Iterator[Violation]:
    how = "less" if fault.keyword == "minimum" else "greater"
    yield _at(fault, "is", f"`{quoted_value(fault.value)}`", f", {how} than {fault.operand}")


def _form(fault: _Fault) -> Iterator[Violation]:
    value = f"`{quoted_value(fault.value)}`"
    if fault.schema.get("format") == "date-time":
        yield _at(fault, "is", value, ", not an instant in UTC such as `2026-06-11T12:00:05Z`, from 1970 to 2254")
    else:
        yield _at(fault, "is", value, f", {mismatch(fault.schema)}", schema_hint(fault.schema))


def _size(fault: _Fault) -> Iterator[Violation]:
    size, how = len(fault.value), "fewer" if fault.keyword.startswith("min") else "more"
    unit = {"Length": "characters", "Items": "items", "Properties": "keys"}[fault.keyword[3:]]
    message = f"{fault.here} has {size} {unit}, {how} than {fault.operand}" if size else f"{fault.here} is empty"
    about: Literal["key", "value"] = "key" if size and unit == "keys" else "value"
    yield Violation(fault.path, message, about=about, pattern=without_indexes(message))


def _unique(fault: _Fault) -> Iterator[Violation]:
    for index, item in enumerate(fault.value):
        if item in fault.value[:index]:
            yield msgspec.structs.replace(
                _at(fault, "names", f"`{quoted_value(item)}`", " twice"), path=(*fault.path, index)
            )


def _alternatives(fault: _Fault) -> Iterator[Violation]:
    """What is wrong by the branch that was most likely meant: one that takes a value of this type."""
    keys = [branch["required"][0] for branch in fault.operand if list(branch) == ["required"]]
    if keys:
        yield from _one_key_of(keys, fault)
        return
    branches: dict[object, list[_Fault]] = {}
    for inner in fault.branches:
        branches.setdefault(inner.branch, []).append(inner)
    misfits = [inner for inner in fault.branches if inner.keyword == "type" and inner.whole]
    fitting = [found for found in branches.values() if not any(inner in misfits for inner in found)]
    if fitting:
        yield from _told(min(fitting, key=len))
    elif misfits:
        types = [inner.operand if isinstance(inner.operand, list) else [inner.operand] for inner in misfits]
        yield from _type(
            msgspec.structs.replace(fault, keyword="type", operand=[name for some in types for name in some])
        )
    else:
        yield from _other(fault)


def _one_key_of(keys: list[str], fault: _Fault) -> Iterator[Violation]:
    here = [key for key in fault.value if key in keys]
    known = fault.schema.get("properties", {})
    misspelt = [key for key in fault.value if key not in known and nearest(str(key), known) in keys]
    if len(here) > 1:
        message = f"{fault.here} has {listed(here, 'and')}: only one of them is allowed"
        yield Violation((*fault.path, here[1]), message, pattern=without_indexes(message))
    elif not misspelt or fault.schema.get("additionalProperties") is not False:
        yield _at(fault, "has none of", listed(keys, "and"), pattern=listed(keys, "and"))


def _other(fault: _Fault) -> Iterator[Violation]:
    yield _at(fault, "does not match:", quoted_value(fault.message, 200))


_EXPLAIN: dict[str, Callable[[_Fault], Iterable[Violation]]] = {
    "type": _type,
    "enum": _enum,
    "const": _enum,
    "required": _required,
    "additionalProperties": _unknown,
    "minimum": _bound,
    "maximum": _bound,
    "format": _form,
    "pattern": _form,
    "minLength": _size,
    "minItems": _size,
    "minProperties": _size,
    "maxProperties": _size,
    "uniqueItems": _unique,
    "anyOf": _alternatives,
    "oneOf": _alternatives,
}
