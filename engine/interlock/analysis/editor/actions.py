"""What an editor can do by itself about an issue: to write what its hint says."""

from __future__ import annotations

import re

import msgspec

from interlock.analysis.editor.lines import Lines
from interlock.analysis.editor.rename import Edit
from interlock.diagnostics import Issue

_WORD = re.compile(r"`([^`]*)`")
_MEANT = re.compile(r"did you mean `([^`]*)`\?$")
_QUOTED = re.compile(r"quote the whole value: '((?:[^']|'')*)'$")
_WRITTEN = re.compile(
    r"(?:or quote it|a text stands between quotes|name its fact|a parameter is named with params): (\S+)$"
)


class Action(msgspec.Struct, frozen=True):
    """An edit that does away with an issue, as its hint says."""

    title: str
    issue: Issue
    edit: Edit


def actions(text: str, issue: Issue) -> list[Action]:
    """The edits that do what an issue's hint says; none where that takes an author."""
    if issue.hint is None:
        return []
    start, end = Lines(text).span(issue.location)
    meant, quoted, written = (each.search(issue.hint) for each in (_MEANT, _QUOTED, _WRITTEN))
    if quoted is not None:
        return _quoting(text, issue, quoted[1], start)
    found = meant or written
    edit = None if found is None else _replacing(text, issue, found[1], start, end)
    return [] if edit is None else [Action(f"Write {edit.text}", issue, edit)]


def _replacing(text: str, issue: Issue, right: str, start: int, end: int) -> Edit | None:
    """The edit that writes the right word in place of the one that the message names first."""
    named = _WORD.search(issue.message)
    wrong, shown = named[1] if named is not None else "", text[start:end]
    if not wrong:
        return None
    if shown == wrong:
        return Edit(start, end, right)
    if shown.count(wrong) == 1:
        at = start + shown.index(wrong)
        return Edit(at, at + len(wrong), right)
    above = wrong.removesuffix(shown)
    if shown and above != wrong and right.startswith(above):  # the last word of a path
        return Edit(start, end, right.removeprefix(above))
    return None


def _quoting(text: str, issue: Issue, quoted: str, start: int) -> list[Action]:
    """The edit that puts a whole value, on the line of the issue, into quotes."""
    value = quoted.replace("''", "'")
    line = text.rfind("\n", 0, start) + 1
    at = text.find(value, line)
    if not value or not line <= at <= start + len(value):
        return []
    return [Action("Quote the whole value", issue, Edit(at, at + len(value), f"'{quoted}'"))]
