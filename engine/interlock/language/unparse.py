"""The reader that writes a tree down again, in the language's own notation."""

from __future__ import annotations

from interlock.language.evaluate import as_printed
from interlock.model.expression import (
    Blocked,
    Choice,
    Compare,
    Constant,
    Exists,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Now,
    Param,
    Present,
    Reference,
    Size,
    Sum,
    TaskId,
    VariableRef,
)

_CHOICE, _OR, _AND, _RELATION, _SUM, _UNARY, _MEMBER = range(7)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def notation(node: Node, bare: str | None = None) -> str:
    """The text of an expression. Fields of the variable `bare` lack its name, as in `role == "worker"`."""
    return _Writer(bare).text(node, _CHOICE)


class _Writer:
    def __init__(self, bare: str | None) -> None:
        self.bare = bare

    def text(self, node: Node, around: int) -> str:
        """The text, in parentheses where it binds less than what is around it."""
        own, text = self.written(node)
        return f"({text})" if own < around else text

    def written(self, node: Node) -> tuple[int, str]:
        """How strongly the text binds, and the text."""
        match node:
            case Logic():
                own = _AND if node.op == "&&" else _OR
                return own, f" {node.op} ".join(self.text(item, own + 1) for item in node.items)
            case Not():
                return self.opposite(node.item)
            case Compare():
                return _RELATION, f"{self.text(node.left, _SUM)} {node.op} {self.text(node.right, _SUM)}"
            case In():
                members = ", ".join(self.text(member, _CHOICE) for member in node.members)
                listed = f"[{members}]" if node.param is None else f"params.{node.param}"
                return _RELATION, f"{self.text(node.item, _SUM)} in {listed}"
            case Present():
                return _RELATION, f"{self.named(node.of)} != null"
            case Sum():
                return _SUM, f"{self.text(node.left, _SUM)} {node.op} {self.text(node.right, _UNARY)}"
            case Choice():
                pieces = (self.text(node.condition, _OR), self.text(node.yes, _OR), self.text(node.no, _CHOICE))
                return _CHOICE, "{} ? {} : {}".format(*pieces)
        return self.primary(node)

    def primary(self, node: Node) -> tuple[int, str]:
        match node:
            case Constant():
                return _constant(node)
            case Param():
                return _MEMBER, f"params.{node.name}"
            case Field():
                alone = isinstance(node.of, VariableRef) and node.of.name == self.bare
                return _MEMBER, node.path if alone else f"{self.named(node.of)}.{node.path}"
            case Exists():
                return _MEMBER, self.macro(node, "exists", node.condition)
            case Size():
                return _MEMBER, f"{node.selection}.size()"
            case Now():
                return _MEMBER, "now"
            case TaskId():
                return _MEMBER, "task"
            case Blocked():
                return _MEMBER, "blocked"
        raise AssertionError(node)

    def opposite(self, node: Node) -> tuple[int, str]:
        if isinstance(node, Present):
            return _RELATION, f"{self.named(node.of)} == null"
        if isinstance(node, Exists) and isinstance(node.condition, Not):
            return _MEMBER, self.macro(node, "all", node.condition.item)
        return _UNARY, f"!{self.text(node, _UNARY)}"

    def macro(self, node: Exists, word: str, condition: Node) -> str:
        return f"{node.selection}.{word}({node.variable}, {self.text(condition, _CHOICE)})"

    def named(self, of: Reference) -> str:
        if isinstance(of, MapRef):
            return f"{of.selection}[{self.text(of.key, _CHOICE)}]"
        return of.name if isinstance(of, VariableRef) else of.selection


def _constant(node: Constant) -> tuple[int, str]:
    value, kind = node.value, node.type.kind
    if value is None or isinstance(value, bool):
        return _MEMBER, "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return _MEMBER, f'"{value.translate(_ESCAPES)}"'
    if kind in ("timestamp", "duration"):
        return _MEMBER, f'{kind}("{as_printed(value, kind)}")'
    return (_MEMBER if value >= 0 else _UNARY), str(value)
