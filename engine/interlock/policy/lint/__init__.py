"""What is most likely a mistake in a policy that is valid: every warning is right wherever it is given.

Only `interlock check` asks; no decision pays for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from interlock.diagnostics import Issue
from interlock.evaluation.judge import Judge, Loaded
from interlock.language import calendar
from interlock.language.scope import RESERVED
from interlock.language.walk import selections, walk
from interlock.ledger import Snapshot
from interlock.ledger.memory import MemoryFacts
from interlock.model.expression import Call, In, Node, Param
from interlock.model.facts import Value
from interlock.model.policy import Parameter, Policy, values
from interlock.policy.compile.dependencies import every_expression, of_rule
from interlock.policy.lint.absence import counted_absence, unasked
from interlock.policy.lint.idle import Idle, idle, silent
from interlock.policy.lint.texts import cut_texts, doubled_braces
from interlock.policy.parse import Document
from interlock.schemas.wording import Path

_ASKED = "give a selection `required`, block when it is empty, or say why with `allow_empty`"


def warnings(document: Document, loaded: Loaded) -> tuple[Issue, ...]:
    """The warnings of a valid policy, in the order of their places. `document` is the one it was made of."""
    needed = {need.name: loaded.needs[need.policy].policy for need in loaded.policy.needs}
    found = (
        *_unused(document, loaded.policy, needed),
        *_named(document, loaded.policy),
        *_idle(document, loaded.policy),
        *_vacuous(document, loaded),
        *_fixless(document, loaded.policy),
        *_silent(document, loaded.policy),
        *_absent(document, loaded.policy),
        *_both(document, loaded.policy),
        *_misread(document, loaded.policy),
    )
    return tuple(sorted(found, key=Issue.sort_key))


def _unused(document: Document, policy: Policy, needed: Mapping[str, Policy]) -> Iterator[Issue]:
    """What nothing reads. `needed` are the policies of the needs: parameters are passed on to them by name."""
    read, given = _names(policy), _parameters(policy, needed)
    derived = {rule.derive: index for index, rule in reversed([*enumerate(policy.rules)]) if rule.derive}
    for name in (each.name for each in policy.parameters if each.name not in given):
        yield _at_key(document, "W101", ("params", name), f"nothing reads the parameter `{name}`", "remove it")
    for name in (each.name for each in policy.selections if each.name not in read):
        hint = "remove it, or make it `required`"
        yield _at_key(document, "W102", ("facts", name), f"nothing reads the selection `{name}`", hint)
    for name in (each for each in policy.derived if each not in read):
        place = ("rules", derived[name], "derive", name)
        yield _at_key(document, "W103", place, f"nothing reads the derived fact `{name}`", "remove the rule")
    for name in (each.name for each in policy.needs if each.name not in read):
        hint = f"read it, such as `{name}.allow`; only when it is undecided does it count now"
        yield _at_key(document, "W104", ("needs", name), f"nothing reads the decision of `{name}`", hint)


def _named(document: Document, policy: Policy) -> Iterator[Issue]:
    """Variables that nothing reads, and names that CEL keeps for itself."""
    for name in policy.unread:
        yield _at_key(document, "W117", ("variables", name), f"nothing reads the variable `{name}`", "remove it")
    places = {each.name: ("facts", each.name) for each in policy.selections}
    places |= {each.name: ("needs", each.name) for each in policy.needs}
    for index, rule in reversed([*enumerate(policy.rules)]):
        if rule.derive:
            places[rule.derive] = ("rules", index, "derive", rule.derive)  # type: ignore[assignment]
    for name, place in places.items():
        if name in RESERVED:
            message = f"`{name}` is a reserved word in CEL, and the next version refuses it as a name"
            yield _at_key(document, "W118", place, message, f"rename it, such as to `the_{name}`")


def _idle(document: Document, policy: Policy) -> Iterator[Issue]:
    found = idle(policy)
    for index in found.rules:
        message = f"the rule `{policy.rules[index].id}` can never fire: no facts meet its condition"
        hint = "look for parts of the condition that exclude each other; `when` and `unless` given for all rules count"
        yield _warning("W105", message, hint, document, ("rules", index, "id"))
    for index, why in found.lines.items():
        yield _line(document, policy, index, why)


def _line(document: Document, policy: Policy, index: int, why: Idle) -> Issue:
    named, place = f"the line of the state `{policy.decide[index].state}`", ("decide", index, "state")
    if why.covered is None:
        message = f"{named} is never taken: no facts meet its condition"
        return _warning("W106", message, "look for parts of the condition that exclude each other", document, place)
    earlier = [policy.decide[line].state for line in why.covered]
    text = f"that of `{earlier[0]}` comes" if len(earlier) == 1 else "the lines above it come"
    last = index == len(policy.decide) - 1
    hint = "end with the line above it, without its `when`" if last else "move it up, or remove it"
    return _warning("W107", f"{named} is never taken: {text} first wherever it holds", hint, document, place)


def _vacuous(document: Document, loaded: Loaded) -> Iterator[Issue]:
    if all(line.allow for line in loaded.policy.decide):
        hint = "give `decide` a line that does not allow, such as {state: blocked, when: blocked, allow: false}"
        yield _warning("W109", "no line of `decide` denies: no rule can stop anything", hint, document, ("decide",))
        return
    index, answer = allowing(loaded), document.data.get("allow_empty")
    if index is None and answer is not None:
        message = "`allow_empty` answers nothing: without a fact, the policy does not allow"
        yield _at_key(document, "W116", ("allow_empty",), message, "remove it")
    if index is not None and answer is None:
        state = loaded.policy.decide[index].state
        message = f"without a single fact, the policy allows with the state `{state}`"
        yield _warning("W108", message, _ASKED, document, ("decide", index, "state"))


def _fixless(document: Document, policy: Policy) -> Iterator[Issue]:
    for index, rule in enumerate(policy.rules):
        lacking, answered = (
            rule.effect in ("block", "warn") and not rule.advice.templates,
            "no_fix" in document.data["rules"][index],
        )
        if lacking and not answered:
            message = f"the rule `{rule.id}` has neither `fix` nor `hint`"
            hint = "add a `fix`, a command, or a `hint`; or `no_fix` with the reason"
            yield _warning("W110", message, hint, document, ("rules", index, "id"))
        if answered and not lacking:
            message = f"`no_fix` answers nothing: the rule `{rule.id}` needs no `fix`, or has one or a `hint`"
            yield _at_key(document, "W116", ("rules", index, "no_fix"), message, "remove it")


def _silent(document: Document, policy: Policy) -> Iterator[Issue]:
    """The lines that deny though no rule says why: none can fire where they are taken, and they say nothing."""
    for index in silent(policy):
        message = f"the state `{policy.decide[index].state}` denies, and nothing says why"
        hint = "give the line a `reason`, and a `fix` or a `hint`"
        yield _warning("W119", message, hint, document, ("decide", index, "state"))


def _absent(document: Document, policy: Policy) -> Iterator[Issue]:
    for name in unasked(policy):
        message = f"`{name}` names groups, and no condition tests for an absent one"
        hint = f"test it with `{name} == null` or an `unless`, or make it `required`"
        yield _warning("W111", message, hint, document, ("facts", name, "per"))
    for name, parent in counted_absence(policy):
        message = f"`{name}` counts the named groups of `{parent}`, the absent ones too"
        yield _warning("W112", message, f"leave those out: `where: {name} != null`", document, ("facts", name, "take"))


def _both(document: Document, policy: Policy) -> Iterator[Issue]:
    first = {line.state: (index, line.allow) for index, line in reversed([*enumerate(policy.decide)])}
    for index, line in enumerate(policy.decide):
        earlier, allow = first[line.state]
        if line.allow is not allow:
            at = document.locate(("decide", earlier, "state")).line
            message = f"the state `{line.state}` {_DOES[line.allow]} here, and {_DOES[allow]} on line {at}"
            yield _warning("W113", message, "give the two different names", document, ("decide", index, "state"))


_DOES = {True: "allows", False: "denies"}


def _misread(document: Document, policy: Policy) -> Iterator[Issue]:
    names = {"now", "task", *(f"params.{each.name}" for each in policy.parameters), *policy.derived}
    names |= {each.name for each in policy.selections} | {each.name for each in policy.needs}
    for path, start, end, text in doubled_braces(document, frozenset(names)):
        message = f"`{{{{ {text} }}}}` is the text `{{ {text} }}`, not a value"
        hint = f'write {{{text}}} for its value; for the text, {{"{{ … }}"}}'
        yield Issue("W114", message, document.locate_within(path, start, end), hint, "warning")
    for path, at in cut_texts(document):
        message = f"the text ends before `#`, which begins a comment: `{document.data_at(path)}` is left"
        hint = "quote the whole value; a comment is written `# …`, with a space"
        yield Issue("W115", message, document.source.location(at), hint, "warning")


def _warning(code: str, message: str, hint: str, document: Document, path: Path) -> Issue:
    return Issue(code, message, document.locate(path), hint, "warning")


def _at_key(document: Document, code: str, path: Path, message: str, hint: str) -> Issue:
    return Issue(code, message, document.locate_key(path), hint, "warning")


def _names(policy: Policy) -> set[str]:
    """The selections, derived facts and needs that something reads. What a fact is derived from itself is not a
    reader."""
    found = _of(node for line in policy.decide for node in line.expressions)
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
        inner.param if isinstance(inner, In) else inner.name
        for node in every_expression(policy)
        for inner in walk(node)
        if isinstance(inner, Param) or (isinstance(inner, In) and inner.param)
    }
    for need in policy.needs:
        found |= {p.name for p in needed[need.name].parameters if p.name not in need.given}
    return {str(name) for name in found}


_NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, in microseconds."""
_NEUTRAL: dict[str, Value] = {"string": "", "int": 0, "bool": False, "duration": 0, "timestamp": 0, "list": ()}


class _Nothing(Snapshot):
    """A snapshot of a ledger that holds nothing, and in which there is every task: policies may name some."""

    def task_id(self, name: str) -> str:
        """Every task is there."""
        return name

    def task_label(self, name: str) -> str:
        """Every task is labelled as it was requested."""
        return name


def allowing(loaded: Loaded) -> int | None:
    """The line of `decide` by which the policy allows though no fact is there; None where it does not.

    Parameters have their defaults; those that must be given are empty, zero, false, or the first of their set. The
    policies that it needs are decided likewise. Both evaluators judge.
    """
    params = {parameter.name: _value(parameter) for parameter in loaded.policy.parameters}
    nothing = MemoryFacts("nothing", loaded.catalog)
    found = None
    for now in _instants(loaded):
        judge = Judge(_Nothing(nothing.source, now, loaded.catalog), "", now, "both" if now == _NOW else "reference")
        decision = judge.judged(loaded, "task", params).decision
        if decision.allow is True:
            lines = enumerate(loaded.policy.decide)
            found = next(index for index, line in lines if line.state == decision.state and line.allow)
            break
    nothing.close()
    return found


def _instants(loaded: Loaded) -> Iterator[int]:
    """When to ask: once, and where the calendar counts at every hour, on every day of the week, in every month."""
    yield _NOW
    nodes = (inner for node in every_expression(loaded.policy) for inner in walk(node))
    if any(isinstance(node, Call) and calendar.named(node.function) for node in nodes):
        yield from (_NOW + hours * 3_600_000_000 for hours in range(31, 366 * 24, 31))


def _value(parameter: Parameter) -> Value:
    if not parameter.required:
        return parameter.default
    return parameter.enum[0] if parameter.enum else _NEUTRAL[parameter.kind]
