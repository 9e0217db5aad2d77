"""Issues for programs: one JSON object a line, as `schemas/issue.schema.json` states it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from interlock.diagnostics import Issue, Source
from interlock.escape import harmless


def render(issues: Sequence[Issue], _: Sequence[Source]) -> str:
    """One line an issue."""
    return "".join(f"{harmless(msgspec.json.encode(_plain(issue)).decode())}\n" for issue in issues)


def _plain(issue: Issue) -> dict[str, object]:
    place = issue.location
    where = {"file": _text(place.name), "line": place.line, "column": place.column, "width": place.width}
    told = {"message": _text(issue.message), "hint": None if issue.hint is None else _text(issue.hint)}
    return {**where, "code": issue.code, "level": issue.level, **told}


def _text(text: str) -> str:
    """The text, with the bytes of a file's name that are no text spelled out."""
    return text.encode(errors="backslashreplace").decode()
