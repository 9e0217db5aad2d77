"""What could change for a condition to become what it is not: the receipts that might do it, one at a time.

A wish is not a promise: whether what it asks for helps is found out by judging.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from interlock.language.evaluate import Environment, evaluate, fact_of, holds, outcome
from interlock.language.next_change import MAX_TURNS, NEVER, trend
from interlock.language.substitute import about_variable
from interlock.language.walk import reads_now, reference, reference_name, walk, within
from interlock.model.decision import Verdict
from interlock.model.expression import (
    TRUE,
    Blocked,
    Compare,
    Constant,
    Count,
    Exists,
    Field,
    In,
    Logic,
    MapRef,
    Node,
    Not,
    Reference,
    SingletonRef,
    Size,
    Type,
    VariableRef,
)
from interlock.model.facts import Fact, Value
from interlock.model.policy import Policy, Selection
from interlock.schemas import ENTITIES, SHIPPED

_COUNTED = ("count", "min", "max", "sum")


class Wish(msgspec.Struct, frozen=True):
    """A further fact of a selection, of which a condition over the selection's own name is to be `want`.

    Where it is `counted`, it may be one of several that are needed.
    """

    selection: str
    condition: Node
    want: bool
    known: Environment
    counted: bool = False


class Waiting(msgspec.Struct, frozen=True):
    """That time pass: the instant from which on a comparison with `now` may have another result.

    With `lasting`, that something go on as it is until then.
    """

    until: int
    lasting: bool = False


class Moving(msgspec.Struct, frozen=True):
    """That a field of an entity be moved by a receipt."""

    entity: Fact


class Needing(msgspec.Struct, frozen=True):
    """That a needed decision allow."""

    need: str
    task: Value


Goal = Wish | Waiting | Moving | Needing


def wishes(policy: Policy, node: Node, want: bool, known: Environment, verdict: Verdict) -> Iterator[Goal]:
    """What might make a condition `want`. Of several things that must all change, those of the first."""
    if outcome(node, known) is want:
        return
    match node:
        case Not():
            yield from wishes(policy, node.item, not want, known, verdict)
        case Logic():
            wrong = [item for item in node.items if outcome(item, known) is not want]
            every = (node.op == "&&") is want
            for item in wrong[:1] if every else wrong:
                yield from wishes(policy, item, want, known, verdict)
        case Exists():
            yield from _found(policy, node, want, known)
        case Blocked():
            yield from _unblocked(policy, known, verdict)
        case _:
            yield from _leaf(policy, node, want, known)


def _unblocked(policy: Policy, known: Environment, verdict: Verdict) -> Iterator[Goal]:
    """What might keep the first rule that blocked from blocking."""
    for firing in verdict.firings:
        rule = policy.rules[firing.rule]
        if rule.effect == "block":
            yield from wishes(policy, rule.condition, False, known.ranging(rule.loops, firing.facts), verdict)
            return


def _found(policy: Policy, node: Exists, want: bool, known: Environment) -> Iterator[Goal]:
    selection = policy.selection(node.selection)
    if selection is None:
        return
    own = about_variable(node.condition, VariableRef(node.variable), selection.name)
    if want:
        yield Wish(selection.name, own, True, known)
        return
    for fact in known.facts[node.selection]:  # of facts that are the newest of theirs, a newer one takes the place
        if holds(node.condition, known.bind(node.variable, fact)) and selection.take == "latest":
            yield Wish(selection.name, _alike(selection, fact, own, want=False), True, known)
            return


def _leaf(policy: Policy, node: Node, want: bool, known: Environment) -> Iterator[Goal]:
    seen: dict[Reference, None] = {}
    for inner in within(node):
        of = reference(inner)
        if of is not None:
            seen[of] = None
        if isinstance(inner, Count | Size) and policy.selection(inner.selection) is not None:
            own: Node = TRUE
            if isinstance(inner, Count):
                own = about_variable(inner.condition, VariableRef(inner.variable), inner.selection)
            yield Wish(inner.selection, own, True, known, counted=True)
    for of in seen:
        yield from _of_fact(policy, node, want, of, known)
    if isinstance(node, Compare | In) and reads_now(node):
        until = _turned(node, known)
        if until is not None:
            yield Waiting(until)


def _of_fact(policy: Policy, node: Node, want: bool, of: Reference, known: Environment) -> Iterator[Goal]:
    name = reference_name(of)
    fact = fact_of(of, known)
    if any(need.name == name for need in policy.needs):
        if fact is not None:
            yield Needing(name, fact.fields.get("task"))
        return
    selection = policy.selection(name)
    if selection is None:
        return
    if selection.kinds[0] in ENTITIES:
        if fact is not None and _is_moved(node, of, selection):
            yield Moving(fact)
    elif selection.take in _COUNTED:
        yield Wish(name, TRUE if fact is None else _alike(selection, fact, TRUE, want=True), True, known)
    elif selection.take == "latest":
        own = about_variable(node, of, name)
        own = own if want else Not(own)
        if isinstance(of, MapRef):
            key = Field(VariableRef(name), selection.per[0], Type("string"))
            own = Logic("&&", (Compare("==", key, _constant(evaluate(of.key, known))), own))
        elif fact is not None:
            own = _alike(selection, fact, own, want=True)
        yield Wish(name, own, True, known)
    elif fact is None and isinstance(of, SingletonRef):
        yield Wish(name, TRUE, True, known)


def _is_moved(node: Node, of: Reference, selection: Selection) -> bool:
    paths = {inner.path for inner in walk(node) if isinstance(inner, Field) and inner.of == of}
    return any(moved.kind in selection.kinds and moved.field in paths for _, moved in SHIPPED.moving())


def _alike(selection: Selection, fact: Fact, own: Node, *, want: bool) -> Node:
    """The condition for a fact of the same group."""
    groups = [
        (Field(VariableRef(selection.name), path, Type("string")), fact.fields.get(path)) for path in selection.per
    ]
    same = [Compare("==", field, _constant(value)) for field, value in groups]
    return Logic("&&", (*same, own if want else Not(own)))


def _constant(value: Value) -> Constant:
    kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "string"
    return Constant(None if isinstance(value, tuple) else value, Type(kind))  # type: ignore[arg-type]


def _turned(node: Compare | In, known: Environment) -> int | None:
    """The first instant after now from which on the comparison is otherwise, if time alone brings it about."""
    was, until = outcome(node, known), trend(node, known, {})[2]
    for _ in range(MAX_TURNS):
        if until >= NEVER:
            return None
        if outcome(node, msgspec.structs.replace(known, now=until)) is not was:
            return until
        until = trend(node, msgspec.structs.replace(known, now=until), {})[2]
    return None
