"""The checking of `needs`: which policy, what it is given, and the fields its decision has as a fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlock.diagnostics import did_you_mean
from interlock.language.scope import SelectionType, with_article
from interlock.language.walk import reference_name, walk
from interlock.model.expression import Constant, Count, Exists, Field, Node, Param, Type, type_of
from interlock.model.policy import DecideLine, Need, Parameter, Policy, Rule, values
from interlock.policy.check.issues import Names, Report
from interlock.policy.compile.past import pastless
from interlock.schemas.wording import Path

_DECISION = ("allow", "state", "undecided", "reason", "task")


def check_need(
    report: Report,
    names: Names,
    name: str,
    written: dict[str, Any],
    needed: Callable[[str], Policy | str],
) -> Need | None:
    """One need; its name comes into sight with the fields of the needed policy's decision."""
    path = ("needs", name)
    policy = needed(str(written.get("policy")))
    if isinstance(policy, str):
        report.at("E601", (*path, "policy"), policy)
        names.refused.add(name)
        return None
    tasks: Node | None = None
    if "tasks" in written:
        tasks = report.expression((*path, "tasks"), written["tasks"], names.for_text(), "list")
    given = _given(report, names, path, written.get("with") or {}, policy)
    _check_passed(report, names, path, policy, set(written.get("with") or {}))
    fields = decision_fields(policy)
    many = "tasks" in written
    names.needs[name] = SelectionType("map" if many else "single", fields, fields["task"] if many else None)
    return Need(name, policy.id, policy.digest, tasks, given, pastless=pastless(policy))


def decision_fields(policy: Policy) -> dict[str, Type]:
    """What a decision of the policy is as a fact: its verdict, and its outputs under their dotted names."""
    states = tuple(dict.fromkeys((*(line.state for line in policy.decide), "undecided")))
    fields = {
        "allow": Type("bool"),
        "state": Type("string", states, nullable=False),
        "undecided": Type("bool", nullable=False),
        "reason": Type("string"),
        "task": Type("string", nullable=False),
    }
    for path, node in values(policy.outputs):
        if path not in _DECISION:
            found = type_of(node)
            fields[path] = Type("string") if found.kind == "null" else found.or_null()
    return fields


def _given(report: Report, names: Names, path: Path, written: dict[str, Any], policy: Policy) -> dict[str, Node]:
    wanted = {parameter.name: parameter for parameter in policy.parameters}
    found = {}
    for name, expression in written.items():
        here = (*path, "with", name)
        if name not in wanted:
            hint = did_you_mean(name, wanted)
            report.at_key("E602", here, f"`{policy.id}` has no parameter `{name}`", hint)
            continue
        node = report.expression(here, expression, names.for_text(), wanted[name].kind)
        if node is not None:
            _check_value(report, here, policy, wanted[name], node)
            found[name] = node
    return found


def _check_value(report: Report, path: Path, policy: Policy, parameter: Parameter, node: Node) -> None:
    """What a parameter is set to must be one of its values, and there where it must be given."""
    found = type_of(node)
    if parameter.required and found.nullable:
        report.at("E604", path, f"`{policy.id}` must be given `{parameter.name}`, and this may be null", "give a value")
    values = (str(node.value),) if isinstance(node, Constant) else found.enum
    if parameter.enum and (not values or not set(values) <= set(parameter.enum)):
        hint = f"there is {', '.join(parameter.enum)}"
        report.at("E605", path, f"this may be a value that `{parameter.name}` of `{policy.id}` cannot have", hint)


def _check_passed(report: Report, names: Names, path: Path, policy: Policy, given: set[str]) -> None:
    """Parameters of the same name are passed on, so they are of one type; a required one must come from somewhere."""
    for parameter in policy.parameters:
        if parameter.name in given:
            continue
        same = names.params.get(parameter.name)
        if same is not None and same.kind != parameter.kind:
            here, there = with_article(same.kind), with_article(parameter.kind)
            message = f"`{parameter.name}` is {here} here and {there} in `{policy.id}`"
            report.at("E603", path, message, "set it with `with`, or rename it")
        elif same is not None:
            _check_value(report, path, policy, parameter, Param(parameter.name, same))
        elif parameter.required:
            report.at("E604", path, f"`{policy.id}` must be given `{parameter.name}`", "set it with `with`")


def with_questions(
    needs: tuple[Need, ...], rules: tuple[Rule, ...], decide: tuple[DecideLine, ...]
) -> tuple[Need, ...]:
    """The needs, each noting whether some rule or line asks for its `.undecided` (and so answers for it itself)."""
    conditions = [rule.condition for rule in rules] + [line.when for line in decide if line.when is not None]
    asked = set[str]()
    for condition in conditions:
        ranged = {node.variable: node.selection for node in walk(condition) if isinstance(node, Exists | Count)}
        for node in walk(condition):
            if isinstance(node, Field) and node.path == "undecided":
                name = reference_name(node.of)
                asked.add(ranged.get(name, name))
    return tuple(msgspec.structs.replace(need, asks_undecided=need.name in asked) for need in needs)
