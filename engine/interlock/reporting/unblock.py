"""What would make a policy allow: for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interlock.escape import harmless
from interlock.model.decision import advice_lines, verdict_word
from interlock.model.unblock import HeldFact, Permanent, Plan, ReceiptStep, Unblock
from interlock.reporting.params import params_text
from interlock.reporting.style import RenderContext, counted, shown, wrapped
from interlock.reporting.text import VERDICT_COLOURS

_MARGIN = " " * 11


def as_text(found: Unblock, look: RenderContext) -> str:
    """The verdict; each plan with its receipts; what none can lift; and what the policy's author says would fix it."""
    return "".join(f"{line}\n" for line in _lines(found, look))


def _lines(found: Unblock, look: RenderContext) -> Iterator[str]:
    name = verdict_word(found.allow)
    state = "" if found.allow is None else f": {harmless(found.state)}"
    head = f"{found.policy}  task {harmless(found.task)} at {found.now}{state}"
    first, *rest = wrapped(head, look.width, _MARGIN, _MARGIN)
    yield look.paint(name, VERDICT_COLOURS[name]) + " " * (len(_MARGIN) - len(name)) + first[len(_MARGIN) :]
    yield from rest
    if params := params_text(found.params):
        yield f"{_MARGIN}params: {params}"
    for reason in (found.reason or "").splitlines():
        yield from wrapped(harmless(reason), look.width, _MARGIN, _MARGIN)
    for plan in found.plans:
        yield from ("", *_plan(plan, found, look))
    for blocker in found.permanent:
        yield from ("", *_permanent(blocker, look))
    for number, fix in enumerate(found.fixes):
        yield from ([""] if number == 0 else [])
        yield from (f"{_MARGIN}{harmless(line)}" for line in fix.message.splitlines())
        for line in advice_lines(fix.fix, fix.hint):  # a command is never wrapped: it is copied and run
            room = look.width if line.startswith("hint: ") else None
            yield from wrapped(harmless(line), room, _MARGIN, _MARGIN)
    if found.allow is not True and not found.plans:
        more = "; there were more" if found.bounded else ""
        none = f"no receipts were found that prove what it asks for: {found.judged:,} sets judged{more}"
        yield from ("", *wrapped(none, look.width, "", ""))
    if found.without_proof:
        yield from ("", "without proof, by what skips or softens it:")
    for plan in found.without_proof:
        yield from ("", *_plan(plan, found, look))


def _plan(plan: Plan, found: Unblock, look: RenderContext) -> Iterator[str]:
    waiting = f"wait until {plan.at}, then " if plan.at != found.now else ""
    by = "" if plan.by is None else f", by {plan.by}"
    recorded = f"{counted(len(plan.steps), 'receipt')}{by}" if plan.steps else "nothing more"
    lasting = "" if plan.until is None else f", then wait until {plan.until}"
    how = f"{harmless(plan.state)}: {waiting}{recorded}{lasting}"
    yield from _labelled("allow", "green", how, look)
    for step in plan.steps:
        at = f"{step.at[11:19]}Z  " if any(each.at != plan.at for each in plan.steps) else ""
        yield from wrapped(f"{at}{step.who:10}  {_step(step)}", look.width, _MARGIN, f"{_MARGIN}{'':{len(at) + 12}}")


def _labelled(label: str, colour: str, text: str, look: RenderContext) -> Iterator[str]:
    first, *rest = wrapped(text, look.width, _MARGIN, _MARGIN)
    yield f"  {look.paint(label, colour)}{' ' * (len(_MARGIN) - 2 - len(label))}{first[len(_MARGIN) :]}"
    yield from rest


def _step(step: ReceiptStep) -> str:
    fields = ", ".join(f"{name}: {shown(value)}" for name, value in _flat(step.fields))
    task = "" if step.task is not None else " (of no task)"
    return harmless(f"{step.kind}{task}  {fields}").rstrip()


def _flat(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _permanent(blocker: Permanent, look: RenderContext) -> Iterator[str]:
    rule = "" if blocker.rule is None else f"{blocker.rule}: "
    yield from _labelled("lasting", "red", f"{rule}{harmless(blocker.message)}", look)
    if not blocker.holds:
        yield f"{_MARGIN}nothing that is recorded can ever lift this"
    for number, held in enumerate(blocker.holds):
        start = "no receipt lifts this, as long as" if number == 0 else "and"
        yield from wrapped(f"{start} {_held(held)}", look.width, _MARGIN, _MARGIN)


def _held(held: HeldFact) -> str:
    who = "whoever holds the seat" if held.who == "role" else f"the {held.who}"
    fact = f"the {held.kind} is {held.id}" if held.id else f"there is no such {held.kind}"
    if held.replaced_by:
        return harmless(f"{fact}: another {' or '.join(held.replaced_by)}, by {who}, takes its place")
    return harmless(f"{fact}: not a receipt: {who} makes it")
