"""Which rules and lines of `decide` can never have an effect, and which lines deny without a word."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from interlock.language.walk import walk
from interlock.model.expression import TRUE, Blocked, Field, Logic, Node, Not, Param, type_of
from interlock.model.policy import Policy
from interlock.policy.compile.atoms import TooManyBranches
from interlock.policy.compile.derived import UnsupportedCondition
from interlock.policy.compile.dnf import disjunction
from interlock.policy.lint.satisfiability import Closed, Domain, impossible, place_of


class Idle(msgspec.Struct, frozen=True):
    """Why a line is never taken: the earlier lines that hold wherever it does; None when it holds nowhere."""

    covered: tuple[int, ...] | None = None


class Found(msgspec.Struct, frozen=True):
    """The rules that never fire, and the lines that are never picked, by their indices."""

    rules: tuple[int, ...]
    lines: dict[int, Idle]


def idle(policy: Policy) -> Found:
    """What of the policy can never have an effect, whatever the facts and arguments are."""
    always = _certain(policy)
    silent: frozenset[int] = frozenset()
    while True:
        live = [rule for index, rule in enumerate(policy.rules) if index not in silent]
        dead = {rule.derive for rule in policy.rules if rule.derive} - {rule.derive for rule in live}
        closed = Closed(always, frozenset(map(str, dead)), any(rule.effect == "block" for rule in live))
        more = frozenset(index for index, rule in enumerate(policy.rules) if _never(rule.condition, closed, rule.loops))
        if more == silent:
            return Found(tuple(sorted(silent)), _lines(policy, closed))
        silent = more


def _certain(policy: Policy) -> frozenset[str]:
    """The single facts that are there whenever there is a verdict: numbers, what is required, and decisions."""
    singles = [selection for selection in policy.selections if selection.shape == "single"]
    found = [s.name for s in singles if s.required is not None or s.take not in ("latest", "earliest")]
    return frozenset([*found, *(need.name for need in policy.needs if need.tasks is None)])


def _lines(policy: Policy, closed: Closed) -> dict[int, Idle]:
    found: dict[int, Idle] = {}
    for index, line in enumerate(policy.decide):
        when = line.when or TRUE
        earlier = {i: before.when or TRUE for i, before in enumerate(policy.decide[:index]) if before.hold is None}
        if _never(when, closed):
            found[index] = Idle()
            continue
        alone = next((i for i, before in earlier.items() if _never(_beyond(when, [before]), closed)), None)
        if alone is not None:
            found[index] = Idle((alone,))
        elif len(earlier) > 1 and _never(_beyond(when, earlier.values()), closed):
            found[index] = Idle(tuple(earlier))
    return found


def silent(policy: Policy) -> list[int]:
    """The lines that deny, say neither why nor what to do, and are never taken where a rule finds something."""
    closed = Closed(_certain(policy), frozenset(), True)
    found, never = [], idle(policy).lines
    for index, line in enumerate(policy.decide):
        if index in never or line.allow or line.reason is not None or line.advice.templates:
            continue
        here = _beyond(line.when or TRUE, [each.when or TRUE for each in policy.decide[:index] if each.hold is None])
        blocked = not _never(Logic("&&", (here, Blocked())), closed)
        telling = [each for each in policy.rules if each.effect == "warn" or (each.effect == "block" and blocked)]
        if all(_never(Logic("&&", (here, each.condition)), closed, each.loops) for each in telling):
            found.append(index)
    return found


def _beyond(when: Node, earlier: Iterable[Node]) -> Node:
    """The condition, where none of the earlier ones holds."""
    return Logic("&&", (when, *(Not(node) for node in earlier)))


def _never(condition: Node, closed: Closed, loops: tuple[str, ...] = ()) -> bool:
    if closed.dead.intersection(loops):
        return True
    try:
        branches = disjunction(condition)
    except (UnsupportedCondition, TooManyBranches):
        return False
    domains = _domains(condition)
    return all(impossible(atoms, closed, domains, loops) for atoms in branches)


def _domains(condition: Node) -> dict[object, Domain]:
    """The closed sets of values of the fields and parameters that the condition reads."""
    found: dict[object, Domain] = {}
    for node in walk(condition):
        if isinstance(node, Field | Param):
            of = type_of(node)
            values: Domain = (False, True) if of.kind == "bool" else of.enum
            key = place_of(node)
            # Two macros may call facts of different selections by one name: what either may be is possible.
            known = found.get(key)
            found[key] = values if known is None or known == values else (*known, *values) if known and values else ()
    return {key: values for key, values in found.items() if values}
