"""What can be read and checked of a policy's text: its names, and the scope of each place in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.analysis.editor.schema import Node, node_at
from interlock.language.scope import Scope, SelectionType
from interlock.model.expression import Type
from interlock.model.policy import Policy, Selection
from interlock.policy.check import Examined, NeededPolicy, examine
from interlock.policy.check.issues import Expression, Names
from interlock.policy.check.selections import candidate_fields
from interlock.policy.parse import Document
from interlock.schemas import Catalog
from interlock.schemas.wording import Path

EXPRESSIONS = ("condition", "expression", "message")
"""The forms of texts that hold expressions."""


class Draft(msgspec.Struct, frozen=True):
    """A policy that is being written. `known` are facts that were in sight in its last state that declared them."""

    document: Document
    examined: Examined
    needed: NeededPolicy
    catalog: Catalog
    known: Mapping[str, SelectionType] = {}

    @property
    def names(self) -> Names:
        """What the policy declares."""
        return self.examined.names

    @property
    def policy(self) -> Policy | None:
        """What can be read of the policy."""
        return self.examined.policy

    @property
    def data(self) -> dict[str, Any]:
        """What is written; empty where it is not a mapping."""
        return self.document.data if isinstance(self.document.data, dict) else {}

    def section(self, name: str) -> dict[str, Any]:
        """What is written under a key of the policy by name; empty where that is not a mapping."""
        found = self.data.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def rules(self) -> list[dict[str, Any]]:
        """What is written of each rule; empty where that is not a mapping."""
        return [each if isinstance(each, dict) else {} for each in _listed(self.data.get("rules"))]

    def rule(self, index: int) -> dict[str, Any]:
        """What is written of a rule; empty where there is none, or it is not a mapping."""
        return self.rules[index] if index < len(self.rules) else {}

    def facts(self) -> dict[str, SelectionType]:
        """Everything that rules can name: selections, needs and derived facts."""
        names = self.names
        found = {name: k for name in (*names.selections, *names.needs, *names.derived) if (k := names.known(name))}
        lost = {name: self.known[name] for name in self.known if name in names.refused and name not in found}
        return {**found, **lost}

    @property
    def expressions(self) -> list[Expression]:
        """Every expression that is written; what `variables` hold is over every fact that there is."""
        elsewhere = [each for each in self.examined.expressions if each.path[0] != "variables"]
        written = self.section("variables").items()
        everywhere = self._everywhere()
        named = [Expression(("variables", k), 0, text, everywhere) for k, text in written if isinstance(text, str)]
        return [*named, *elsewhere]

    def _everywhere(self) -> Scope:
        return self.names.for_rule("value", tuple(self.facts()), blocked=True)

    def scope(self, path: Path, node: Node | None = None) -> Scope | None:
        """The names in sight in the text at a path; None where that holds no expression."""
        node = node or node_at("policy", path)
        if node is None or node.form not in EXPRESSIONS:
            return None
        typed = next((each.scope for each in self.expressions if each.path == path), None)
        return self._with_lost(typed or self._scope(path, node.form))

    def _scope(self, path: Path, form: str) -> Scope:
        """The scope of a text that was not typed, such as that of a rule in which something else is wrong."""
        top = path[0]
        if top == "variables":
            return self._everywhere()
        if top == "needs" or (top == "facts" and "required" in path):
            return self.names.for_text()
        if top == "facts":
            fields = self.fields(self.section("facts").get(str(path[1])))
            return self.names.for_where(str(path[1]), fields, groups=False)
        place = "condition" if form == "condition" else "value"
        if top == "rules" and isinstance(path[1], int):
            scope = self.names.for_rule(place, self.loops(path[1]))  # type: ignore[arg-type]
            return self._with_loops(scope, path[1])
        return self.names.for_rule(place, blocked=top in ("decide", "outputs"))  # type: ignore[arg-type]

    def _with_lost(self, scope: Scope) -> Scope:
        """The scope with the facts whose declaration is broken at the moment, as they were before."""
        lost = {name: self.known[name] for name in scope.refused if name in self.known}
        if not lost or scope.place == "where":
            return scope
        return msgspec.structs.replace(
            scope, selections={**lost, **scope.selections}, refused=scope.refused - lost.keys()
        )

    def _with_loops(self, scope: Scope, index: int) -> Scope:
        """The scope with the facts of a rule's loops, those whose declaration is broken at the moment too."""
        known = self.facts()
        found = {name: known[name].fields for name in self.loops(index)}
        return msgspec.structs.replace(scope, variables={**found, **scope.variables})

    def loops(self, index: int) -> tuple[str, ...]:
        """What is known of what a rule ranges over."""
        known = self.facts()
        return tuple(name for name in map(str, _listed(self.rule(index).get("for"))) if name in known)

    def fields(self, selection: Any) -> dict[str, Type]:
        """The fields of the candidates of what is written as a selection."""
        source = selection.get("from") if isinstance(selection, dict) else None
        if isinstance(source, str) and source in self.names.selections:
            return dict(self.names.selections[source].fields)
        kinds = tuple(kind for kind in _listed(source) if isinstance(kind, str) and kind in self.catalog.kinds)
        return candidate_fields(self.catalog, kinds) if kinds else {}

    def kinds(self, name: str) -> tuple[str, ...]:
        """The kinds of the facts of a selection."""
        found: Selection | None = self.names.selections.get(name)
        return found.kinds if found is not None else ()


def _listed(written: Any) -> list[Any]:
    """What is written as a list, or alone as a text."""
    return [written] if isinstance(written, str) else written if isinstance(written, list) else []


def derived(rule: Mapping[str, Any]) -> list[str]:
    """The names of the facts that a rule derives, as it is written."""
    found = rule.get("derive")
    return list(map(str, found)) if isinstance(found, dict) else []


def drafted(
    document: Document, needed: NeededPolicy, catalog: Catalog, known: Mapping[str, SelectionType] | None = None
) -> Draft:
    """The draft of a document."""
    return Draft(document, examine(document, needed, catalog), needed, catalog, known or {})


def text_of(document: Document, path: Path) -> str | None:
    """The text at a path; None where there is none."""
    try:
        found = document.data_at(path)
    except (KeyError, IndexError, TypeError):
        return None
    return found if isinstance(found, str) else None
