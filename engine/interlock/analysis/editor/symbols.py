"""The names in a policy: where each is declared, and where it is used, in conditions and messages too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from interlock.analysis.editor.draft import Draft, derived
from interlock.language.calls import BINDING
from interlock.language.syntax import parse
from interlock.policy.check.issues import Expression
from interlock.schemas.wording import Path

SymbolKind = Literal["fact", "parameter", "expression", "variable", "rule"]
_OF_FACTS = ("facts", "needs")
_GROUPS: dict[str, SymbolKind] = {"params": "parameter", "variables": "expression"}
"""What is named through the name of its group."""


class Symbol(msgspec.Struct, frozen=True):
    """A name of a policy. A `fact` is a selection, a need or a derived fact, which share their names; an `expression`
    is one of the `variables`; a `variable` is what a macro binds, and `at` is the offset where it does."""

    kind: SymbolKind
    name: str
    at: int = -1


class Occurrence(msgspec.Struct, frozen=True):
    """A symbol's name in the text, from offset `start` to `end`. With `declares`, it is declared there."""

    symbol: Symbol
    start: int
    end: int
    declares: bool = False


def occurrences(draft: Draft) -> list[Occurrence]:
    """Every occurrence of every symbol, in the order of the text."""
    found = {(each.start, each.end): each for each in _every(draft)}
    return sorted(found.values(), key=lambda each: each.start)


def at_offset(found: list[Occurrence], offset: int) -> Occurrence | None:
    """The occurrence that an offset is in, or just after."""
    return next((each for each in found if each.start <= offset <= each.end), None)


def _every(draft: Draft) -> Iterator[Occurrence]:
    reader = _Reader(draft)
    yield from reader.declared()
    yield from reader.ranged()
    for expression in draft.expressions:
        yield from reader.expression(expression)


class _Reader:
    """Finds the occurrences in one draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.document = draft, draft.document
        self.groups = {group: set(map(str, draft.section(group))) for group in _GROUPS}
        self.facts = {str(name) for section in _OF_FACTS for name in draft.section(section)}
        self.facts.update(name for rule in draft.rules for name in derived(rule))

    def declared(self) -> Iterator[Occurrence]:
        """Where names are declared: keys, and the ids of rules."""
        for group, kind in _GROUPS.items():
            for name in self.draft.section(group):
                yield from self._key((group, name), kind)
        for section in _OF_FACTS:
            for name in self.draft.section(section):
                yield from self._key((section, name), "fact")
        for index, rule in enumerate(self.draft.rules):
            for name in derived(rule):
                yield from self._key(("rules", index, "derive", name), "fact")
            identity = rule.get("id")
            if isinstance(identity, str):
                yield from self._value(("rules", index, "id"), Symbol("rule", identity), declares=True)

    def ranged(self) -> Iterator[Occurrence]:
        """Where facts are named as a whole: the `for` of rules, and what a selection narrows."""
        for index, rule in enumerate(self.draft.rules):
            yield from self._listed(("rules", index, "for"), rule.get("for"))
        for name, selection in self.draft.section("facts").items():
            source = selection.get("from") if isinstance(selection, dict) else None
            if isinstance(source, str) and source in self._selections_before(name):
                yield from self._listed(("facts", name, "from"), source)

    def expression(self, expression: Expression) -> Iterator[Occurrence]:
        """The names in an expression."""
        tree = parse(expression.text)
        if not isinstance(tree, tuple):
            yield from self._walk(expression, tree, {})

    def _selections_before(self, name: str) -> set[Any]:
        found = list(self.draft.section("facts"))
        return set(found[: found.index(name)])

    def _key(self, path: Path, kind: SymbolKind) -> Iterator[Occurrence]:
        place = self.document.keys.get(path)
        if place is not None:
            yield from self._checked(Symbol(kind, str(path[-1])), place.start, place.end, declares=True)

    def _value(self, path: Path, symbol: Symbol, *, declares: bool = False) -> Iterator[Occurrence]:
        place = self.document.places.get(path)
        if place is not None:
            yield from self._checked(symbol, place.start, place.end, declares=declares)

    def _listed(self, path: Path, written: Any) -> Iterator[Occurrence]:
        if isinstance(written, str) and written in self.facts:
            yield from self._value(path, Symbol("fact", written))
        for index, each in enumerate(written if isinstance(written, list) else ()):
            if isinstance(each, str) and each in self.facts:
                yield from self._value((*path, index), Symbol("fact", each))

    def _checked(self, symbol: Symbol, start: int, end: int, *, declares: bool = False) -> Iterator[Occurrence]:
        """The occurrence, without quotes, if the name is there as it is: escapes can hide it."""
        text = self.document.source.text[start:end]
        if text[:1] in ("'", '"') and text[-1:] == text[:1]:
            start, end, text = start + 1, end - 1, text[1:-1]
        if text == symbol.name:
            yield Occurrence(symbol, start, end, declares)

    def _token(
        self, expression: Expression, symbol: Symbol, token: Any, *, declares: bool = False
    ) -> Iterator[Occurrence]:
        if expression.path in self.document.places:
            start, end = expression.start + token.start_pos, expression.start + token.end_pos
            place = self.document.within(expression.path, start, end)
            yield from self._checked(symbol, place.start, place.end, declares=declares)

    def _walk(self, expression: Expression, tree: Any, bound: Mapping[str, Symbol]) -> Iterator[Occurrence]:
        if tree is None or not hasattr(tree, "data"):
            return
        children = tree.children
        if tree.data == "name":
            word = str(children[0])
            symbol = bound.get(word) or (Symbol("fact", word) if word in self.facts else None)
            if symbol is not None:
                yield from self._token(expression, symbol, children[0])
        elif (group := self._group(tree, bound)) is not None:
            yield from self._token(expression, Symbol(group, str(children[1])), children[1])
        elif tree.data == "method" and str(children[1]) in BINDING and _binds(children[2]):
            yield from self._macro(expression, tree, bound)
        else:
            for child in children:
                yield from self._walk(expression, child, bound)

    def _group(self, tree: Any, bound: Mapping[str, Symbol]) -> SymbolKind | None:
        """What a member of a group is, such as `params.x`; None for any other tree."""
        if not tree.data.endswith("select") or tree.children[0].data != "name":
            return None
        group = str(tree.children[0].children[0])
        known = group not in bound and str(tree.children[1]) in self.groups.get(group, ())
        return _GROUPS[group] if known else None

    def _macro(self, expression: Expression, tree: Any, bound: Mapping[str, Symbol]) -> Iterator[Occurrence]:
        base, _, arguments = tree.children
        yield from self._walk(expression, base, bound)
        variable = arguments.children[0].children[0]
        place = self.document.within(
            expression.path, expression.start + variable.start_pos, expression.start + variable.end_pos
        )
        symbol = Symbol("variable", str(variable), place.start)
        yield from self._token(expression, symbol, variable, declares=True)
        for argument in arguments.children[1:]:
            yield from self._walk(expression, argument, {**bound, str(variable): symbol})


def _binds(arguments: Any) -> bool:
    return arguments is not None and len(arguments.children) > 1 and arguments.children[0].data == "name"
