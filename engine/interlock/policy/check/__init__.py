"""A parsed document → `Policy`, or everything that is wrong with it, each with its place.

What the structure schema refuses is left out before the rest is checked, so that one misspelt key does not hide the
issues after it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from interlock import schemas
from interlock.diagnostics import Issue, digest
from interlock.evaluation import arguments
from interlock.language.scope import RESERVED as CEL_RESERVED
from interlock.language.scope import Scope
from interlock.model.facts import Value
from interlock.model.policy import DecideLine, Output, Parameter, Policy
from interlock.policy.check.issues import RESERVED, Expression, Names, Report
from interlock.policy.check.needs import check_need, with_questions
from interlock.policy.check.rules import check_rules, check_strata
from interlock.policy.check.selections import check_selection
from interlock.policy.parse import Document
from interlock.schemas.wording import Path

NeededPolicy = Callable[[str], Policy | str]
"""Gives the checked policy of an id, or why there is none."""


def check_policy(
    document: Document, needed: NeededPolicy, catalog: schemas.Catalog
) -> tuple[Policy | None, tuple[Issue, ...]]:
    """Check a whole policy over the kinds of a catalog. `needed` finds the policies that it needs.

    None when there is any issue.
    """
    found = examine(document, needed, catalog)
    return (None if found.issues else found.policy), found.issues


class Examined(msgspec.Struct, frozen=True):
    """What a check found, valid or not: what can be read of the policy, the names in it, and every expression."""

    policy: Policy | None
    issues: tuple[Issue, ...]
    names: Names
    expressions: tuple[Expression, ...] = ()


def examine(document: Document, needed: NeededPolicy, catalog: schemas.Catalog) -> Examined:
    """Check a whole policy, as `check_policy`."""
    report, names = Report(document), Names(catalog)
    written = _structure(report, document.data)
    policy = None if written is None else _policy(report, written, needed, names)
    issues = tuple(sorted(set(report.issues), key=Issue.sort_key)) if policy else tuple(report.issues)
    return Examined(policy, issues, names, tuple(report.expressions))


def _structure(report: Report, data: Any) -> dict[str, Any] | None:
    """The document without what its schema refuses; None when it is not a mapping."""
    violations = list(dict.fromkeys(_as_text(report.document, each) for each in schemas.violations("policy", data)))
    report.issues += report.document.issues("E100", violations)
    if not isinstance(data, dict):
        return None
    pruned = copy.deepcopy(data)
    for path in sorted((violation.path for violation in violations if violation.path), key=len, reverse=True):
        _remove(pruned, path)
    return pruned


def _as_text(document: Document, violation: schemas.Violation) -> schemas.Violation:
    """The violation with the hint to quote a value, where braces, or a comma in braces, made something else of text."""
    path = violation.path
    if path in document.keys and document.data_at(path) is None and (hint := document.text_meant(path)):
        return schemas.Violation(path, f"`{path[-1]}` is a key without a value", hint, "key")
    hint = document.text_meant(path) if "not text" in violation.message else None
    return msgspec.structs.replace(violation, hint=hint) if hint else violation


def _remove(data: Any, path: Path) -> None:
    """Take a refused value out. A mapping stays: what is wrong with it as a whole does not spoil what is in it."""
    *parents, last = path
    for step in parents:
        data = data[step]
    if isinstance(data, dict) and not isinstance(data.get(str(last)), dict):
        data.pop(last, None)
    elif isinstance(data, list) and isinstance(last, int) and last < len(data) and not isinstance(data[last], dict):
        data[last] = None


def _policy(report: Report, written: dict[str, Any], needed: NeededPolicy, names: Names) -> Policy:
    _name(report, written)
    parameters = _parameters(report, written.get("params") or {})
    names.params = {p.name: p.type for p in parameters}
    _variables(report, written.get("variables") or {}, names)
    facts = {k: v for k, v in (written.get("facts") or {}).items() if isinstance(v, dict)}
    names.refused |= _unreadable(report.document.data, names.params, facts, written.get("needs") or {})
    names.declare_later(facts, "it comes further down: move its selection up")
    needs = []
    for name, need in (written.get("needs") or {}).items():
        if isinstance(need, dict) and _free(report, names, ("needs", name), name):
            found = check_need(report, names, name, need, needed)
            needs += [found] if found else []
    for name, selection in facts.items():
        if _free(report, names, ("facts", name), name):
            names.later.pop(name, None)
            checked = check_selection(report, names, name, selection)
            if checked:
                names.selections[name] = checked
            else:
                names.refused.add(name)
    rules = check_rules(report, names, written)
    check_strata(report, rules)
    decide = _decide(report, names, written.get("decide") or [])
    outputs = _outputs(report, ("outputs",), written.get("outputs") or {}, names.for_rule("value", blocked=True))
    return Policy(
        id=str(written.get("policy")),
        version=1,
        title=str(written.get("title") or written.get("policy")),
        question=str(written.get("question")),
        digest=digest(report.document.source.text),
        parameters=parameters,
        needs=with_questions(tuple(needs), rules, decide),
        selections=tuple(names.selections.values()),
        rules=rules,
        decide=decide,
        outputs=outputs,
        derived=names.derived,
        unread=tuple(name for name in names.named.trees if name not in names.named.read),
        description=str(written.get("description") or ""),
    )


def _unreadable(data: Any, *read: Mapping[str, Any]) -> set[str]:
    """The names of what is declared and could not be read: that was reported, and nothing more is said of them."""
    params, facts, needs = (data.get(key) for key in ("params", "facts", "needs"))
    known, selected, needed = read
    found = {f"params.{name}" for name in (params if isinstance(params, dict) else ()) if name not in known}
    found |= {name for name in (facts if isinstance(facts, dict) else ()) if name not in selected}
    return found | {name for name in (needs if isinstance(needs, dict) else ()) if name not in needed}


def _name(report: Report, written: dict[str, Any]) -> None:
    """A policy is found by its file's name, so the two must agree."""
    path, name = report.document.source.name, written.get("policy")
    stem = os.path.splitext(os.path.basename(path))[0]
    if path.endswith((".yaml", ".yml")) and isinstance(name, str) and stem != name:
        report.at("E110", ("policy",), f"the policy is `{name}` but its file is `{stem}`", "rename one of them")


def _variables(report: Report, written: dict[str, Any], names: Names) -> None:
    for name in written:
        if name in CEL_RESERVED:
            hint = f"rename it, such as to `{name}_`"
            report.at_key("E111", ("variables", name), f"`{name}` is a reserved word in CEL", hint)
            names.named.refused.add(name)
    report.variables({name: each for name, each in written.items() if name not in CEL_RESERVED}, names.named)


def _free(report: Report, names: Names, path: Path, name: str) -> bool:
    if name in RESERVED:
        report.at_key("E111", path, f"`{name}` is a reserved word", "choose another name")
        return False
    if names.taken(name):
        report.at_key("E111", path, f"`{name}` is already defined", "choose another name")
        return False
    return True


def _parameters(report: Report, written: dict[str, Any]) -> tuple[Parameter, ...]:
    found = []
    for name, spec in written.items():
        if not isinstance(spec, dict) or "type" not in spec:
            continue
        enum = tuple(str(value) for value in spec.get("enum") or ())
        if enum and spec["type"] != "string":
            report.at_key("E112", ("params", name, "enum"), "`enum` is for a parameter of type string")
        bare = Parameter(name, spec["type"], None, spec.get("optional") is True, spec.get("description") or "", enum)
        default = _default(report, bare, spec)
        if default is not None and bare.optional:
            report.at_key("E112", ("params", name, "optional"), f"`{name}` has a default: it is never null", "keep one")
        found.append(Parameter(name, bare.kind, default, bare.optional, bare.description, enum))
    return tuple(found)


def _default(report: Report, parameter: Parameter, spec: dict[str, Any]) -> Value:
    if "default" not in spec:
        return None
    try:
        return arguments.value_of(parameter, spec["default"])
    except ValueError as error:
        report.at("E113", ("params", parameter.name, "default"), f"the default: {error}")
        return None


def _decide(report: Report, names: Names, written: list[Any]) -> tuple[DecideLine, ...]:
    """The lines, of which the last and only the last has no `when`: some line always holds, and all can be reached."""
    scope = names.for_rule("condition", blocked=True)
    lines = []
    for index, line in enumerate(written):
        if not isinstance(line, dict):
            continue
        last = index == len(written) - 1
        if last and "when" in line:
            hint = "end with a line without `when`"
            report.at_key("E506", ("decide", index, "when"), "no line holds when this one does not", hint)
        if not last and "when" not in line:
            hint = "give it a `when`, or make it the last"
            report.at("E507", ("decide", index), "the lines after this one are never reached", hint)
        when = report.condition(("decide", index, "when"), line.get("when"), scope)
        hold = report.hold(("decide", index), line, names.for_text(), needs="when")
        allow = line.get("allow") is True
        for key in ("reason", "fix", "hint"):
            if allow and key in line:
                message = f"`{key}` is for a line that denies"
                report.at_key("E514", ("decide", index, key), message, "a `note` says something of what is allowed")
        said = names.for_rule("value", blocked=True)
        reason = report.message(("decide", index, "reason"), line.get("reason"), said)
        advice = report.advice(("decide", index), line, said)
        lines.append(DecideLine(str(line.get("state")), allow, when, hold, reason, advice))
    return tuple(lines)


def _outputs(report: Report, path: Path, written: dict[str, Any], scope: Scope) -> tuple[Output, ...]:
    found = []
    for name, value in written.items():
        here = (*path, name)
        if isinstance(value, dict):
            found.append(Output(name, None, _outputs(report, here, value, scope)))
        else:
            found.append(Output(name, report.expression(here, value, scope)))
    return tuple(found)
