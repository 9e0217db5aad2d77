"""Where the checker's findings go: expressions and messages are typed here, their faults become issues with a place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from interlock.diagnostics import Issue
from interlock.instant import parse_duration
from interlock.language.scope import NamedExpressions, Position, Scope, SelectionType
from interlock.language.typecheck import read, typecheck
from interlock.model.expression import TRUE, Constant, Logic, Node, Not, Param, Type
from interlock.model.policy import Advice, Selection, Template
from interlock.policy.check.quoting import braced, undoing
from interlock.policy.parse import Document
from interlock.schemas import Catalog
from interlock.schemas.wording import Path

RESERVED = (
    "now",
    "task",
    "params",
    "variables",
    "blocked",
    "true",
    "false",
    "null",
    "in",
    *("has", "duration", "timestamp"),
)
"""Names that a selection, a need or a derived fact cannot have."""


class Names:
    """What has been declared so far. `later` are names that the file declares further down; `catalog` the kinds."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.params: dict[str, Type] = {}
        self.selections: dict[str, Selection] = {}
        self.needs: dict[str, SelectionType] = {}
        self.refused: set[str] = set()
        self.derived: dict[str, dict[str, Type]] = {}
        self.later: dict[str, str] = {}
        self.named = NamedExpressions()

    def declare_later(self, names: Any, why: str) -> None:
        """Note names that come further down, with what to do about naming them too early."""
        self.later.update({str(name): why for name in names})

    def taken(self, name: str) -> bool:
        """Whether a selection, need or derived fact already has the name."""
        return name in self.selections or name in self.needs

    def known(self, name: str) -> SelectionType | None:
        """A selection, need or derived fact, as expressions see it."""
        if name in self.selections:
            return of_selection(self.selections[name])
        if name in self.derived:
            return SelectionType("many", self.derived[name])
        return self.needs.get(name)

    def for_where(self, name: str, fields: dict[str, Type], *, groups: bool) -> Scope:
        """A selection's `where`: its candidate, parameters, and earlier single selections.

        With `groups`, the candidates include the facts of absent named groups.
        """
        singles = {n: of_selection(s) for n, s in self.selections.items() if s.shape == "single"}
        singles |= {n: k for n, k in self.needs.items() if k.shape == "single"}
        why = "a `where` may name earlier selections that are single, and `params`"
        hidden = dict.fromkeys((n for n in (*self.selections, *self.needs) if n not in singles), why)
        candidates = frozenset([name] if groups else [])
        return Scope(
            "where",
            self.params,
            singles,
            {name: fields},
            {**self.later, **hidden},
            groups=candidates,
            refused=frozenset(self.refused),
            named=self.named,
        )

    def for_rule(self, place: Position, loops: tuple[str, ...] = (), *, blocked: bool = False) -> Scope:
        """A rule's condition or values, or a line of `decide`, or an output."""
        known = {name: k for name in (*self.selections, *self.needs, *self.derived) if (k := self.known(name))}
        variables = {name: known[name].fields for name in loops if name in known}
        groups = frozenset(name for name in variables if known[name].groups)
        refused = frozenset(self.refused)
        return Scope(place, self.params, known, variables, self.later, blocked, groups, refused, self.named)

    def for_text(self) -> Scope:
        """A `required` message, or what is given to a needed policy: parameters, `now` and `task`."""
        why = "only `params`, `now` and `task` are known before the facts are"
        hidden = dict.fromkeys((*self.selections, *self.needs, *self.later), why)
        return Scope("value", self.params, hidden=hidden, named=self.named, certain=True)


def of_selection(selection: Selection) -> SelectionType:
    """A selection as expressions see it. A single fact that may be absent has only fields that may be null."""
    key = selection.fields[selection.per[0]] if selection.shape == "map" and len(selection.per) == 1 else None
    fields = selection.fields
    if selection.shape == "single" and selection.required is None and selection.take in ("latest", "earliest"):
        fields = {path: found.or_null() for path, found in fields.items()}
    return SelectionType(selection.shape, fields, key, bool(selection.absences))


MAX_EXPRESSION_LENGTH = 4_096
"""The greatest length of an expression or message, in characters."""


class Expression(msgspec.Struct, frozen=True):
    """An expression as it was typed: the path of the text that it is in, where it begins there, and its scope."""

    path: Path
    start: int
    text: str
    scope: Scope


class Report:
    """The issues of one document, and the expressions in it that were typed."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.issues: list[Issue] = []
        self.expressions: list[Expression] = []

    @property
    def causes(self) -> tuple[Issue, ...]:
        """The issues that do not only follow from a scalar that is refused."""
        return self.document.causes(self.issues)

    def at(self, code: str, path: Path, message: str, hint: str | None = None) -> None:
        """An issue about the value at `path`."""
        self.issues.append(Issue(code, message, self.document.locate(path), hint))

    def at_key(self, code: str, path: Path, message: str, hint: str | None = None) -> None:
        """An issue about the key that `path` ends with."""
        self.issues.append(Issue(code, message, self.document.locate_key(path), hint))

    def expression(self, path: Path, written: Any, scope: Scope, want: str | None = None) -> Node | None:
        """Type the expression at `path`; None, and issues, when it cannot be."""
        if isinstance(written, bool | int):
            written = str(written).lower()
        if not isinstance(written, str):
            return None
        return self._typed(path, written, 0, scope, want)

    def variables(self, written: dict[str, Any], named: NamedExpressions) -> None:
        """Read the policy's `variables`: each is typed where it is named."""
        for name, value in written.items():
            text = str(value).lower() if isinstance(value, bool | int) else value
            tree = self._read(("variables", name), text) if isinstance(text, str) else None
            if tree is None:
                named.refused.add(name)
            else:
                named.trees[name] = tree

    def _read(self, path: Path, text: str) -> Any:
        if len(text) > MAX_EXPRESSION_LENGTH:
            self.at("E310", path, f"the expression has {len(text):,} characters; it may have {MAX_EXPRESSION_LENGTH:,}")
            return None
        tree = read(text)
        if not isinstance(tree, tuple):
            return tree
        for fault in tree:
            place = self.document.locate_within(path, fault.start, fault.end)
            self.issues.append(Issue(fault.code, fault.message, place, fault.hint))
        return None

    def condition(self, path: Path, written: Any, scope: Scope) -> Node | None:
        """Type the condition at `path`."""
        return self.expression(path, written, scope, "bool")

    def message(self, path: Path, written: Any, scope: Scope) -> Template | None:
        """Type the text with `{expression}` at `path`. It is one line: a line end in it is read as a space."""
        return self._template(path, written, scope, _one_line)

    def advice(self, path: Path, written: dict[str, Any], scope: Scope) -> Advice:
        """Type the `fix`, which may be several commands, and the `hint` of what is written at `path`."""
        here = (*path, "fix")
        fix = self._template(here, written.get("fix"), scope, str)
        if isinstance(written.get("fix"), str):
            for place in undoing(written["fix"]):
                message = f"the value is {place.why}, which undoes its quoting"
                where = self.document.locate_within(here, place.start, place.end)
                self.issues.append(Issue("E513", message, where, place.hint))
        return Advice(fix, self.message((*path, "hint"), written.get("hint"), scope))

    def hold(self, path: Path, written: dict[str, Any], scope: Scope, *, needs: str | None) -> Node | None:
        """The duration of `hold` in what is written at `path`. Without the key that it `needs`, nothing can hold."""
        given, here = written.get("hold"), (*path, "hold")
        if not isinstance(given, str):
            return None
        if needs is not None and needs not in written:
            self.at_key("E512", here, "`hold` is for a condition that may fail", f"give it a `{needs}`")
            return None
        if not given.startswith("params."):
            try:
                return Constant(parse_duration(given), Type("duration", nullable=False))
            except ValueError as error:
                self.at("E512", here, str(error), "or write a parameter of type duration: params.NAME")
                return None
        node = self.expression(here, given, scope, "duration")
        if node is not None and (not isinstance(node, Param) or node.type.nullable):
            self.at("E512", here, f"`{given}` may be null, or is not one parameter", "give the parameter a default")
            return None
        return node

    def _template(self, path: Path, written: Any, scope: Scope, shown: Callable[[str], str]) -> Template | None:
        if not isinstance(written, str):
            return None
        parts: list[str | Node] = []
        last = 0
        for start, end in braced(written):
            if end is None:
                location = self.document.locate_within(path, start - 1, start)
                hint = self.document.cut_hint(path) or "write `{{` for a literal brace"
                self.issues.append(Issue("E309", "the brace is not closed", location, hint))
                return None
            node, text = self._typed(path, written[start:end], start, scope, None), _literal(written[last : start - 1])
            parts += [shown(text), node] if text and node else [node] if node else []
            last = end + 1
        text = shown(_literal(written[last:])).rstrip()
        if parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip()
        return Template(tuple([*parts, text] if text or not parts else parts))

    def _typed(self, path: Path, text: str, offset: int, scope: Scope, want: str | None) -> Node | None:
        if len(text) > MAX_EXPRESSION_LENGTH:
            self.at("E310", path, f"the expression has {len(text):,} characters; it may have {MAX_EXPRESSION_LENGTH:,}")
            return None
        self.expressions.append(Expression(path, offset, text, scope))
        node, faults = typecheck(text, scope, want)
        if node is None and not faults and not self.issues:  # it would be left out of a policy that is valid
            raise AssertionError(f"nothing says what is wrong with {text!r}")
        for fault in faults:
            at, before = (path, offset) if fault.named is None else (("variables", fault.named), 0)
            place = self.document.locate_within(at, before + fault.start, before + fault.end)
            hint = self.document.cut_hint(path) if fault.code == "E301" and fault.named is None else None
            self.issues.append(Issue(fault.code, fault.message, place, hint or fault.hint))
        return node


def _literal(text: str) -> str:
    """A part of a message that is text: a brace in it is written twice."""
    return text.replace("{{", "{").replace("}}", "}")


def _one_line(text: str) -> str:
    return re.sub(r"\s*[\r\n\u0085\u2028\u2029]\s*", " ", text)


def conjunction(*items: Node | None) -> Node:
    """All of the given conditions; those that are always true are left out."""
    real = tuple(item for item in items if item is not None and item != TRUE)
    if not real:
        return TRUE
    return real[0] if len(real) == 1 else Logic("&&", real)


def opposite(node: Node | None) -> Node | None:
    """The exact opposite of a condition."""
    return None if node is None else Not(node)
