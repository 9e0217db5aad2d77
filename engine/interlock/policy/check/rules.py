"""The checking of `rules`: what each ranges over, its condition, its effect, and the facts it derives."""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.diagnostics import did_you_mean
from interlock.language.scope import Scope
from interlock.language.walk import children, selections
from interlock.model.expression import Call, Choice, Compare, Count, Exists, Fold, In, Node, Not, Size, Type, type_of
from interlock.model.policy import Effect, Rule
from interlock.policy.check.issues import RESERVED, Names, Report, conjunction, opposite
from interlock.schemas.wording import Path

_EFFECTS: tuple[Effect, ...] = ("block", "warn", "note", "derive")


def check_rules(report: Report, names: Names, written: dict[str, Any]) -> tuple[Rule, ...]:
    """All rules of a policy, in order. What a rule derives comes into sight after it."""
    rules = {i: rule for i, rule in enumerate(written.get("rules") or []) if isinstance(rule, dict)}
    names.declare_later(_derived(list(rules.values())), "a rule further down derives it: move that rule up")
    everywhere = names.for_rule("condition")
    given = conjunction(
        report.condition(("when",), written.get("when"), everywhere),
        opposite(report.condition(("unless",), written.get("unless"), everywhere)),
    )
    found, seen = [], set[str]()
    for index, rule in rules.items():
        identity = str(rule.get("id"))
        if identity in seen:
            report.at("E501", ("rules", index, "id"), f"duplicate rule id `{identity}`", "rename one of them")
        seen.add(identity)
        checked = _check_rule(report, names, ("rules", index), rule, given)
        if checked is not None:
            found.append(checked)
        else:
            names.refused |= {name for name in _derived([rule]) if name not in names.derived}
    return tuple(found)


def _derived(rules: list[dict[str, Any]]) -> list[str]:
    return [name for rule in rules if isinstance(rule.get("derive"), dict) for name in rule["derive"]]


def _check_rule(report: Report, names: Names, path: Path, rule: dict[str, Any], given: Node) -> Rule | None:
    loops = _loops(report, names, path, rule.get("for"))
    if loops is None:
        return None
    scope = names.for_rule("condition", loops)
    condition = conjunction(
        given,
        report.condition((*path, "when"), rule.get("when"), scope),
        opposite(report.condition((*path, "unless"), rule.get("unless"), scope)),
    )
    effect = next((effect for effect in _EFFECTS if effect in rule), None)
    if effect is None:
        return None
    values = names.for_rule("value", loops)
    hold = report.hold(path, rule, names.for_text(), needs=None)
    if hold is not None and effect == "derive":
        hint = "hold the rule or the line of `decide` that asks for the fact"
        report.at_key("E512", (*path, "hold"), "`hold` is for findings and for states", hint)
    bare = Rule(str(rule.get("id")), loops, condition, effect, line=report.document.locate(path).line, hold=hold)
    if effect == "derive":
        return _derives(report, names, path, rule, values, bare)
    return msgspec.structs.replace(
        bare,
        message=report.message((*path, effect), rule.get(effect), values),
        advice=report.advice(path, rule, values),
        data=_values(report, (*path, "data"), rule.get("data") or {}, values),
    )


def _loops(report: Report, names: Names, path: Path, written: Any) -> tuple[str, ...] | None:
    listed = [written] if isinstance(written, str) else written if isinstance(written, list) else []
    unknown = False
    for index, name in enumerate(listed):
        if names.known(str(name)) is not None:
            continue
        unknown = True
        if name in names.refused:
            continue
        where = (*path, "for", index) if isinstance(written, list) else (*path, "for")
        near = did_you_mean(str(name), (*names.selections, *names.needs, *names.derived))
        hint = names.later.get(str(name)) or near or "name a selection of `facts`"
        report.at("E502", where, f"unknown selection `{name}`", hint)
    return None if unknown else tuple(str(name) for name in listed)


def _values(report: Report, path: Path, written: dict[str, Any], scope: Scope) -> dict[str, Node]:
    found = {}
    for name, expression in written.items():
        node = report.expression((*path, name), expression, scope)
        if node is not None:
            found[name] = node
    return found


def _derives(report: Report, names: Names, path: Path, rule: dict[str, Any], scope: Scope, bare: Rule) -> Rule | None:
    """A rule that makes a fact. The first rule that derives a name gives the fact its fields; others must agree."""
    for key in ("fix", "hint", "data"):
        if key in rule:
            report.at_key("E503", (*path, key), f"`{key}` is for findings, not for derived facts", f"remove `{key}`")
    name, written = next(iter(rule["derive"].items()))
    here = (*path, "derive", name)
    if names.taken(name) or name in RESERVED:
        report.at_key("E504", here, f"`{name}` is already defined", "rename the derived fact")
        return None
    values = _values(report, here, written, scope)
    for field, node in values.items():
        kind = type_of(node).kind
        if kind in ("list", "map"):
            hint = "use the parameter where it is needed: … in params.NAME"
            report.at("E511", (*here, field), f"`{field}` is a {kind}, and derived facts have no {kind}s", hint)
    types = {field: _field_type(type_of(node)) for field, node in values.items()}
    if len(values) < len(written):
        return None
    known = names.derived.get(name)
    if known is None:
        names.derived[name] = types
        names.later.pop(name, None)
    elif {f: t.kind for f, t in known.items()} != {f: t.kind for f, t in types.items()}:
        fields = ", ".join(f"{field}: {found.kind}" for field, found in known.items())
        report.at("E505", here, f"`{name}` has other fields in an earlier rule", f"it has {fields}")
        return None
    return msgspec.structs.replace(bare, derive=name, values=values)


def _field_type(found: Type) -> Type:
    """A derived field: any rule may leave it null, and another rule may give it a text outside the first one's set."""
    return Type("string" if found.kind == "null" else found.kind)


def check_strata(report: Report, rules: tuple[Rule, ...]) -> None:
    """Refuse a cycle through negation, with the names of the facts on it."""
    derived = {rule.derive for rule in rules if rule.derive}
    positive: dict[str, set[str]] = {name: set() for name in derived}
    full: dict[str, set[str]] = {name: set() for name in derived}
    for rule in rules:
        if rule.derive:
            positive[rule.derive] |= {loop for loop in rule.loops if loop in derived}
            for name, negated in asked(rule.condition):
                if name in derived:
                    (full if negated else positive)[rule.derive].add(name)
            for node in rule.values.values():
                full[rule.derive] |= {name for name, _ in asked(node) if name in derived}
    for index, rule in enumerate(rules):
        for name in sorted(full.get(rule.derive or "", ())):
            path = _path(name, rule.derive or "", positive, full)
            if path and rule.derive:
                names = " → ".join(f"`{step}`" for step in (rule.derive, *path))
                hint = "a fact cannot rest on its own absence: derive it under another name"
                report.at("E508", ("rules", index), f"a cycle through negation: {names}", hint)


def asked(node: Node, negated: bool = False) -> list[tuple[str, bool]]:
    """The selections that macros examine, each with whether their absence counts."""
    if isinstance(node, Exists):
        return [(node.selection, negated), *asked(node.condition, negated)]
    if isinstance(node, Count | Size):  # a number rests on what is there and on what is not
        return [(name, True) for name in selections(node)]
    if isinstance(node, Compare | In | Choice | Call | Fold):  # a value may rest on what is there and on what is not
        return [(name, True) for child in children(node) for name, _ in asked(child)]
    inner = not negated if isinstance(node, Not) else negated
    return [found for child in children(node) for found in asked(child, inner)]


def _path(start: str, goal: str, positive: dict[str, set[str]], full: dict[str, set[str]]) -> list[str] | None:
    """A way from one derived fact to another along what each waits for."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        for step in sorted(positive.get(way[-1], set()) | full.get(way[-1], set())):
            if step not in seen:
                seen.add(step)
                ways.append([*way, step])
    return None
