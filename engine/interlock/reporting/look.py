"""How a report looks where it is read."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


def plain(text: str, _: str) -> str:
    """The text without a colour."""
    return text


class Look(msgspec.Struct, frozen=True):
    """What a report may know of its reader, and of the policies that it tells of.

    `paint(text, colour)` colours a text. `width` is the number of columns that prose is wrapped to; without it nothing
    is. `questions` has the question that a policy asks, by the policy's digest.
    """

    paint: Callable[[str, str], str] = plain
    width: int | None = None
    questions: dict[str, str] = {}
