"""What a policy sees of the selected facts, made to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.evaluation.judge import Judge
from interlock.evaluation.select import Selected
from interlock.language.evaluate import printed
from interlock.model.compiled import CompiledPolicy, Query
from interlock.model.expression import Type
from interlock.model.facts import Fact, FactView, Json, SelectionView, Value
from interlock.model.policy import Selection
from interlock.request import Session


def answer(session: Session) -> tuple[tuple[SelectionView, ...], tuple[str, ...]]:
    """The facts that the policy of a request sees of its task, selection by selection, and why it is undecided whatever
    its rules say. Raises as the session does."""
    selected = session.one(Judge.facts, "reference")
    return seen(session.policies[0].compiled, selected), selected.reasons


def seen(compiled: CompiledPolicy, selected: Selected) -> tuple[SelectionView, ...]:
    """The needed decisions and the selections that were run, in the policy's order, with their facts."""
    policy = compiled.policy
    needs = [
        SelectionView(
            need.name, f"the policy {need.policy}", tuple(_seen(need.name, f, {}) for f in selected.facts[need.name])
        )
        for need in policy.needs
        if need.name in selected.facts
    ]
    queries = {query.selection: query for query in compiled.queries}
    ran = [selection for selection in policy.selections if selection.name in selected.facts]
    return (*needs, *(_sight(each, queries[each.name], selected.facts[each.name]) for each in ran))


def _sight(selection: Selection, query: Query, facts: tuple[Fact, ...]) -> SelectionView:
    read: dict[str, Any] = query.paths
    types = {**selection.fields, **{path: Type(kind) for path, kind in read.items()}, **query.shapes}
    of = selection.parent or ", ".join(selection.kinds)
    return SelectionView(selection.name, of, tuple(_seen(selection.name, fact, types) for fact in facts))


def _seen(name: str, fact: Fact, types: Mapping[str, Type]) -> FactView:
    fields = {path: _value(value, types.get(path, Type("null"))) for path, value in fact.fields.items()}
    return FactView(name, fact.kind, fact.id, fact.seq if fact.id else None, fields)


def _value(value: Value, of: Type) -> Any:
    return msgspec.json.decode(str(value)) if isinstance(value, Json) else _plain(printed(value, of))


def _plain(value: Value) -> Any:
    """The value with lists as JSON has them."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return {name: _plain(each) for name, each in value.items()} if isinstance(value, dict) else value
