"""The reader that evaluates a tree over Python values.

Two-valued and total (`docs/design/language.md`, "Two-valued, total"): a missing field is null; null equals null only;
an ordering with a null is false; a function of a null is null, and a test of one false; `!` is the exact opposite.

What is an error in CEL (an overflow, a text that is not a number) is a `Failure` here, where CEL does not absorb it:
`false && x` is false and `true || x` true whatever `x` is, and so in the other order, and in `exists` and `all`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import msgspec

from interlock import instant
from interlock.language.structures import equal, has
from interlock.model.expression import (
    Blocked,
    Call,
    Choice,
    Compare,
    Constant,
    Count,
    Exists,
    Field,
    Fold,
    In,
    Local,
    Logic,
    MapRef,
    Node,
    Not,
    Now,
    Param,
    Present,
    Reference,
    SingletonRef,
    Size,
    Sum,
    TaskId,
    Type,
    VariableRef,
    type_of,
)
from interlock.model.facts import Fact, Json, Value


class Environment(msgspec.Struct, frozen=True):
    """Everything an expression can read. `facts` are the facts of each selection, derived kinds and needs included;
    `maps` index the facts of those that are maps; `variables` are the facts that loops and macros range over, `locals`
    the members of lists that macros bind."""

    now: int
    task: str
    params: Mapping[str, Value]
    facts: Mapping[str, Sequence[Fact]]
    maps: Mapping[str, Mapping[Value, Fact]] = {}
    variables: Mapping[str, Fact] = {}
    blocked: bool = False
    locals: Mapping[str, Value] = {}

    def bind(self, name: str, fact: Fact) -> Environment:
        """The same, with the variable `name` at `fact`."""
        variables = {**self.variables, name: fact}
        return Environment(
            self.now, self.task, self.params, self.facts, self.maps, variables, self.blocked, self.locals
        )

    def ranging(self, names: Sequence[str], facts: Sequence[Fact]) -> Environment:
        """The same, with each variable at the fact of its place."""
        here = self
        for name, fact in zip(names, facts, strict=True):
            here = here.bind(name, fact)
        return here

    def without(self, name: str) -> Environment:
        """The same, without a fact under that name: what is said of it is said of a candidate."""
        return msgspec.structs.replace(self, variables={k: v for k, v in self.variables.items() if k != name})

    def at(self, name: str, value: Value) -> Environment:
        """The same, with the value `name` of a macro at `value`."""
        return msgspec.structs.replace(self, locals={**self.locals, name: value})


class Failure(Exception):
    """An expression has no value over what is known, where CEL has an error; `why` says what is wrong."""

    def __init__(self, node: Node, why: str, known: Environment) -> None:
        super().__init__(why)
        self.node, self.why, self.known = node, why, known


def fact_of(of: Reference, known: Environment) -> Fact | None:
    """The fact that is referred to, or None when it is absent."""
    if type(of) is VariableRef:
        return known.variables[of.name]
    if type(of) is SingletonRef:
        facts = known.facts[of.selection]
        return facts[0] if facts else None
    assert isinstance(of, MapRef)
    return known.maps[of.selection].get(evaluate(of.key, known))


def is_present(of: Reference, known: Environment) -> bool:
    """Whether the fact that is referred to is there; that of an absent named group is not."""
    fact = fact_of(of, known)
    return fact is not None and not fact.absent


def evaluate(node: Node, known: Environment) -> Value:
    """The value of a checked tree. Raises Failure."""
    return _READERS[type(node)](node, known)


def outcome(node: Node, known: Environment) -> Value | Failure:
    """The value of a checked tree, or why it has none."""
    try:
        return evaluate(node, known)
    except Failure as failure:
        return failure


def holds(node: Node, known: Environment) -> bool:
    """Whether a condition is true; one that has no value is not."""
    return outcome(node, known) is True


def _field(node: Field, known: Environment) -> Value:
    fact = fact_of(node.of, known)
    return fact.fields.get(node.path) if fact is not None else None


def _logic(node: Logic, known: Environment) -> bool:
    return _settled(node.op == "||", zip(node.items, repeat(known)))


def _settled(settling: bool, asked: Iterable[tuple[Node, Environment]]) -> bool:
    """What is `settling` settles the whole, whatever else fails."""
    failure = None
    for item, known in asked:
        try:
            if evaluate(item, known) is settling:
                return settling
        except Failure as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return not settling


def _some(node: Exists, known: Environment) -> bool:
    facts, variable = known.facts[node.selection], node.variable
    return _settled(True, ((node.condition, known.bind(variable, fact)) for fact in facts))


def _call(node: Call, known: Environment) -> Any:
    from interlock.language.functions import FUNCTIONS, OF_MEMBERS
    from interlock.language.texts import Undefined

    if node.function in EITHER:
        found = evaluate(node.arguments[0], known)
        return evaluate(node.arguments[1], known) if found is None else found
    function = FUNCTIONS[node.function]
    arguments = [evaluate(each, known) for each in node.arguments]
    lacking = not function.nulls and None in arguments
    if lacking or (node.function in OF_MEMBERS and any(type(each) is tuple and None in each for each in arguments)):
        return False if function.test else None
    try:
        return function.run(*arguments)
    except Undefined as why:
        raise Failure(node, str(why), known) from None


EITHER = ("or_value", "or_other")
"""The functions that do not evaluate their second argument where the first is not null."""


def _fold(node: Fold, known: Environment) -> Any:
    """A macro over values. Of nothing at all, neither `exists` nor `all` holds."""
    source = evaluate(node.source, known)
    if source is None:
        return False if node.macro in ("exists", "all", "exists_one") else None
    assert isinstance(source, tuple | dict)
    looks = ((each, known.at(node.variable, each)) for each in source)
    match node.macro:
        case "exists" | "all":
            return _settled(node.macro == "exists", ((node.body, look) for _, look in looks))
        case "exists_one":
            return sum(evaluate(node.body, look) is True for _, look in looks) == 1
        case "map":
            return tuple([evaluate(node.body, look) for _, look in looks])
    return tuple([each for each, look in looks if evaluate(node.body, look) is True])


def _contained(node: In, known: Environment) -> bool:
    item = evaluate(node.item, known)
    if node.param is None:
        return has(tuple([evaluate(member, known) for member in node.members]), item)
    listed = known.params[node.param]
    return isinstance(listed, tuple) and item in listed


def _choice(node: Choice, known: Environment) -> Value:
    return evaluate(node.yes if evaluate(node.condition, known) else node.no, known)


def _compare(node: Compare, known: Environment) -> bool:
    left, right = evaluate(node.left, known), evaluate(node.right, known)
    if node.op in ("==", "!="):
        return equal(left, right) is (node.op == "==")
    if left is None or right is None:
        return False
    return _ORDERINGS[node.op](left, right)


def _sum(node: Sum, known: Environment) -> Value:
    left, right = evaluate(node.left, known), evaluate(node.right, known)
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, int) and isinstance(right, int):
        found = left + right if node.op == "+" else left - right
        return found if -_SAFE < found < _SAFE else bounded(node, found, known)
    return None


_SAFE = 1 << 53
"""Every whole number, instant and duration that is nearer to 0 is one in CEL."""


def bounded(node: Sum, found: int, known: Environment) -> int:
    """The sum, where CEL has it: whole numbers have 64 bits, instants four digits of a year, durations 292 years.

    Raises Failure.
    """
    from interlock.language import texts

    check = {"timestamp": texts.in_years, "duration": texts.in_range}.get(node.type.kind, texts.whole)
    try:
        return check(found)
    except texts.Undefined as why:
        raise Failure(node, str(why), known) from None


_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_READERS: dict[type, Callable[[Any, Environment], Value]] = {
    Field: _field,
    Constant: lambda node, _: node.value,
    Param: lambda node, known: known.params[node.name],
    Now: lambda _, known: known.now,
    TaskId: lambda _, known: known.task,
    Blocked: lambda _, known: known.blocked,
    Present: lambda node, known: is_present(node.of, known),
    Compare: _compare,
    In: _contained,
    Logic: _logic,
    Not: lambda node, known: not evaluate(node.item, known),
    Sum: _sum,
    Exists: _some,
    Size: lambda node, known: len(known.facts[node.selection]),
    Count: lambda node, known: sum(
        evaluate(node.condition, known.bind(node.variable, fact)) is True for fact in known.facts[node.selection]
    ),
    Choice: _choice,
    Local: lambda node, known: known.locals[node.name],
    Call: _call,
    Fold: _fold,
}


def as_display_text(node: Node, known: Environment) -> str:
    """The value as text for people: instants as RFC 3339, durations in two units, null as `none`, lists as JSON."""
    return display_text(evaluate(node, known), type_of(node))


def display_text(value: Value, of: Type) -> str:
    """A value of a type as text for people."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        members = printed(value, of)
        assert isinstance(members, tuple)
        return f"[{', '.join(msgspec.json.encode(member).decode() for member in members)}]"
    if isinstance(value, dict):
        return msgspec.json.encode(printed(value, of)).decode()
    if of.kind == "duration" and isinstance(value, int):
        return instant.duration_text(value)
    return str(as_printed(value, of.kind))


def printed(value: Value, of: Type) -> Value:
    """The value as a printed decision has it, the members of lists and maps too."""
    if not isinstance(value, tuple | dict):
        return as_printed(value, of.kind)
    item = of.item or Type("null")
    if isinstance(value, tuple):
        return tuple([printed(each, item) for each in value])
    if of.kind == "object":
        fields = dict(of.fields)
        return {name: printed(each, fields.get(name, item)) for name, each in value.items()}
    key = of.key or Type("null")
    return {as_text(each, key): printed(found, item) for each, found in value.items()}


def as_text(value: Value, of: Type) -> str:
    """A key of a map as JSON has it: a text."""
    found = printed(value, of)
    return str(found).lower() if isinstance(found, bool) else str(found)


def as_printed(value: Value, kind: str) -> Value:
    """The value as a printed decision has it: instants and durations as text, everything else as it is.

    A list or object of a fact is its JSON text.
    """
    if isinstance(value, Json):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if kind == "timestamp":
            return instant.format_instant(value)
        if kind == "duration":
            return instant.format_duration(value)
        if not -instant.INTEGER_BOUND < value < instant.INTEGER_BOUND:
            return str(value)  # not every reader of JSON distinguishes it from its neighbours
    if isinstance(value, float) and value - value != 0:  # JSON has no infinite number, and none that is none
        return str(value)
    return value
