"""What a policy declares and nothing reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from interlock.language.walk import selections, walk
from interlock.model.expression import Contained, Node, Param
from interlock.model.policy import Policy, values
from interlock.policy.compile.dependencies import every_expression, of_rule


class Unused(msgspec.Struct, frozen=True):
    """The names that nothing reads, in the order of the policy; a derived fact with the first rule that derives it."""

    parameters: tuple[str, ...]
    selections: tuple[str, ...]
    derived: dict[str, int]
    needs: tuple[str, ...]


def unused(policy: Policy, needed: Mapping[str, Policy]) -> Unused:
    """What nothing reads. `needed` are the policies behind the needs: parameters are passed on to them by name."""
    read, given = _names(policy), _parameters(policy, needed)
    derived = {rule.derive: index for index, rule in reversed([*enumerate(policy.rules)]) if rule.derive}
    return Unused(
        tuple(parameter.name for parameter in policy.parameters if parameter.name not in given),
        tuple(selection.name for selection in policy.selections if selection.name not in read),
        {name: derived[name] for name in policy.derived if name not in read},
        tuple(need.name for need in policy.needs if need.name not in read),
    )


def _names(policy: Policy) -> set[str]:
    """The selections, derived facts and needs that something reads. What a fact is derived from itself is no reader."""
    found = _of(line.when for line in policy.decide if line.when is not None)
    found |= _of(node for _, node in values(policy.outputs))
    for rule in policy.rules:
        found |= (_of(of_rule(rule)) | set(rule.loops)) - {rule.derive}
    for selection in policy.selections:
        found |= _of([selection.where] if selection.where is not None else [])
        found |= {selection.name if selection.required is not None else "", selection.parent or ""}
    return found


def _of(nodes: Iterable[Node]) -> set[str]:
    return {name for node in nodes for name in selections(node)}


def _parameters(policy: Policy, needed: Mapping[str, Policy]) -> set[str]:
    found = {
        inner.param if isinstance(inner, Contained) else inner.name
        for node in every_expression(policy)
        for inner in walk(node)
        if isinstance(inner, Param) or (isinstance(inner, Contained) and inner.param)
    }
    for need in policy.needs:
        found |= {p.name for p in needed[need.name].parameters if p.name not in need.given}
    return {str(name) for name in found}
