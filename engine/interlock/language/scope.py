"""The names that an expression may use at its position, and their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from interlock.language.walk import free_locals
from interlock.model.expression import Field, MapRef, Node, Reference, Type
from interlock.model.policy import Shape

Position = Literal["where", "condition", "value"]


class SelectionType(msgspec.Struct, frozen=True):
    """A selection as an expression sees it. `key` is the type of a map's key, where it has one field for it.

    With `groups`, its facts include those of absent named groups.
    """

    shape: Shape
    fields: Mapping[str, Type]
    key: Type | None = None
    groups: bool = False


class FactType(msgspec.Struct, frozen=True):
    """A fact named as a whole: not a value, but it can be compared with null, and has fields.

    With `groups`, it may be that of an absent named group. With `maybe`, its fields are optional values.
    """

    of: Reference
    fields: Mapping[str, Type]
    name: str
    groups: bool = False
    maybe: bool = False


class ObjectType(msgspec.Struct, frozen=True):
    """An object inside a fact, by its dotted path. With `maybe`, it is an optional value, and so are its fields."""

    fact: FactType
    path: str
    maybe: bool = False


class Maybe(msgspec.Struct, frozen=True):
    """An optional value, as `x.?f` gives it: null stands for none. `orValue` makes a value of it."""

    node: Node


class Filtered(msgspec.Struct, frozen=True):
    """The facts of a selection that meet a condition on the `variable`: not a value, but macros range over them."""

    selection: str
    known: SelectionType
    variable: str
    condition: Node


Thing = Node | FactType | ObjectType | Maybe | Filtered
"""What a part of an expression may be."""


class NamedExpressions:
    """The `variables` of a policy: what is written for each, its tree, and which were read."""

    def __init__(self) -> None:
        self.trees: dict[str, Any] = {}
        self.read: set[str] = set()
        self.refused: set[str] = set()


class TypeCheckAborted(Exception):
    """A fault was reported: nothing more can be said about the expression around it."""


class Scope(msgspec.Struct, frozen=True):
    """The names in sight. `hidden` are selections that exist but may not be named here, each with the reason.

    `place` says what is allowed: `where` has no macros over selections, and only `value` their sizes.
    `bound` is what `cel.bind` and macros over lists name; `named` are the policy's `variables`.
    With `certain`, nothing may be written that may have no value.
    `groups` are the variables whose facts include those of absent named groups. `refused` is what cannot be had,
    which was reported where they are declared: nothing more is reported of an expression that names one.
    """

    place: Position
    params: Mapping[str, Type] = {}
    selections: Mapping[str, SelectionType] = {}
    variables: Mapping[str, Mapping[str, Type]] = {}
    hidden: Mapping[str, str] = {}
    blocked: bool = False
    groups: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    named: NamedExpressions = NamedExpressions()
    certain: bool = False
    bound: Mapping[str, Thing] = {}

    def binding(self, name: str, thing: Thing) -> Scope:
        """This scope where the name means the thing."""
        return msgspec.structs.replace(self, bound={**self.bound, name: thing})

    def unused(self, word: str, *beside: Node) -> str:
        """What a macro calls the value that is written `word`: nothing that another name stands for, or that is
        written `beside` it, reads a value of that name."""
        taken = frozenset[str]().union(*(_locals(thing) for name, thing in self.bound.items() if name != word))
        taken = taken.union(*map(free_locals, beside))
        names = (word, *(f"{word}{n}" for n in range(2, len(taken) + 2)))
        return next(name for name in names if name not in taken)

    def within(self, variable: str, known: SelectionType) -> Scope:
        """This scope inside a macro that names a fact of a selection `variable`."""
        groups = self.groups | {variable} if known.groups else self.groups
        return msgspec.structs.replace(self, variables={**self.variables, variable: known.fields}, groups=groups)


def _locals(thing: Thing) -> frozenset[str]:
    """The names of the values that a thing reads and that macros around it bind."""
    match thing:
        case FactType():
            return free_locals(Field(thing.of, "", Type("null"))) if isinstance(thing.of, MapRef) else frozenset()
        case ObjectType():
            return _locals(thing.fact)
        case Maybe():
            return free_locals(thing.node)
        case Filtered():
            return free_locals(thing.condition)
    return free_locals(thing)


OPERATORS = "== != < <= > >= in && || ! + - * / % ?:"
FUNCTIONS = (
    *("duration", "timestamp", "has", "size", "int", "double", "string", "bool", "matches"),
    *("cel.bind", "optional.of", "optional.ofNonZeroValue", "optional.none"),
    *("sets.contains", "sets.intersects", "sets.equivalent", "hasIntersection", "isSubset", "intersect", "except"),
    *("math.greatest", "math.least", "math.abs", "math.ceil", "math.floor", "math.round", "math.trunc"),
)
MACROS = ("exists", "all", "exists_one", "map", "filter", "size")
EVERYTHING = f"{OPERATORS}, exists, all, filter, map, size, has, startsWith, matches, and what the reference lists"

ORDERED = ("int", "timestamp", "duration")
"""The kinds that the rules engine orders, and of which it adds up fields."""
COMPARED = (*ORDERED, "double", "string", "bool")
"""The kinds that `<` and its kin compare."""
RESERVED = frozenset(
    [
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"),
        *("loop", "package", "namespace", "return", "var", "void", "while"),
    ]
)
"""Words that CEL keeps for itself: no name of a fact or of a value is one of them; a field may be."""


def with_article(kind: str) -> str:
    """The kind with its article, as messages name it."""
    return kind if kind == "null" else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
