"""Many ledgers for a person: a line a policy, then all that is undecided, and all that could not be judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.escape import harmless
from interlock.model.decision import VerdictName
from interlock.model.fleet import Fault, PolicyCounts, Summary
from interlock.reporting.style import RenderContext, aligned, counted
from interlock.reporting.text import VERDICT_COLOURS

_VERDICTS: tuple[VerdictName, ...] = ("allowed", "denied", "undecided")


def as_text(found: Summary, look: RenderContext) -> str:
    """The counts of each policy; every undecided decision, fault and note by ledger; at the end the sum."""
    end = found.end
    lines = aligned([each.policy, *_counts(each)] for each in end.policies)
    lines += [harmless(f"params {name}={value}") for name, value in end.terms.params.items()]
    lines += _listed(
        look,
        ("undecided", "undecided"),
        ((path, f"task {each.task}", each.policy, _line(each.reason)) for path, each in found.undecided),
    )
    lines += faults_and_notes("not judged", found.faults, found.notes, look)
    return "".join(f"{line}\n" for line in (*lines, "", *_sum(found)))


def _counts(each: PolicyCounts) -> Iterator[str]:
    for verdict in _VERDICTS:
        waived = f" ({each.waived:,} with waivers)" if verdict == "allowed" and each.waived else ""
        yield f"{getattr(each, verdict):,} {verdict}{waived}"


def faults_and_notes(title: str, faults: Iterable[Fault], notes: Iterable[str], look: RenderContext) -> Iterator[str]:
    """The ledgers of which nothing is known, under that title, and those that may be incomplete."""
    rows = ((each.path, _line(each.why)) for each in faults)
    yield from _listed(look, (title, "denied"), rows)
    yield from _listed(look, ("may be incomplete", "warn"), ((_line(each),) for each in notes))


def _listed(look: RenderContext, head: tuple[str, str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows under a head, which is a text and what it is coloured as; nothing where there are none."""
    cells = [tuple(map(harmless, row)) for row in rows]
    if not cells:
        return []
    title, coloured_as = head
    lines = aligned(cells, width=None if look.width is None else max(1, look.width - 2))
    return ["", look.paint(title, VERDICT_COLOURS[coloured_as]), *(f"  {line}" for line in lines)]


def _line(text: str) -> str:
    return text.partition("\n")[0]


def _sum(found: Summary) -> Iterator[str]:
    end = found.end
    judged = f"{end.ledgers - end.faults:,} of " if end.faults else ""
    taken = f" ({end.taken_over:,} of them at {found.oldest} or later, and unchanged)" if end.taken_over else ""
    yield f"{judged}{counted(end.ledgers, 'ledger')} judged at {end.now}{taken}: {counted(end.decisions, 'decision')}"
