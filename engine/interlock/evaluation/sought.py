"""What was looked for, in the policy's own words and with the values that are known."""

from __future__ import annotations

import msgspec

from interlock.language.evaluate import Known, evaluate
from interlock.language.substitute import filled
from interlock.language.unparse import notation
from interlock.model.explanation import Sought
from interlock.model.expression import Compare, Constant, Field, Logic, Lookup, Node, Single, Some, Type, Variable
from interlock.model.facts import Fact
from interlock.model.policy import Policy, Selection

_TRUE = Constant(True, Type("bool", nullable=False))


def sought(policy: Policy, of: Single | Lookup | Some, known: Known) -> Sought:
    """What a reference, or an `exists`, looks for."""
    condition = None
    if isinstance(of, Some):
        condition = notation(filled(of.condition, known), of.variable)
    elif isinstance(of, Lookup):
        condition = notation(_keyed(policy, of, known), of.selection)
    return described(policy, of.selection, condition, known)


def absence(policy: Policy, fact: Fact, known: Known) -> Sought:
    """What an absent named group lacks: a fact of that group."""
    selection = next(each for each in policy.selections if each.name == fact.kind)
    path, group = next((path, group) for path, group in selection.absences if fact.fields.get(path) == group)
    is_of_group = Compare("==", Field(Variable(fact.kind), path, Type("string")), Constant(group, Type("string")))
    return described(policy, fact.kind, notation(is_of_group, fact.kind), known)


def described(policy: Policy, name: str, condition: str | None, known: Known) -> Sought:
    """A selection, derived fact or need, and what is asked of its facts."""
    selections = {selection.name: selection for selection in policy.selections}
    count = sum(not fact.absent for fact in known.facts.get(name, ()))
    if name in selections:
        return Sought(name, _of(selections[name], selections), _where(name, selections, known), condition, count)
    needs = [need.policy for need in policy.needs if need.name == name]
    makers = [rule.id for rule in policy.rules if rule.derive == name]
    of = f"the decision of {needs[0]}" if needs else f"what {', '.join(makers)} derives"
    return Sought(name, of, None, condition, count)


def _keyed(policy: Policy, of: Lookup, known: Known) -> Node:
    key = next((s.per[0] for s in policy.selections if s.name == of.selection), "task")
    value = evaluate(of.key, known)
    text = value if isinstance(value, str | bool | int) else None
    return Compare("==", Field(Variable(of.selection), key, Type("string")), Constant(text, Type("string")))


def _of(selection: Selection, selections: dict[str, Selection]) -> str:
    """What a selection takes of which facts, such as `the latest app_smoke_started for each role`."""
    taken = {"all": "", "latest": "the latest ", "earliest": "the earliest ", "count": "the number of "}
    what = taken.get(selection.take, f"the {selection.take} of {selection.of} of ")
    each = f" for each {' and '.join(selection.per)}" if selection.per else ""
    source = " or ".join(selection.kinds)
    if selection.parent is not None:
        source = _of(selections[selection.parent], selections)
    return f"{what}{source}{each}"


def _where(name: str, selections: dict[str, Selection], known: Known) -> str | None:
    """The conditions of a selection and of those that it narrows, as one text."""
    found: list[str] = []
    at: str | None = name
    while at is not None:
        selection = selections[at]
        if selection.where is not None:
            left = filled(selection.where, _before(known, at))
            text = notation(left, at)
            found += [] if left == _TRUE else [f"({text})" if isinstance(left, Logic) and left.op == "||" else text]
        at = selection.parent
    return " && ".join(reversed(found)) or None


def _before(known: Known, name: str) -> Known:
    """What is known, without any fact under the selection's own name: that is the candidate."""
    return msgspec.structs.replace(known, variables={k: v for k, v in known.variables.items() if k != name})
