"""The reader that writes a tree down again, in the language's own notation."""

from __future__ import annotations

from interlock.language.evaluate import Failure, as_printed
from interlock.language.walk import free_variables, reference_name
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
    Size,
    Sum,
    TaskId,
    VariableRef,
    type_of,
)

_CHOICE, _OR, _AND, _RELATION, _SUM, _PRODUCT, _UNARY, _MEMBER = range(8)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def notation(node: Node, bare: str | None = None) -> str:
    """The text of an expression. Fields of the variable `bare` lack its name, as in `role == "worker"`."""
    return _Writer(bare).text(node, _CHOICE)


def without_value(failure: Failure) -> str:
    """That an expression has no value, for which facts, and why."""
    node, known = failure.node, failure.known
    facts = [known.variables[name] for name in sorted(free_variables(node)) if name in known.variables]
    of = [f"{fact.kind} `{fact.id}`" if fact.id else f"a fact of {fact.kind}" for fact in facts]
    whose = f" for {' and '.join(of)}" if of else ""
    return f"`{notation(node)}` has no value{whose}: {failure.why}"


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
            case Compare(left=Call(function="maybe_at" | "maybe_under" | "or_other")) if _is_null(node.right):
                text = f"{self.maybe(node.left)}.hasValue()"
                return (_MEMBER, text) if node.op == "!=" else (_UNARY, f"!{text}")
            case Compare():
                return _RELATION, f"{self.text(node.left, _SUM)} {node.op} {self.text(node.right, _SUM)}"
            case In():
                members = ", ".join(self.text(member, _CHOICE) for member in node.members)
                listed = f"[{members}]" if node.param is None else f"params.{node.param}"
                return _RELATION, f"{self.text(node.item, _SUM)} in {listed}"
            case Present():
                return _RELATION, f"{self.named(node.of)} != null"
            case Sum():
                return _SUM, f"{self.text(node.left, _SUM)} {node.op} {self.text(node.right, _PRODUCT)}"
            case Call():
                return self.call(node)
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
            case Count():
                return _MEMBER, f"{node.selection}.filter({node.variable}, {self.text(node.condition, _CHOICE)}).size()"
            case Fold():
                inner = f"{node.variable}, {self.text(node.body, _CHOICE)}"
                return _MEMBER, f"{self.text(node.source, _MEMBER)}.{node.macro}({inner})"
            case Local():
                return _MEMBER, node.name
            case Now():
                return _MEMBER, "now"
            case TaskId():
                return _MEMBER, "task"
            case Blocked():
                return _MEMBER, "blocked"
        raise AssertionError(node)

    def call(self, node: Call) -> tuple[int, str]:
        """A function in the form that it is written in."""
        from interlock.language.functions import FUNCTIONS

        function, arguments = FUNCTIONS[node.function], node.arguments
        if function.form == "infix":
            own = {"+": _SUM, "-": _SUM, "in": _RELATION}.get(function.name, _PRODUCT)
            after = own if own == _RELATION else own + 1
            left = self.text(arguments[0], own + (own == _RELATION))
            return own, f"{left} {function.name} {self.text(arguments[1], after + (own == _RELATION))}"
        if function.form == "prefix":
            return _UNARY, f"-{self.text(arguments[0], _UNARY)}"
        written = [self.text(each, _CHOICE) for each in arguments]
        if node.function == "list":
            return _MEMBER, f"[{', '.join(written)}]"
        if node.function == "map":
            pairs = zip(written[::2], written[1::2], strict=True)
            return _MEMBER, f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        if function.form == "global":
            return _MEMBER, f"{function.name}({', '.join(written)})"
        optional = node.function in ("or_value", "or_other", "value")
        first = self.maybe(arguments[0]) if optional else self.text(arguments[0], _MEMBER)
        if function.form == "select":
            assert isinstance(arguments[1], Constant)
            return _MEMBER, f"{self.text(arguments[0], _MEMBER)}.{arguments[1].value}"
        if function.form == "index":
            return _MEMBER, f"{first}{function.name[:-1]}{written[1]}]"
        others = [self.maybe(arguments[1])] if node.function == "or_other" else written[1:]
        return _MEMBER, f"{first}.{function.name}({', '.join(others)})"

    def maybe(self, node: Node) -> str:
        """An optional value: what may be null is written so that it may have none."""
        match node:
            case Field():
                alone = isinstance(node.of, VariableRef) and node.of.name == self.bare
                steps = node.path.split(".")
                return ".?".join(steps if alone else [self.named(node.of), *steps])
            case Param():
                return f"params.?{node.name}"
            case Constant(value=None):
                return "optional.none()"
            case Call(function="field", arguments=(of, Constant(value=name))):
                return f"{self.maybe(of) if type_of(of).nullable else self.text(of, _MEMBER)}.?{name}"
            case Call(function="maybe_at" | "maybe_under" | "or_other"):
                return self.text(node, _MEMBER)
        return f"optional.of({self.text(node, _CHOICE)})"

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
        return reference_name(of)


def _is_null(node: Node) -> bool:
    return isinstance(node, Constant) and node.value is None


def _constant(node: Constant) -> tuple[int, str]:
    value, kind = node.value, node.type.kind
    if value is None or isinstance(value, bool):
        return _MEMBER, "null" if value is None else str(value).lower()
    if isinstance(value, str):
        return _MEMBER, f'"{value.translate(_ESCAPES)}"'
    if kind in ("timestamp", "duration"):
        return _MEMBER, f'{kind}("{as_printed(value, kind)}")'
    if isinstance(value, float):
        return (_MEMBER if value >= 0 else _UNARY), repr(value)
    return (_MEMBER if value >= 0 else _UNARY), str(value)
