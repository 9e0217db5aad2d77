"""The reader that writes a tree as SQL over the ledger's canonical relation.

Only a selection's `where` is written as SQL: its variable is the candidate row. Everything it reads besides (`now`,
`task`, parameters, earlier single selections) becomes a named placeholder. The text is two-valued as the language is:
`IS` and `IS NOT` for equality, and an ordering with a null is 0. Where CEL has an error, a condition is NULL: SQL's
AND, OR and NOT then absorb it as CEL does.
"""

from __future__ import annotations

from collections.abc import Callable

from interlock.language.exact import is_exact
from interlock.language.structures import counted, is_structured
from interlock.language.walk import rebuilt
from interlock.model.expression import (
    LIST,
    Call,
    Compare,
    Constant,
    Field,
    In,
    Local,
    Logic,
    Node,
    Not,
    Now,
    Param,
    Present,
    SingletonRef,
    Sum,
    TaskId,
    Type,
    VariableRef,
    type_of,
)
from interlock.model.facts import Value

Computed = tuple[Node, tuple[Type, ...]]
"""A condition of values `0`, `1`, …, and the types of these."""
ColumnWriter = Callable[[str, str], str]
"""Writes the candidate's field, given its path and the kind of its type."""


class Writer:
    """Writes one `where`. `binds` collects the placeholders: name → (selection, path), `params` being a selection."""

    def __init__(self, column: ColumnWriter) -> None:
        self.column = column
        self.binds: dict[str, tuple[str, str]] = {}
        self.computed: list[Computed] = []

    def bind(self, selection: str, path: str) -> str:
        """A placeholder for the value of `path` in the earlier single `selection`."""
        name = f"b{len(self.binds)}"
        for known, target in self.binds.items():
            if target == (selection, path):
                return f":{known}"
        self.binds[name] = (selection, path)
        return f":{name}"

    def write(self, node: Node) -> str:
        """The SQL of a checked tree."""
        if not isinstance(node, Logic | Not | Constant) and not is_exact(node, joined=True):
            return self.compute(node)
        match node:
            case Logic():
                return "(" + f" {'AND' if node.op == '&&' else 'OR'} ".join(map(self.write, node.items)) + ")"
            case Not():
                return f"(NOT {self.write(node.item)})"
            case Compare():
                return self.compare(node)
            case In():
                return self.contained(node)
            case Present():
                return self.present(node)
            case _:
                return self.value(node)

    def value(self, node: Node) -> str:
        """The SQL of a value."""
        match node:
            case Constant():
                return literal(node.value)
            case Field(of=VariableRef()):
                return self.column(node.path, "map" if is_structured(node.type) else node.type.kind)
            case Field(of=SingletonRef(selection=selection)):
                return self.bind(selection, node.path)
            case Param():
                return self.bind("params", node.name)
            case Now():
                return ":clock"
            case TaskId():
                return ":task_name"
            case Sum():
                op = "||" if node.type.kind == "string" else node.op
                return f"({self.value(node.left)} {op} {self.value(node.right)})"
        raise AssertionError(f"no SQL for {node!r}")

    def compute(self, node: Node) -> str:
        """The call of `computed`, which Python evaluates: 0, 1, or NULL where the condition has no value."""
        given: dict[str, str] = {}
        types: list[Type] = []

        def local(text: str, of: Type, *, read: bool = False) -> Node:
            if text not in given:
                given[text] = str(len(given))
                types.append(counted(of) if read else of)
            return Local(given[text], of)

        def closed(inner: Node) -> Node:
            if isinstance(inner, In) and inner.param is not None:
                listed = Param(inner.param, LIST)
                return Call("in_list", (closed(inner.item), closed(listed)), Type("bool", nullable=False))
            if isinstance(inner, Field | Param | Now | TaskId):
                read = isinstance(inner, Field) and isinstance(inner.of, SingletonRef)
                return local(self.value(inner), type_of(inner), read=read)
            return local(self.present(inner), type_of(inner)) if isinstance(inner, Present) else rebuilt(inner, closed)

        made = (closed(node), tuple(types))
        if made not in self.computed:
            self.computed.append(made)
        return f"computed({', '.join((str(self.computed.index(made)), *given))})"

    def compare(self, node: Compare) -> str:
        """The SQL of a comparison: 0 or 1, never null."""
        left, right = self.value(node.left), self.value(node.right)
        if node.op in ("==", "!="):
            return f"({left} {'IS' if node.op == '==' else 'IS NOT'} {right})"
        if type_of(node.left).nullable or type_of(node.right).nullable:
            return f"(({left} {node.op} {right}) IS 1)"
        return f"({left} {node.op} {right})"

    def contained(self, node: In) -> str:
        """The SQL of a membership: null is in no list."""
        item = self.value(node.item)
        if node.param:
            listed = self.bind("params", node.param)
            return f"(({item} IN (SELECT value FROM json_each({listed}))) IS 1)"
        return f"(({item} IN ({', '.join(self.value(member) for member in node.members)})) IS 1)"

    def present(self, node: Present) -> str:
        """Whether an earlier single selection has its fact, or the candidate is not an absent group's."""
        match node.of:
            case SingletonRef(selection=selection):
                return f"({self.bind(selection, '')} IS NOT NULL)"
            case VariableRef():
                return "(suspect >= 0)" if node.groups else "1"
        raise AssertionError(f"no SQL for {node!r}")


def literal(value: Value) -> str:
    """A value as an SQL literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    assert isinstance(value, str)
    if "\0" in value:
        return " || char(0) || ".join(literal(part) for part in value.split("\0"))
    return "'" + value.replace("'", "''") + "'"
