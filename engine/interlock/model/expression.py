"""The typed tree of an expression: what the checker makes and every reader reads.

Values are None (null), bool, int, float, str; instants and durations are ints in microseconds; a list is a tuple, a map
a dict. A missing field is null. Every condition is true or false: see `docs/design/language.md`, "Two-valued, total".
"""

# No `from __future__ import annotations`: msgspec would evaluate every text of it again at each start.

from typing import Literal

import msgspec

ValueKind = Literal["null", "bool", "int", "double", "string", "timestamp", "duration", "list", "map", "object", "fact"]


Operator = Literal["==", "!=", "<", "<=", ">", ">="]
FLIPPED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
"""Each operator with the one that says the same of the sides in turn."""
OPPOSITE: dict[Operator, Operator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
"""Each operator with the one that holds where it does not, if no side is null."""


class Type(msgspec.Struct, frozen=True, array_like=True):
    """The type of an expression. `enum` closes a string type; `nullable` is false only where null cannot occur.

    `item` is the type of a list's members or a map's values, `key` that of a map's keys; None where nothing is in it.
    An object has `fields`; it has a `key` where it is read as a value, and not merely asked whether it is there.
    """

    kind: ValueKind
    enum: tuple[str, ...] = ()
    nullable: bool = True
    item: "Type | None" = None
    key: "Type | None" = None
    fields: tuple[tuple[str, "Type"], ...] = ()

    def __str__(self) -> str:
        return self.kind

    def or_null(self) -> "Type":
        """The same type, of which there may be none."""
        return Type(self.kind, self.enum, True, self.item, self.key, self.fields)

    def certain(self) -> "Type":
        """The same type, of which there is always one."""
        return Type(self.kind, self.enum, False, self.item, self.key, self.fields)

    def opened(self, *, nullable: bool) -> "Type":
        """The same type, which any value of its kind may have."""
        return Type(self.kind, (), nullable, self.item, self.key, self.fields)


class VariableRef(msgspec.Struct, frozen=True, array_like=True, tag=True, tag_field="ref"):
    """The fact a loop, a macro or a selection's own `where` is looking at, by name."""

    name: str


class SingletonRef(msgspec.Struct, frozen=True, array_like=True, tag=True, tag_field="ref"):
    """The one fact of a selection that takes one and groups by nothing; all its fields are null when it is absent."""

    selection: str


class MapRef(msgspec.Struct, frozen=True, array_like=True, tag=True, tag_field="ref"):
    """The fact of the map `selection` under a key; all its fields are null when there is none."""

    selection: str
    key: "Node"


Reference = VariableRef | SingletonRef | MapRef


class Constant(msgspec.Struct, frozen=True, array_like=True, tag="literal", tag_field="node"):
    """A value written in the policy."""

    value: None | bool | int | float | str
    type: Type


class Param(msgspec.Struct, frozen=True, array_like=True, tag="param", tag_field="node"):
    """`params.NAME`."""

    name: str
    type: Type


class Now(msgspec.Struct, frozen=True, array_like=True, tag="now", tag_field="node"):
    """`now`: the instant of the request."""


class TaskId(msgspec.Struct, frozen=True, array_like=True, tag="task", tag_field="node"):
    """`task`: the name of the task of the request."""


class Blocked(msgspec.Struct, frozen=True, array_like=True, tag="blocked", tag_field="node"):
    """`blocked`, in `decide` and `outputs`: some rule blocked."""


class Field(msgspec.Struct, frozen=True, array_like=True, tag="field", tag_field="node"):
    """A field of a fact, by its path joined with dots, such as `correlation.dispatcher_id`."""

    of: Reference
    path: str
    type: Type


class Present(msgspec.Struct, frozen=True, array_like=True, tag="present", tag_field="node"):
    """Whether the fact exists (`smoke != null`).

    With `groups`, the facts include those of absent named groups, which have a key and are not there.
    """

    of: Reference
    groups: bool = False


class Compare(msgspec.Struct, frozen=True, array_like=True, tag="compare", tag_field="node"):
    """A comparison of two values of one type; orderings are of ints, instants and durations only."""

    op: Operator
    left: "Node"
    right: "Node"


class In(msgspec.Struct, frozen=True, array_like=True, tag="in", tag_field="node"):
    """`item in list`: equal to some member; null is in no list of strings."""

    item: "Node"
    members: tuple["Node", ...]
    param: str | None = None
    """The parameter that holds the list, where it is not written out; `members` is then empty."""


class Logic(msgspec.Struct, frozen=True, array_like=True, tag="logic", tag_field="node"):
    """`&&` or `||` over two or more conditions."""

    op: Literal["&&", "||"]
    items: tuple["Node", ...]


class Not(msgspec.Struct, frozen=True, array_like=True, tag="not", tag_field="node"):
    """The exact opposite of a condition."""

    item: "Node"


class Sum(msgspec.Struct, frozen=True, array_like=True, tag="sum", tag_field="node"):
    """`+` or `-` on ints, instants and durations, and `+` on strings; null when either side is."""

    op: Literal["+", "-"]
    left: "Node"
    right: "Node"
    type: Type


class Exists(msgspec.Struct, frozen=True, array_like=True, tag="some", tag_field="node"):
    """`SELECTION.exists(variable, condition)`; `all` is `!exists(variable, !condition)`."""

    selection: str
    variable: str
    condition: "Node"


class Size(msgspec.Struct, frozen=True, array_like=True, tag="size", tag_field="node"):
    """`SELECTION.size()`: how many facts it has."""

    selection: str


class Count(msgspec.Struct, frozen=True, array_like=True, tag="count", tag_field="node"):
    """`SELECTION.filter(variable, condition).size()`: for how many of its facts the condition holds."""

    selection: str
    variable: str
    condition: "Node"


class Choice(msgspec.Struct, frozen=True, array_like=True, tag="choice", tag_field="node"):
    """`condition ? yes : no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"
    type: Type


class Local(msgspec.Struct, frozen=True, array_like=True, tag="local", tag_field="node"):
    """The value that a macro over a list or map binds, by name."""

    name: str
    type: Type


class Call(msgspec.Struct, frozen=True, array_like=True, tag="call", tag_field="node"):
    """A function of values, by its identity in `interlock.language.functions`; null where an argument is."""

    function: str
    arguments: tuple["Node", ...]
    type: Type


class Fold(msgspec.Struct, frozen=True, array_like=True, tag="fold", tag_field="node"):
    """A macro over the members of a list, or the keys of a map: `source.macro(variable, body)`."""

    macro: Literal["exists", "all", "exists_one", "map", "filter"]
    source: "Node"
    variable: str
    body: "Node"
    type: Type


Node = (
    Constant
    | Param
    | Now
    | TaskId
    | Blocked
    | Field
    | Present
    | Compare
    | In
    | Logic
    | Not
    | Sum
    | Exists
    | Size
    | Count
    | Choice
    | Local
    | Call
    | Fold
)

LIST = Type("list", item=Type("string", nullable=False))
"""The type of a list parameter."""
TRUE = Constant(True, Type("bool", nullable=False))
FALSE = Constant(False, Type("bool", nullable=False))
NULL = Constant(None, Type("null"))


def type_of(node: Node) -> Type:
    """The type of an expression."""
    kind = type(node)
    found: Type = node.type if kind in _TYPED else _TYPES.get(kind, TRUE.type)  # type: ignore[union-attr]
    return found


# By type: Python takes many times as long to see that a struct is an instance of none of several classes.
_TYPED = frozenset[type]([Constant, Param, Field, Sum, Choice, Local, Call, Fold])
_NUMBER = Type("int", nullable=False)
_TYPES: dict[type, Type] = {
    Now: Type("timestamp", nullable=False),
    TaskId: Type("string", nullable=False),
    Size: _NUMBER,
    Count: _NUMBER,
}
"""The types of expressions that are neither typed by themselves nor conditions."""
