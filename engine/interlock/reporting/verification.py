"""What is said of a ledger that was verified: for a person."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.escape import harmless
from interlock.model.verification import FaultCounts, FutureTimes, KindCounts, Verification
from interlock.reporting.style import Paint, RenderContext, counted, wrapped

_MARGIN = " " * 9


def as_text(found: Verification, look: RenderContext) -> str:
    """A table of the kinds; each sort of fault with its first facts; at the end the sum."""
    paint = look.paint
    lines = [f"{'count':>9}  {'invalid':>9}  kind", *(_kind(kind, paint) for kind in found.kinds)]
    lines += [f"{'-':>9}  {'-':>9}  {kind}: the ledger has no table `{table}`" for kind, table in found.absent.items()]
    if found.damage:
        lines += ["", f"{paint('damaged', 'red')}  the file itself; restore a sound copy"]
        lines += [f"{_MARGIN}{harmless(each)}" for each in found.damage]
    for fault in found.faults:
        lines += ["", *_wrapped(_fault(fault, paint), look)]
    if found.ahead is not None and found.ahead.count:
        lines += ["", *_wrapped(_ahead(found.ahead, paint), look)]
    return "".join(f"{line}\n" for line in (*lines, "", _sum(found, paint)))


def _wrapped(lines: Iterator[str], look: RenderContext) -> Iterator[str]:
    """A labelled line, which is short, and those below it, wrapped."""
    yield next(lines)
    for line in lines:
        yield from wrapped(line.removeprefix(_MARGIN), look.width, _MARGIN, f"{_MARGIN}  ")


def _kind(kind: KindCounts, paint: Paint) -> str:
    invalid = f"{kind.invalid:>9,}"
    note = "" if kind.known else ": no schema, only what every receipt has is verified"
    return f"{kind.count:>9,}  {paint(invalid, 'red') if kind.invalid else invalid}  {harmless(kind.kind)}{note}"


def _fault(fault: FaultCounts, paint: Paint) -> Iterator[str]:
    yield f"{paint('invalid', 'red')}  {harmless(fault.kind)}: {harmless(fault.fault)}"
    for example in fault.first:
        which = "" if example.seq is None else f"`{harmless(example.id or 'null')}` (seq {example.seq}): "
        yield f"{_MARGIN}{which}{harmless(example.message)}"
    if fault.count > len(fault.first):
        yield f"{_MARGIN}and {fault.count - len(fault.first):,} more"


def _ahead(ahead: FutureTimes, paint: Paint) -> Iterator[str]:
    facts = "1 fact carries a time" if ahead.count == 1 else f"{ahead.count:,} facts carry times"
    yield f"{paint('ahead', 'yellow')}    {facts} later than the clock"
    for example in ahead.first:
        yield f"{_MARGIN}{harmless(example.message)}"
    if ahead.count > len(ahead.first):
        yield f"{_MARGIN}and {ahead.count - len(ahead.first):,} more"


def _sum(found: Verification, paint: Paint) -> str:
    receipts = sum(not kind.entity for kind in found.kinds)
    entities = sum(kind.entity and kind.count > 0 for kind in found.kinds)
    if found.valid is None and not found.damage:
        return f"the ledger holds no receipt: {paint('nothing was verified', 'yellow')}"
    verdicts = [paint("the file is damaged", "red")] if found.damage else []
    if found.invalid or not found.damage:
        verdicts.append(paint(f"{found.invalid:,} invalid", "red") if found.invalid else paint("all valid", "green"))
    of_receipts = f"{counted(found.receipts, 'receipt')} of {counted(receipts, 'kind')}"
    of_entities = f"{counted(found.entities, 'entity', 'entities')} of {counted(entities, 'kind')}"
    return f"{of_receipts}, {of_entities}: {', '.join(verdicts)}"
