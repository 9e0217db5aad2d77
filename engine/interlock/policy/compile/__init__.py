"""`Policy` → `CompiledPolicy`: selections become SQL, conditions become branches, branches are ordered into strata."""

from __future__ import annotations

import msgspec

from interlock.model.compiled import Branch, CompiledPolicy, Stratum
from interlock.model.expression import TRUE, Node
from interlock.model.policy import Policy
from interlock.policy.compile.atoms import MAX_BRANCHES, Disjunction, TooManyBranches
from interlock.policy.compile.branches import Relations, branch
from interlock.policy.compile.clock import clock
from interlock.policy.compile.dependencies import levels, paths_read
from interlock.policy.compile.derived import UnsupportedCondition
from interlock.policy.compile.dnf import disjunction, evaluated
from interlock.policy.compile.past import unrecorded
from interlock.policy.compile.selections import query
from interlock.policy.compile.times import undated
from interlock.schemas import Catalog
from interlock.schemas.wording import Path


class Refusal(msgspec.Struct, frozen=True):
    """A condition that cannot be compiled: its place in the policy, and why."""

    code: str
    path: Path
    message: str
    hint: str


def compile_policy(policy: Policy, catalog: Catalog) -> tuple[CompiledPolicy | None, tuple[Refusal, ...]]:
    """Compile a policy that was checked over a catalog.

    None, and every refusal, when a condition has no safe form for the engine.
    """
    refusals: list[Refusal] = []
    relations = _relations(policy)
    numbered = levels(policy.rules, policy.decide)
    strata: list[list[Branch]] = [[] for _ in range(numbered.count)]
    for index, rule in enumerate(policy.rules):
        found = _alternatives(rule.condition, ("rules", index), refusals)
        strata[numbered.of[index]] += [branch(relations, atoms, rule.loops, index) for atoms in found]
    for index, line in enumerate(policy.decide):
        found = _alternatives(line.when or TRUE, ("decide", index), refusals)
        strata[-1] += [branch(relations, atoms, (), index, decides=True) for atoms in found]
    for path, field in unrecorded(policy):
        hint = "leave it out of the condition, and of what that asks for"
        refusals.append(Refusal("E513", (*path, "hold"), f"nothing records since when `{field}` is what it is", hint))
    if refusals:
        return None, tuple(refusals)
    paths = paths_read(policy)
    queries = tuple(query(policy, s, paths[s.name], catalog) for s in policy.selections if s.name in paths)
    joined = tuple(
        Stratum(tuple(branches), recursive=level in numbered.recursive) for level, branches in enumerate(strata)
    )
    return CompiledPolicy(policy, queries, undated(policy), relations.all(), joined, clock(policy, catalog)), ()


def _relations(policy: Policy) -> Relations:
    keys = {selection.name: selection.per[0] for selection in policy.selections if selection.per}
    keys |= {need.name: "task" for need in policy.needs}
    singles = [selection.name for selection in policy.selections if selection.shape == "single"]
    singles += [need.name for need in policy.needs if need.tasks is None]
    return Relations(keys, frozenset(singles))


def _alternatives(condition: Node, path: Path, refusals: list[Refusal]) -> Disjunction:
    try:
        found = _within_bounds(condition)
        if len(found) > MAX_BRANCHES:
            found = evaluated(condition) or found
    except UnsupportedCondition as refused:
        refusals.append(Refusal("E510", path, refused.message, refused.hint))
        return []
    if len(found) > MAX_BRANCHES:
        message = f"the condition has more than {MAX_BRANCHES} alternatives"
        refusals.append(Refusal("E509", path, message, "split the rule, or derive a fact for a part of it"))
        return []
    return found


def _within_bounds(condition: Node) -> Disjunction:
    """The alternatives of a condition, or more than there may be."""
    try:
        return disjunction(condition)
    except TooManyBranches:
        return [()] * (MAX_BRANCHES + 1)
