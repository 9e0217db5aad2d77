"""A policy for people to read: its graph, and its page in Markdown. Made of the policy alone: no ledger is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from interlock.evaluation.judge import Loaded
from interlock.language.evaluate import as_printed
from interlock.model.facts import Value
from interlock.model.policy import Parameter, Policy, Rule
from interlock.policy.docs.graph import EFFECTS, drawn, listed_values, loops, mermaid, taken
from interlock.policy.kinds import kinds
from interlock.policy.parse import Document


def policy_page(loaded: Loaded, document: Document) -> str:
    """The page of a policy that was made of `document`."""
    policy = loaded.policy
    written: dict[str, Any] = document.data
    parts = [
        f"<!-- Written by `interlock docs {policy.id}`. -->",
        f"# {prose(policy.title)}",
        f"{code(policy.id)}: **{prose(policy.question)}**",
        paragraphs(policy.description),
        f"It may allow without a single fact: {prose(written['allow_empty'])}" if "allow_empty" in written else "",
        _section("Parameters", (f"- {parameter_line(each)}" for each in policy.parameters)),
        _section("Needs", _needs(policy, written)),
        _section("Variables", _outputs(written.get("variables") or {}, "variables.")),
        _section("Facts", _facts(policy, written)),
        _section("Own kinds of facts", _own_kinds(loaded)),
        _rules(policy, written),
        _section("States", _states(written), "The first that holds is the answer."),
        _section("Outputs", _outputs(written.get("outputs") or {}, "")),
        f"## Graph\n\n```mermaid\n{mermaid(drawn(policy))}```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, items: Iterable[str], first: str = "") -> str:
    found = "\n".join(items)
    return "\n\n".join(part for part in (f"## {title}", first, found) if part) if found else ""


def parameter_line(parameter: Parameter) -> str:
    """A parameter with its type, its default, and what it is for, in one line."""
    kind = f"{parameter.kind} ({listed_values(parameter.enum, code, 'or')})" if parameter.enum else parameter.kind
    default = _default(parameter.default, parameter.kind)
    given = (
        "optional" if parameter.optional else "must be given" if parameter.required else f"{code(default)} if not given"
    )
    meaning = f". {prose(parameter.description)}" if parameter.description else ""
    return f"{code(parameter.name)}: {kind}, {given}{meaning}"


def _default(value: Value, kind: str) -> str:
    """A default as a caller would write it on the command line."""
    if isinstance(value, tuple):
        return ",".join(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(as_printed(value, kind)) or '""'


def _needs(policy: Policy, written: dict[str, Any]) -> Iterator[str]:
    for need in policy.needs:
        says = written["needs"][need.name]
        tasks = f" for each task of {_shown(says['tasks'])}" if "tasks" in says else ""
        given = [f"{code(name)} = {_shown(value)}" for name, value in (says.get("with") or {}).items()]
        message = f", with {listed_values(given)}" if given else ""
        answered = "" if need.asks_undecided else "; where it is undecided, so is this one"
        yield f"- {code(need.name)}: the decision of {code(need.policy)}{tasks}{message}{answered}"


def _facts(policy: Policy, written: dict[str, Any]) -> Iterator[str]:
    for selection in policy.selections:
        says = written["facts"][selection.name]
        yield f"- {code(selection.name)}: {taken(selection, code)}"
        if "where" in says:
            yield f"  - where {_shown(says['where'])}"
        if "required" in says:
            some = f", or none for {listed_values(selection.groups, code, 'or')}" if selection.groups else ""
            said = says["required"]
            told = said if isinstance(said, dict) else {"message": said}
            yield f"  - if there is none{some}, the decision is undecided: {_shown(told['message'])}"
            yield from (f"  {line}" for line in _advice(told))


def _own_kinds(loaded: Loaded) -> Iterator[str]:
    """The project's own kinds that the policy reads, with their own fields."""
    for kind in kinds(loaded.catalog, loaded.kinds) if loaded.kinds else ():
        yield f"- {code(kind.kind)}: {prose(kind.description)}"
        for field in kind.fields:
            if not field.envelope and field.type is not None:
                values = f" ({listed_values(field.values, code, 'or')})" if field.values else ""
                null = ", may be null" if field.nullable else ""
                meaning = f". {prose(field.description)}" if field.description else ""
                yield f"  - {code(field.path)}: {field.type}{values}{null}{meaning}"


def _rules(policy: Policy, written: dict[str, Any]) -> str:
    if not policy.rules:
        return ""
    given = f"Given for every rule:{_conditions(written)}." if _conditions(written) else ""
    rules = [_rule(rule, says) for rule, says in zip(policy.rules, written["rules"], strict=True)]
    return "\n\n".join(part for part in ("## Rules", given, *rules) if part)


def _rule(rule: Rule, says: dict[str, Any]) -> str:
    when = loops(rule.loops, code) + _conditions(says)
    fires = f"{EFFECTS[rule.effect].capitalize()}{when or ' always'}:"
    lines = [f"### {code(rule.id)}", "", fires, ""]
    if rule.derive is not None:
        lines += [f"- {code(rule.derive)}{_members(says['derive'][rule.derive])}"]
    else:
        lines += [f"- says {_shown(says[rule.effect])}"]
    lines += _advice(says)
    if "no_fix" in says:
        lines += [f"- no fix: {_shown(says['no_fix'])}"]
    if "data" in says:
        lines += [f"- data{_members(says['data'])}"]
    return "\n".join(lines)


def _advice(says: dict[str, Any]) -> list[str]:
    commands = [f"- fix: {code(each)}" for each in str(says.get("fix", "")).splitlines()]
    return [*commands, *([f"- hint: {_shown(says['hint'])}"] if "hint" in says else [])]


def _conditions(says: dict[str, Any]) -> str:
    when = f" when {_shown(says['when'])}" if "when" in says else ""
    unless = f" unless {_shown(says['unless'])}" if "unless" in says else ""
    return f"{when}{',' if when and unless else ''}{unless}{_holding(says)}"


def _holding(says: dict[str, Any]) -> str:
    return f", once that has been so for {_shown(says['hold'])}" if "hold" in says else ""


def _members(says: dict[str, Any]) -> str:
    return ": " + ", ".join(f"{code(name)} = {_shown(value)}" for name, value in says.items())


def _states(written: dict[str, Any]) -> Iterator[str]:
    for number, line in enumerate(written["decide"], 1):
        when = f", when {_shown(line['when'])}{_holding(line)}" if "when" in line else ""
        yield f"{number}. {code(str(line['state']))}: {'**allowed**' if line['allow'] else '**denied**'}{when}"
        yield from [f"   - says {_shown(line['reason'])}"] if "reason" in line else []
        yield from (f"   {each}" for each in _advice(line))


def _outputs(says: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, value in says.items():
        if isinstance(value, dict):
            yield from _outputs(value, f"{prefix}{name}.")
        else:
            yield f"- {code(prefix + name)}: {_shown(value)}"


def _shown(value: Any) -> str:
    return code(str(value).lower() if isinstance(value, bool) else str(value))


_SPECIAL = re.compile(r"[\\`*\[\]<>&~|#!]|(?<![^\W_])_|_(?![^\W_])")
_STARTS = re.compile(r"^(\d+)([.)])|^([-+=])")
_TICKS = re.compile("`+")


def prose(text: str) -> str:
    """Text in one line that Markdown takes for nothing but text."""
    plain = _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
    return _STARTS.sub(lambda match: f"{match[1]}\\{match[2]}" if match[1] else f"\\{match[3]}", plain)


def paragraphs(text: str) -> str:
    """Text whose empty lines part paragraphs."""
    return "\n\n".join(prose(part) for part in re.split(r"\n\s*\n", text.strip()))


def code(text: str) -> str:
    """Text as a code span: on one line, with more ticks around it than are in it."""
    line = " ".join(text.splitlines())
    fence = "`" * (1 + max(map(len, _TICKS.findall(line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{fence}{pad}{line}{pad}{fence}"


__all__ = ["drawn", "policy_page", "taken"]
