"""Where the name under the caret is declared, and where else it is used."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from interlock.analysis.editor.draft import Draft, text_of
from interlock.analysis.editor.symbols import Occurrence, Symbol, at_offset, occurrences
from interlock.analysis.editor.tolerant import Place, of_path, place_at
from interlock.policy.parse import Document
from interlock.resources import data_folder
from interlock.schemas.documents import SUFFIX
from interlock.schemas.wording import Path


class Target(msgspec.Struct, frozen=True):
    """A place in a file: its path, and offsets into its text."""

    path: str
    start: int = 0
    end: int = 0


Find = Callable[[str], str | None]
"""The file of a policy by its id; None where there is none."""
Open = Callable[[str], Draft | None]
"""The draft of a policy's file; None where it cannot be read."""


def uses(draft: Draft, offset: int) -> list[Occurrence]:
    """Every occurrence of the symbol at an offset of a policy."""
    found = occurrences(draft)
    named = at_offset(found, offset)
    return [each for each in found if named is not None and each.symbol == named.symbol]


def from_policy(draft: Draft, path: str, offset: int, find: Find, opened: Open) -> Target | None:
    """Where what is at an offset of the policy at `path` is declared."""
    declared = [each for each in uses(draft, offset) if each.declares]
    if declared:
        return Target(path, declared[0].start, declared[0].end)
    place = place_at(draft.document, offset)
    match place.path if place is not None else ():
        case ("needs", _, "policy"):
            return _policy(find(text_of(draft.document, place.path) or ""), opened) if place else None
        case ("needs", str(name), "with", str(parameter)) if place and place.is_key:
            need = draft.section("needs").get(name)
            file = find(str(need.get("policy"))) if isinstance(need, dict) else None
            return _in_policy(file, opened, ("params", parameter))
        case ("facts", _, "from", *_) if place:
            return _kind(draft, text_of(draft.document, place.path))
    return None


def from_test(document: Document, offset: int, file: str | None, opened: Open) -> Target | None:
    """Where what is at an offset of a test is declared in the policy's `file`."""
    place = place_at(document, offset)
    if place is None:
        return None
    word = str(place.path[-1]) if place.is_key else text_of(document, place.path) or ""
    match place.path:
        case ("policy",):
            return _policy(file, opened)
        case (*_, "findings", int()) | (*_, "findings", int(), "rule"):
            return _rule(file, opened, word)
        case (*_, "params", str(name)) if place.is_key:
            return _in_policy(file, opened, ("params", name))
        case (*_, "expect", "outputs", str(name)) if place.is_key:
            return _in_policy(file, opened, ("outputs", name))
        case (*_, "expect", "state"):
            return _state(file, opened, word)
    return None


def from_waivers(document: Document, offset: int, find: Find, opened: Open) -> Target | None:
    """Where the policy or the rule at an offset of a list of waivers is declared."""
    place = place_at(document, offset)
    match place.path if place is not None else ():
        case (int(number), "policy" | "rule" as key):
            file = find(text_of(document, (number, "policy")) or "")
            return _policy(file, opened) if key == "policy" else _rule(file, opened, text_of(document, (number, key)))
    return None


def _policy(file: str | None, opened: Open) -> Target | None:
    return _in_policy(file, opened, ("policy",)) or (Target(file) if file is not None else None)


def _in_policy(file: str | None, opened: Open, path: Path) -> Target | None:
    return _found(file, opened, lambda draft: of_path(draft.document, path, is_key=True))


def _rule(file: str | None, opened: Open, identity: str | None) -> Target | None:
    wanted = Symbol("rule", identity or "")
    return _found(file, opened, lambda draft: next((o for o in occurrences(draft) if o.symbol == wanted), None))


def _state(file: str | None, opened: Open, state: str) -> Target | None:
    def place(draft: Draft) -> Place | None:
        lines = draft.data.get("decide")
        for index, line in enumerate(lines if isinstance(lines, list) else ()):
            if isinstance(line, dict) and line.get("state") == state:
                return of_path(draft.document, ("decide", index, "state"), is_key=False)
        return None

    return _found(file, opened, place)


def _found(file: str | None, opened: Open, place: Callable[[Draft], Place | Occurrence | None]) -> Target | None:
    """A place in the policy in a file, where there is one."""
    draft = opened(file) if file is not None else None
    found = place(draft) if draft is not None else None
    return Target(file, found.start, found.end) if file is not None and found is not None else None


def _kind(draft: Draft, kind: str | None) -> Target | None:
    """The schema of a fact kind: the project's own, or one that ships with interlock."""
    if kind is None or kind not in draft.catalog.kinds:
        return None
    own = draft.catalog.own.get(kind)
    if own is not None:
        return Target(os.path.abspath(own.source.name))
    return Target(os.path.join(data_folder("schemas"), "facts", f"{kind}{SUFFIX}"))
