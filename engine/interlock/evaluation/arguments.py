"""Arguments for parameters, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from interlock import instant
from interlock.model.facts import Value
from interlock.model.policy import Parameter, Policy


def value_of(parameter: Parameter, given: Any) -> Value:
    """The value of the parameter's type that `given` means (a Python value, or a text as on a command line).

    Durations and instants become microseconds, lists a tuple. Raises ValueError, with a message for people.
    """
    if given is None:
        if parameter.optional:
            return None
        raise ValueError(f"`{parameter.name}` needs a value")
    match parameter.kind:
        case "string":
            return _string(parameter, given)
        case "int":
            return _int(parameter, given)
        case "bool":
            return _bool(parameter, given)
        case "list":
            return _list(parameter, given)
        case "duration":
            return _time(parameter, given, "a duration such as `180s`", instant.parse_duration)
    return _time(parameter, given, "an instant such as `2026-06-11T12:00:05Z`", instant.read_instant)


def _text(parameter: Parameter, given: Any, wanted: str) -> str:
    if not isinstance(given, str):
        raise ValueError(f"`{parameter.name}` takes {wanted}, not `{_shown(given)}`")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ValueError(f"`{parameter.name}` is not text: it contains bytes that are not UTF-8") from None
    if "\0" in given:  # SQLite would cut off what comes after it
        raise ValueError(f"`{parameter.name}` holds the character NUL, which is not allowed in a ledger")
    return given


def _shown(given: Any) -> str:
    """What was given, as JSON but for a text."""
    from json import dumps

    return given if isinstance(given, str) else dumps(given, ensure_ascii=False, default=str)


def _string(parameter: Parameter, given: Any) -> str:
    text = _text(parameter, given, "a text")
    if parameter.enum and text not in parameter.enum:
        raise ValueError(f"`{parameter.name}` is `{text}`, not one of {', '.join(parameter.enum)}")
    return text


def _int(parameter: Parameter, given: Any) -> int:
    if isinstance(given, str) and given.removeprefix("-").isdecimal() and given.isascii() and len(given) < 20:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise ValueError(f"`{parameter.name}` takes a whole number, not `{_shown(given)}`")
    if abs(given) >= instant.INTEGER_BOUND:
        raise ValueError(
            f"`{parameter.name}` is too large: whole numbers are below {instant.INTEGER_BOUND} in magnitude"
        )
    return given


def _bool(parameter: Parameter, given: Any) -> bool:
    if isinstance(given, str) and given in ("true", "false"):
        return given == "true"
    if not isinstance(given, bool):
        raise ValueError(f"`{parameter.name}` takes true or false, not `{_shown(given)}`")
    return given


def _list(parameter: Parameter, given: Any) -> tuple[str, ...]:
    members = given.split(",") if isinstance(given, str) else given
    if not isinstance(members, list | tuple):
        raise ValueError(f"`{parameter.name}` takes a list of texts, not `{_shown(given)}`")
    return tuple(_text(parameter, member, "a list of texts") for member in members)


def _time(parameter: Parameter, given: Any, wanted: str, parse: Callable[[str], int]) -> int:
    text = _text(parameter, given, wanted)
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"`{parameter.name}`: {error}") from None


def arguments(policy: Policy, given: Mapping[str, Any]) -> dict[str, Value]:
    """The value of every parameter of a policy. Raises ValueError for a wrong or a missing one."""
    values: dict[str, Value] = {}
    for parameter in policy.parameters:
        if parameter.name in given:
            values[parameter.name] = value_of(parameter, given[parameter.name])
        elif parameter.required:
            raise ValueError(f"`{parameter.name}` must be given")
        else:
            values[parameter.name] = parameter.default
    return values
