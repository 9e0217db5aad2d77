"""Where two versions of a policy decide differently: for a person."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.escape import harmless
from interlock.model.decision import verdict_word
from interlock.model.diff import Comparison, Difference, Direction, Side, Version
from interlock.reporting.params import params_text
from interlock.reporting.style import Paint, RenderContext, counted, wrapped

_HEADS: dict[Direction, tuple[str, str]] = {
    "softer": ("newly allowed", "red"),
    "stricter": ("no longer allowed", "yellow"),
    "other": ("same verdict, different state or findings", "cyan"),
}
"""The heading and colour of each sort of difference, the worst first."""


def as_text(found: Comparison, look: RenderContext) -> str:
    """The two versions; the differences, what became allowed first; at the end the sum."""
    lines = [f"old  {_version(found.old)}", *_params(found.old), f"new  {_version(found.new)}", *_params(found.new)]
    lines += [f"     only the {each.of} one has the parameter {harmless(each.param)}" for each in found.one_sided]
    lines.append("")
    wide = max((len(harmless(each.task)) for each in found.differences), default=0)
    for change, (head, colour) in _HEADS.items():
        those = found.of(change)
        if those:
            lines += [look.paint(f"{head}: {_times(those)}", colour)]
            for each in those:
                lines += [line for text in _difference(each, wide) for line in _wrapped(text, wide, look)]
            lines.append("")
    return "".join(f"{line}\n" for line in (*lines, _sum(found, look.paint)))


def _wrapped(text: str, wide: int, look: RenderContext) -> Iterator[str]:
    margin = " " * (wide + 4)
    return wrapped(text[len(margin) :], look.width, text[: len(margin)], f"{margin}  ")


def _version(version: Version) -> str:
    return f"{version.policy}  {harmless(version.path)}  {version.digest[:15]}"


def _params(version: Version) -> Iterator[str]:
    if params := params_text(version.params):
        yield f"     params: {params}"


def _times(those: tuple[Difference, ...]) -> str:
    return f"{counted(len(those), 'interval')} in {counted(len({each.task for each in those}), 'task')}"


def _difference(each: Difference, wide: int) -> Iterator[str]:
    until = f"to {each.until}" if each.until else "on"
    when = f"from {each.since} {until}"
    yield f"  {harmless(each.task):{wide}}  {when}: {_side(each.old)} -> {_side(each.new)}"
    for message, rules in (("no longer", each.vanished), ("new", each.appeared)):
        if rules:
            yield f"  {'':{wide}}  {message}: {', '.join(rules)}"
    for why, side, other in (("was undecided", each.old, each.new), ("undecided", each.new, each.old)):
        if side.reason is not None and side.reason != other.reason:
            yield f"  {'':{wide}}  {why}: {harmless(side.reason)}"


def _side(side: Side) -> str:
    word = verdict_word(side.allow)
    return word if side.allow is None else f"{word} ({harmless(side.state)})"


def _sum(found: Comparison, paint: Paint) -> str:
    over = f"over the history of {counted(len(found.tasks), 'task')}"
    skipped = f"; nothing was recorded of {len(found.skipped):,} more" if found.skipped else ""
    if not found.differences:
        return f"{paint('no difference', 'green')} {over}{skipped}"
    counts = ", ".join(f"{len(found.of(change))} {change}" for change in _HEADS)
    return f"{counted(len(found.differences), 'difference')} {over}: {counts}{skipped}"
