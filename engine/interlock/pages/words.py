"""How the parts of a policy are put into words, in graphs and pages alike."""

from __future__ import annotations

from collections.abc import Callable

from interlock.model.policy import Effect, Selection, Take

EFFECTS: dict[Effect, str] = {"block": "blocks", "warn": "warns", "note": "notes", "derive": "derives"}
_TAKEN: dict[Take, str] = {
    "all": "all of",
    "latest": "the latest of",
    "earliest": "the earliest of",
    "count": "the number of",
    "min": "the least",
    "max": "the greatest",
    "sum": "the sum of",
}


def same(name: str) -> str:
    """The name as it is."""
    return name


def taken(selection: Selection, show: Callable[[str], str] = same) -> str:
    """What a selection takes of which facts, such as `the latest of seat for each role`; `show` shows the names."""
    source = [selection.parent] if selection.parent is not None else selection.kinds
    of = f" {show(selection.of)} of" if selection.of is not None else ""
    where = " of the whole ledger" if selection.scope == "ledger" and selection.parent is None else ""
    named = f" of {listed(selection.groups, show)}" if selection.groups else ""
    each = f" for each {listed(selection.per, show)}{named}" if selection.per else ""
    return f"{_TAKEN[selection.take]}{of} {listed(source, show)}{where}{each}"


def loops(names: tuple[str, ...], show: Callable[[str], str] = same) -> str:
    """What a rule ranges over, such as ` for each seat`; nothing where it ranges over nothing."""
    return f" for each {listed(names, show)}" if names else ""


def listed(names: tuple[str, ...] | list[str], show: Callable[[str], str] = same, last_word: str = "and") -> str:
    """Names joined for people: `a`, `a and b`, `a, b and c`."""
    *most, last = map(show, names)
    return f"{', '.join(most)} {last_word} {last}" if most else last
