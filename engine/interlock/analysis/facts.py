"""What a policy sees of the selected facts, made to be shown."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.evaluation.judge import Judge
from interlock.evaluation.select import Selected
from interlock.language.evaluate import as_printed
from interlock.model.compiled import CompiledPolicy
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
    paths = {query.selection: query.paths for query in compiled.queries}
    ran = [selection for selection in policy.selections if selection.name in selected.facts]
    return (*needs, *(_sight(each, paths[each.name], selected.facts[each.name]) for each in ran))


def _sight(selection: Selection, paths: dict[str, str], facts: tuple[Fact, ...]) -> SelectionView:
    kinds = {path: of.kind for path, of in selection.fields.items()} | paths
    of = selection.parent or ", ".join(selection.kinds)
    return SelectionView(selection.name, of, tuple(_seen(selection.name, fact, kinds) for fact in facts))


def _seen(name: str, fact: Fact, kinds: dict[str, str]) -> FactView:
    fields = {path: _value(value, kinds.get(path, "")) for path, value in fact.fields.items()}
    return FactView(name, fact.kind, fact.id, fact.seq if fact.id else None, fields)


def _value(value: Value, kind: str) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return msgspec.json.decode(str(value)) if isinstance(value, Json) else as_printed(value, kind)
