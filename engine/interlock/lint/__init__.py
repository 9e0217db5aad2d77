"""What is most likely a mistake in a policy that is valid: every warning is right wherever it is given.

Only `interlock check` asks; no decision pays for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from interlock.evaluation.judge import Loaded
from interlock.lint.absence import counted, unasked
from interlock.lint.idle import Idle, idle
from interlock.lint.unused import unused
from interlock.lint.vacuous import allowing
from interlock.model.policy import Policy
from interlock.policy.parse import Document
from interlock.source import Issue

_ASKED = "a decision must rest on something: give a selection `required`, or block when it is empty"


def warnings(document: Document, loaded: Loaded) -> tuple[Issue, ...]:
    """The warnings of a valid policy, in the order of their places. `document` is the one it was made of."""
    needed = {need.name: loaded.needs[need.policy].policy for need in loaded.policy.needs}
    found = (
        *_unused(document, loaded.policy, needed),
        *_idle(document, loaded.policy),
        *_vacuous(document, loaded),
        *_fixless(document, loaded.policy),
        *_absent(document, loaded.policy),
    )
    return tuple(sorted(found, key=Issue.sort_key))


def _unused(document: Document, policy: Policy, needed: dict[str, Policy]) -> Iterator[Issue]:
    names = unused(policy, needed)
    for name in names.parameters:
        yield _at_key(document, "W101", ("params", name), f"nothing reads the parameter `{name}`", "take it out")
    for name in names.selections:
        hint = "take it out, or make it `required`"
        yield _at_key(document, "W102", ("facts", name), f"nothing reads the selection `{name}`", hint)
    for name, rule in names.derived.items():
        place = ("rules", rule, "derive", name)
        yield _at_key(document, "W103", place, f"nothing reads the derived fact `{name}`", "take the rule out")
    for name in names.needs:
        hint = f"read it, such as `{name}.allow`; only when it is undecided does it count now"
        yield _at_key(document, "W104", ("needs", name), f"nothing reads the decision of `{name}`", hint)


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
        message = f"{named} is never picked: no facts meet its condition"
        return _warning("W106", message, "look for parts of the condition that exclude each other", document, place)
    earlier = [policy.decide[line].state for line in why.covered]
    told = f"that of `{earlier[0]}` comes" if len(earlier) == 1 else "the lines above it come"
    last = index == len(policy.decide) - 1
    hint = "end with the line above it, without its `when`" if last else "move it up, or take it out"
    return _warning("W107", f"{named} is never picked: {told} first wherever it holds", hint, document, place)


def _vacuous(document: Document, loaded: Loaded) -> Iterator[Issue]:
    if all(line.allow for line in loaded.policy.decide):
        hint = "give `decide` a line that does not allow, such as {state: blocked, when: blocked, allow: false}"
        yield _warning("W109", "no line of `decide` denies: no rule can stop anything", hint, document, ("decide",))
        return
    index = allowing(loaded)
    if index is not None:
        state = loaded.policy.decide[index].state
        message = f"without a single fact, the policy allows with the state `{state}`"
        yield _warning("W108", message, _ASKED, document, ("decide", index, "state"))


def _fixless(document: Document, policy: Policy) -> Iterator[Issue]:
    for index, rule in enumerate(policy.rules):
        if rule.effect in ("block", "warn") and rule.fix is None:
            message = f"the rule `{rule.id}` does not say how to mend what it finds"
            yield _warning("W110", message, "give it a `fix`: a command or a hint", document, ("rules", index, "id"))


def _absent(document: Document, policy: Policy) -> Iterator[Issue]:
    for name in unasked(policy):
        message = f"`{name}` names groups, and nothing asks for one that is absent"
        hint = f"ask with `{name} == null` or an `unless`, or make it `required`"
        yield _warning("W111", message, hint, document, ("facts", name, "per"))
    for name, parent in counted(policy):
        message = f"`{name}` counts the named groups of `{parent}`, the absent ones too"
        yield _warning("W112", message, f"leave those out: `where: {name} != null`", document, ("facts", name, "take"))


def _warning(code: str, message: str, hint: str, document: Document, path: tuple[str | int, ...]) -> Issue:
    return Issue(code, message, document.locate(path), hint, "warning")


def _at_key(document: Document, code: str, path: tuple[str | int, ...], message: str, hint: str) -> Issue:
    return Issue(code, message, document.locate_key(path), hint, "warning")
