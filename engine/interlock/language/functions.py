"""The functions of values: their names and types, what they do, and whether they may have no value.

What has no value here is an error in CEL; an argument that is null gives null, and false where the function is a test.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

from interlock.instant import SECOND
from interlock.language import calendar, lists, patterns, texts
from interlock.language.scope import COMPARED
from interlock.language.structures import has
from interlock.language.texts import INT_MAX, INT_MIN, Undefined, whole
from interlock.model.expression import Type

Form = Literal["method", "global", "infix", "prefix", "index", "select"]


class Function(NamedTuple):
    """A function. `takes` are the types of its arguments, a method's own value first; `gives` is that of its value.

    `*` is any type; `list<T>` and `map<T>` bind T, and `T` is then that type; so does `O`, of what has an order. A
    `test` is false for a null.
    """

    name: str
    form: Form
    takes: tuple[str, ...]
    gives: str
    run: Callable[..., Any]
    fails: bool = False
    test: bool = False
    nulls: bool = False
    """Whether it is called with nulls too."""


def _quotient(left: int, right: int) -> int:
    if not right:
        raise Undefined("division by zero")
    found = abs(left) // abs(right)
    return whole(found if (left < 0) is (right < 0) else -found)


def _remainder(left: int, right: int) -> int:
    if not right:
        raise Undefined("modulus by zero")
    return left - right * _quotient(left, right)


def _ratio(left: float, right: float) -> float:
    """As IEEE 754 divides, by zero too."""
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def _truncated(number: float) -> int:
    found = math.trunc(number) if math.isfinite(number) else INT_MAX
    if not INT_MIN < found < INT_MAX:
        raise Undefined("the number overflows 64 bits")
    return found


def _patterned(run: Callable[..., Any]) -> Callable[..., Any]:
    """A function that has no value for a pattern that is not valid, or where the text is too long for it."""

    def found(*arguments: Any) -> Any:
        try:
            return run(*arguments)
        except patterns.PatternError as error:
            raise Undefined(str(error)) from None

    return found


_matches, _find_all = _patterned(patterns.matches), _patterned(patterns.find_all)


def _at(members: tuple[Any, ...], place: int) -> Any:
    if not 0 <= place < len(members):
        raise Undefined(f"there is no member {place} in a list of {len(members)}")
    return members[place]


def _under(mapping: dict[Any, Any], key: Any) -> Any:
    if key not in mapping:
        raise Undefined(f"there is no key `{key}`")
    return mapping[key]


def _mapping(*pairs: Any) -> dict[Any, Any]:
    found = dict(zip(pairs[::2], pairs[1::2], strict=True))
    if 2 * len(found) < len(pairs):
        raise Undefined("a key of the map is duplicated")
    return found


def _there(value: Any) -> Any:
    if value is None:
        raise Undefined("it has no value")
    return value


def _instant(seconds: int) -> int:
    return texts.in_years(seconds * SECOND)


def _slice(members: tuple[Any, ...], start: int, end: int) -> tuple[Any, ...]:
    if not 0 <= start <= end <= len(members):
        raise Undefined(f"there are no members {start} to {end} in a list of {len(members)}")
    return members[start:end]


def _length(members: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(members) > MAX_MEMBERS:
        raise Undefined(f"the list has more than {MAX_MEMBERS:,} members")
    return members


MAX_MEMBERS = 100_000
"""The most members of a list that a function makes."""
_T = "T"
_TEXT, _TEXT2 = ("string",), ("string", "string")
_COUNTED = ("string", "string", "int")


def _tests() -> dict[str, Function]:
    return {
        "startsWith": Function("startsWith", "method", _TEXT2, "bool", str.startswith, test=True),
        "endsWith": Function("endsWith", "method", _TEXT2, "bool", str.endswith, test=True),
        "contains": Function("contains", "method", _TEXT2, "bool", lambda text, part: part in text, test=True),
        "matches": Function("matches", "method", _TEXT2, "bool", _matches, fails=True, test=True),
        "matches2": Function("matches", "global", _TEXT2, "bool", _matches, fails=True, test=True),
        "in_list": Function("in", "infix", (_T, "list<T>"), "bool", lambda item, some: has(some, item), test=True),
        "in_map": Function("in", "infix", ("K", "map<T>"), "bool", lambda key, some: key in some, test=True),
    }


def _texts() -> dict[str, Function]:
    made = {
        "lowerAscii": Function("lowerAscii", "method", _TEXT, "string", texts.lower),
        "upperAscii": Function("upperAscii", "method", _TEXT, "string", texts.upper),
        "find": Function("find", "method", _TEXT2, "string", _patterned(patterns.find), fails=True),
        "findAll": Function("findAll", "method", _TEXT2, "list<string>", _find_all, fails=True),
        "findAll3": Function("findAll", "method", _COUNTED, "list<string>", _find_all, fails=True),
        "trim": Function("trim", "method", _TEXT, "string", texts.trim),
        "reverse": Function("reverse", "method", _TEXT, "string", lambda text: text[::-1]),
        "split": Function("split", "method", _TEXT2, "list<string>", texts.split),
        "split3": Function("split", "method", _COUNTED, "list<string>", texts.split),
        "replace": Function("replace", "method", (*_TEXT2, "string"), "string", texts.replace, fails=True),
        "replace4": Function("replace", "method", (*_TEXT2, "string", "int"), "string", texts.replace, fails=True),
        "substring": Function("substring", "method", ("string", "int"), "string", texts.substring, fails=True),
        "substring3": Function("substring", "method", ("string", "int", "int"), "string", texts.substring, fails=True),
        "charAt": Function("charAt", "method", ("string", "int"), "string", texts.character, fails=True),
        "indexOf": Function("indexOf", "method", _TEXT2, "int", texts.first),
        "indexOf3": Function("indexOf", "method", _COUNTED, "int", texts.first, fails=True),
        "lastIndexOf": Function("lastIndexOf", "method", _TEXT2, "int", texts.last),
        "lastIndexOf3": Function("lastIndexOf", "method", _COUNTED, "int", texts.last, fails=True),
        "join": Function("join", "method", ("list<string>",), "string", texts.joined, fails=True),
        "join2": Function("join", "method", ("list<string>", "string"), "string", texts.joined, fails=True),
    }
    for kind, takes in (("string", "string"), ("list", "list<T>"), ("map", "map<T>")):
        made[f"size_{kind}"] = Function("size", "method", (takes,), "int", len)
        made[f"size_of_{kind}"] = Function("size", "global", (takes,), "int", len)
    return made


def _conversions() -> dict[str, Function]:
    def same(value: Any) -> Any:
        return value

    found = {
        "int_string": Function("int", "global", _TEXT, "int", texts.integer, fails=True),
        "int_double": Function("int", "global", ("double",), "int", _truncated, fails=True),
        "int_timestamp": Function("int", "global", ("timestamp",), "int", lambda at: at // SECOND),
        "double_int": Function("double", "global", ("int",), "double", float),
        "double_string": Function("double", "global", _TEXT, "double", texts.double, fails=True),
        "bool_string": Function("bool", "global", _TEXT, "bool", texts.boolean, fails=True),
        "string_int": Function("string", "global", ("int",), "string", str),
        "string_bool": Function("string", "global", ("bool",), "string", lambda value: "true" if value else "false"),
        "string_timestamp": Function("string", "global", ("timestamp",), "string", texts.write_instant),
        "string_duration": Function("string", "global", ("duration",), "string", texts.write_duration),
        "timestamp_string": Function("timestamp", "global", _TEXT, "timestamp", texts.instant_of, fails=True),
        "timestamp_int": Function("timestamp", "global", ("int",), "timestamp", _instant, fails=True),
        "duration_string": Function("duration", "global", _TEXT, "duration", texts.duration_of, fails=True),
    }
    for kind in ("int", "double", "bool", "string", "timestamp", "duration"):
        found[f"{kind}_{kind}"] = Function(kind, "global", (kind,), kind, same)
    return found


def _numbers() -> dict[str, Function]:
    ints, doubles = ("int", "int"), ("double", "double")
    return {
        "times": Function("*", "infix", ints, "int", lambda left, right: whole(left * right), fails=True),
        "divided": Function("/", "infix", ints, "int", _quotient, fails=True),
        "modulo": Function("%", "infix", ints, "int", _remainder, fails=True),
        "minus": Function("-", "prefix", ("int",), "int", lambda value: whole(-value), fails=True),
        "double_plus": Function("+", "infix", doubles, "double", lambda a, b: a + b),
        "double_minus": Function("-", "infix", doubles, "double", lambda a, b: a - b),
        "double_times": Function("*", "infix", doubles, "double", lambda a, b: a * b),
        "double_divided": Function("/", "infix", doubles, "double", _ratio),
        "double_negated": Function("-", "prefix", ("double",), "double", lambda value: -value),
    }


def _collections() -> dict[str, Function]:
    def either(first: Any, second: Any) -> Any:
        return second if first is None else first

    return {
        "list": Function("list", "global", (), "list<T>", lambda *members: members, nulls=True),
        "map": Function("map", "global", (), "map<T>", _mapping, fails=True),
        "list_plus": Function("+", "infix", ("list<T>", "list<T>"), "list<T>", lambda a, b: _length(a + b), fails=True),
        "at": Function("[]", "index", ("list<T>", "int"), _T, _at, fails=True),
        "under": Function("[]", "index", ("map<T>", "K"), _T, _under, fails=True),
        "slice": Function("slice", "method", ("list<T>", "int", "int"), "list<T>", _slice, fails=True),
        "reverse_list": Function("reverse", "method", ("list<T>",), "list<T>", lambda members: members[::-1]),
        "field": Function(".", "select", (), _T, lambda record, name: record.get(name)),
        "maybe_at": Function(
            "[?]", "index", ("list<T>", "int"), _T, lambda some, n: some[n] if 0 <= n < len(some) else None
        ),
        "maybe_under": Function("[?]", "index", ("map<T>", "K"), _T, lambda some, key: some.get(key)),
        "or_value": Function("orValue", "method", (), _T, either, nulls=True),
        "or_other": Function("or", "method", (), _T, either, nulls=True),
        "value": Function("value", "method", (), _T, _there, fails=True, nulls=True),
    }


def _lists() -> dict[str, Function]:
    """The list library of Kubernetes, the sets of CEL's extensions, and what Cerbos calls these."""
    both = ("list<T>", "list<T>")
    made = {
        "isSorted": Function("isSorted", "method", ("list<O>",), "bool", lists.is_sorted, test=True),
        "sort": Function("sort", "method", ("list<O>",), "list<T>", lambda members: tuple(sorted(members))),
        "min": Function("min", "method", ("list<O>",), _T, partial(lists.extreme, min), fails=True),
        "max": Function("max", "method", ("list<O>",), _T, partial(lists.extreme, max), fails=True),
        "sum": Function("sum", "method", ("list<int>",), "int", partial(lists.total, 0, whole), fails=True),
        "sum_double": Function("sum", "method", ("list<double>",), "double", partial(lists.total, 0.0, float)),
        "sum_duration": Function(
            "sum", "method", ("list<duration>",), "duration", partial(lists.total, 0, texts.in_range), fails=True
        ),
        "indexOf_list": Function("indexOf", "method", ("list<T>", _T), "int", lists.place),
        "lastIndexOf_list": Function("lastIndexOf", "method", ("list<T>", _T), "int", lists.last_place),
        "places": Function("places", "global", (), "list<int>", lambda members: tuple(range(len(members)))),
        "distinct": Function("distinct", "method", ("list<T>",), "list<T>", lists.distinct),
        "flatten": Function("flatten", "method", ("list<list<T>>",), "list<T>", lists.flat),
        "sets_contains": Function("sets.contains", "global", both, "bool", lists.has_all, test=True),
        "sets_intersects": Function("sets.intersects", "global", both, "bool", lists.has_some, test=True),
        "sets_equivalent": Function(
            "sets.equivalent",
            "global",
            both,
            "bool",
            lambda a, b: lists.has_all(a, b) and lists.has_all(b, a),
            test=True,
        ),
    }
    forms: tuple[Form, ...] = ("method", "global")
    for form in forms:
        for name in ("hasIntersection", "has_intersection"):
            made[f"{name}_{form}"] = Function(name, form, both, "bool", lists.has_some, test=True)
        for name in ("isSubset", "is_subset"):
            made[f"{name}_{form}"] = Function(name, form, both, "bool", lambda a, b: lists.has_all(b, a), test=True)
        made[f"intersect_{form}"] = Function("intersect", form, both, "list<T>", lists.shared)
        made[f"except_{form}"] = Function("except", form, both, "list<T>", lists.without)
    return made


def _mathematics() -> dict[str, Function]:
    """What of CEL's math extension is of whole numbers and of fractions."""
    made = {}
    picks: tuple[tuple[str, Any], ...] = (("greatest", max), ("least", min))
    for name, pick in picks:
        for kind in ("int", "double"):
            for count in (2, 3, 4):
                takes, run = (kind,) * count, partial(lists.extreme_of, pick)
                made[f"{name}_{kind}{count}"] = Function(f"math.{name}", "global", takes, kind, run)
            made[f"{name}_{kind}s"] = Function(
                f"math.{name}", "global", (f"list<{kind}>",), kind, partial(lists.extreme, pick), fails=True
            )
    steps: tuple[tuple[str, Any], ...] = (("ceil", math.ceil), ("floor", math.floor), ("trunc", math.trunc))
    for name, step in (*steps, ("round", lists.nearest)):
        made[name] = Function(f"math.{name}", "global", ("double",), "double", partial(lists.rounded, step))
    made["abs"] = Function("math.abs", "global", ("int",), "int", lambda number: whole(abs(number)), fails=True)
    made["abs_double"] = Function("math.abs", "global", ("double",), "double", abs)
    return made


def _calendar() -> dict[str, Function]:
    """The parts of instants and durations: a method by itself, and of an instant with a time zone."""
    found = {}
    for name in calendar.PARTS:
        read, takes = partial(calendar.part, name), ("timestamp", "string")
        found[f"{name}_in"] = Function(name, "method", takes, "int", read, fails=True)
        found[name] = Function(name, "method", takes[:1], "int", read)
    for name in calendar.SPANS:
        found[f"{name}_of"] = Function(name, "method", ("duration",), "int", partial(calendar.span, name))
    return found


FUNCTIONS: dict[str, Function] = {
    **_tests(),
    **_texts(),
    **_conversions(),
    **_numbers(),
    **_collections(),
    **_lists(),
    **_mathematics(),
    **_calendar(),
}
"""Every function, by its identity."""
OF_MEMBERS = frozenset(
    identity
    for identity, each in FUNCTIONS.items()
    if any(wanted.startswith("list<") and wanted != "list<T>" for wanted in each.takes)
)
"""Those that take lists of what has an order, or of one type: a member that is null is to them as a null argument."""


KEYS = ("string", "int", "bool")
"""The kinds of a map's keys."""


def named(name: str, form: Form) -> list[str]:
    """The identities of the functions of a name, in one form."""
    return [identity for identity, each in FUNCTIONS.items() if (each.name, each.form) == (name, form) and each.takes]


def resolved(identity: str, found: tuple[Type, ...]) -> Type | None:
    """The type that a function gives for arguments of these types; None where it does not take them."""
    function = FUNCTIONS[identity]
    if len(function.takes) != len(found):
        return None
    bound: dict[str, Type | None] = {}
    if not all(_takes(wanted, of, bound) for wanted, of in zip(function.takes, found, strict=True)):
        return None
    lacking = [*found, *(of.item for of in found if of.item is not None and identity in OF_MEMBERS)]
    nullable = any(of.nullable for of in lacking) and not function.test
    return _given(function.gives, bound, nullable)


def _takes(wanted: str, of: Type, bound: dict[str, Type | None]) -> bool:
    if of.kind == "null":
        return wanted not in (_T, "K", "O")
    if wanted == "O":
        return of.kind in COMPARED and _takes(_T, of, bound)
    if wanted == "K" and of.kind not in KEYS:
        return False
    if wanted in (_T, "K"):
        known = bound.setdefault(wanted, of)
        bound[wanted] = joint(known, of) if known is not None else of
        return known is None or joint(known, of) is not None
    kind, _, inner = wanted.rstrip(">").partition("<")
    if of.kind != kind:
        return False
    if kind == "map" and of.key is not None:
        key = bound.setdefault("K", of.key)
        if key is not None and joint(key, of.key) is None:
            return False
    if not inner or of.item is None:
        return True
    return _takes(inner, of.item, bound)


def _given(gives: str, bound: dict[str, Type | None], nullable: bool) -> Type:
    if gives == _T:
        found = bound.get(_T)
        return Type("null") if found is None else found.opened(nullable=True)
    kind, _, inner = gives.rstrip(">").partition("<")
    item = None if not inner else bound.get(_T) if inner == _T else Type(inner, nullable=False)  # type: ignore[arg-type]
    return Type(kind, (), nullable, item)  # type: ignore[arg-type]


def joint(first: Type, second: Type) -> Type | None:
    """The type of what is of either; None where they are different kinds."""
    if first.kind == "null":
        return second.or_null()
    if second.kind == "null":
        return first.or_null()
    if first.kind != second.kind:
        return None
    inner: list[Type | None] = []
    for mine, its in ((first.item, second.item), (first.key, second.key)):
        found = its if mine is None else mine if its is None else joint(mine, its)
        if found is None and mine is not None and its is not None:
            return None
        inner.append(found)
    fields = _joint_fields(dict(first.fields), dict(second.fields))
    if fields is None:
        return None
    enum = tuple(dict.fromkeys((*first.enum, *second.enum))) if first.enum and second.enum else ()
    return Type(first.kind, enum, first.nullable or second.nullable, inner[0], inner[1], fields)


def _joint_fields(first: dict[str, Type], second: dict[str, Type]) -> tuple[tuple[str, Type], ...] | None:
    """The fields of what is of either: one that only one has may be null. None where a name has two types."""
    found = {}
    for name in {**first, **second}:
        if name in first and name in second:
            both = joint(first[name], second[name])
            if both is None:
                return None
            found[name] = both
        else:
            found[name] = (first.get(name) or second[name]).or_null()
    return tuple(found.items())
