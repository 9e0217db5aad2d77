"""What may be written at the caret in a policy, a test or a list of waivers: keys, values, names and expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from interlock.analysis.editor.complete_expression import in_expression
from interlock.analysis.editor.draft import EXPRESSIONS, Draft, text_of
from interlock.analysis.editor.expressions import message_expression
from interlock.analysis.editor.item import Item, ItemKind
from interlock.analysis.editor.schema import Node, node_at
from interlock.analysis.editor.tolerant import MARK
from interlock.analysis.editor.wording import about_fact, about_kind, type_text
from interlock.model.expression import Type
from interlock.model.policy import Policy
from interlock.policy.docs import parameter_line
from interlock.policy.parse import Document
from interlock.schemas import SHIPPED, Catalog
from interlock.schemas.wording import Path


class Caret(msgspec.Struct, frozen=True):
    """Where the caret is: in the key or the value at a path of a document, which has the mark there."""

    document: Document
    path: Path
    is_key: bool

    @property
    def written(self) -> str:
        """The key, or the text that is the value, with the mark."""
        return str(self.path[-1]) if self.is_key else text_of(self.document, self.path) or MARK

    @property
    def word(self) -> str:
        """What is written before the caret."""
        return self.written.partition(MARK)[0]

    @property
    def quote(self) -> str:
        """The quote that the value stands between, if it does."""
        place = self.document.places.get(self.path)
        mark = self.document.source.text[place.start : place.start + 1] if place is not None else ""
        return mark if mark in ("'", '"') else ""

    def siblings(self) -> list[str]:
        """The other keys beside the one that is written."""
        found: Any = self.document.data
        for step in self.path[:-1]:
            found = found[step]
        return [str(key) for key in found if MARK not in str(key)]


def by_schema(caret: Caret, name: str, catalog: Catalog = SHIPPED) -> Iterator[Item]:
    """What the schema `name`, with the kinds of a catalog, has at the caret: keys, or values of a closed set."""
    if caret.is_key:
        yield from keys(node_at(name, caret.path[:-1], catalog), caret.siblings(), caret.word)
        return
    node = node_at(name, caret.path, catalog)
    if node is None:
        return
    for value in node.values:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield Item(text, "value", text, len(caret.word), about=node.description)
    if caret.word.isidentifier() or not caret.word:
        yield from keys(node, [], caret.word)


def in_policy(caret: Caret, draft: Draft, policies: Iterable[str]) -> Iterator[Item]:
    """What a policy may have at the caret; `policies` are the ids of those that it may need."""
    yield from by_schema(caret, "policy")
    if caret.is_key:
        yield from _own_keys(caret, draft)
        return
    node = node_at("policy", caret.path)
    if node is not None and node.form in EXPRESSIONS:
        yield from _expression(caret, draft, node)
        return
    match caret.path:
        case ("needs", _, "policy"):
            yield from named(policies, "policy", caret.word)
        case ("facts", name, "from", *_):
            yield from _sources(caret, draft, str(name))
        case ("facts", name, "of" | "per" | "previous") | ("facts", name, "per", int()):
            yield from _fields(draft, draft.section("facts").get(str(name)), caret.word)
        case ("facts", name, "per", str(field), int()):
            found = draft.fields(draft.section("facts").get(str(name))).get(field)
            yield from named(found.enum if found is not None else (), "value", caret.word)
        case ("rules", _, "for") | ("rules", _, "for", int()):
            for name in draft.facts():
                yield Item(name, "fact", name, len(caret.word), about=about_fact(draft, name))
        case ("params", name, "default"):
            parameter = draft.section("params").get(str(name))
            values = parameter.get("enum") if isinstance(parameter, dict) else None
            yield from named(map(str, values if isinstance(values, list) else ()), "value", caret.word)


def in_test(caret: Caret, policy: Policy | None, policies: Iterable[str], catalog: Catalog) -> Iterator[Item]:
    """What a test of a policy may have at the caret; its facts are of the kinds of a catalog."""
    yield from by_schema(caret, "test", catalog)
    if caret.path == ("policy",):
        yield from named(policies, "policy", caret.word)
    if policy is None:
        return
    above = caret.path[:-1]
    match above[-1:], caret.path[-1:]:
        case ("params",), _ if caret.is_key:
            yield from _parameters(caret, policy)
        case ("outputs",), _ if caret.is_key:
            outputs = [each.name for each in policy.outputs if each.name not in caret.siblings()]
            yield from named(outputs, "key", caret.word, ": ")
        case (("findings",), (int(),)) | ((int(),), ("rule",)):
            yield from named((rule.id for rule in policy.rules if rule.effect != "derive"), "rule", caret.word)
        case ("expect",), ("state",):
            yield from named(dict.fromkeys(line.state for line in policy.decide), "value", caret.word)


def in_waivers(caret: Caret, policy: Policy | None, policies: Iterable[str]) -> Iterator[Item]:
    """What a list of waivers may have at the caret; `policy` is the one that the waiver names."""
    yield from by_schema(caret, "waivers")
    match caret.path:
        case (int(), "policy"):
            yield from named(policies, "policy", caret.word)
        case (int(), "rule") if policy is not None:
            yield from named((rule.id for rule in policy.rules if rule.effect in ("block", "warn")), "rule", caret.word)


def named(names: Iterable[str], kind: ItemKind, word: str, after: str = "") -> Iterator[Item]:
    """Items that are names alone."""
    for name in names:
        yield Item(name, kind, f"{name}{after}", len(word))


def keys(node: Node | None, siblings: list[str], word: str) -> Iterator[Item]:
    """The keys that a mapping may still have; of keys that exclude each other, none beside one that it has."""
    if node is None:
        return
    choice = [each["required"][0] for each in node.said.get("oneOf", ()) if "required" in each]
    taken = {*siblings, *(choice if set(choice) & set(siblings) else ())}
    required = set(node.said.get("required", ()))
    for rank, (key, said) in enumerate(node.keys.items()):
        if key not in taken:
            detail = "required" if key in required else ""
            yield Item(key, "key", f"{key}: ", len(word), detail, str(said.get("description", "")), rank)


def _own_keys(caret: Caret, draft: Draft) -> Iterator[Item]:
    """Keys that are names of something else: parameters of a needed policy, the field of groups."""
    match caret.path[:-1]:
        case ("needs", name, "with"):
            need = draft.section("needs").get(str(name))
            policy = draft.needed(str(need.get("policy"))) if isinstance(need, dict) else ""
            yield from () if isinstance(policy, str) else _parameters(caret, policy)
        case ("facts", name, "per"):
            yield from _fields(draft, draft.section("facts").get(str(name)), caret.word, ": ")


def _parameters(caret: Caret, policy: Policy) -> Iterator[Item]:
    """The keys of parameters that are not yet given a value."""
    for each in policy.parameters:
        if each.name not in caret.siblings():
            yield Item(each.name, "key", f"{each.name}: ", len(caret.word), each.kind, parameter_line(each))


def _fields(draft: Draft, selection: Any, word: str, after: str = "") -> Iterator[Item]:
    for rank, (name, found) in enumerate(draft.fields(selection).items()):
        detail = type_text(Type(found.kind, found.enum, nullable=False))
        yield Item(name, "field", f"{name}{after}", len(word), detail, rank=rank)


def _sources(caret: Caret, draft: Draft, name: str) -> Iterator[Item]:
    """The fact kinds, and the selections before this one where it may narrow one, which go before a kind."""
    names = list(draft.section("facts"))
    before = names[: names.index(name)] if len(caret.path) == 3 else []
    for each in before:
        yield Item(each, "fact", each, len(caret.word), "selection", about_fact(draft, each))
    for kind in draft.catalog.kinds:
        if kind not in before:
            yield Item(kind, "kind", kind, len(caret.word), "fact kind", about_kind(draft, kind), 1)


def _expression(caret: Caret, draft: Draft, node: Node) -> Iterator[Item]:
    scope = draft.scope(caret.path, node)
    written, at = caret.written, len(caret.word)
    if scope is None:
        return
    start = 0
    if node.form == "message":
        found = message_expression(written, at)
        if found is None:
            return
        start = found[0]
    yield from in_expression(draft, written[start:at], scope, caret.quote)
