"""The tasks of a ledger, and the texts that name them: each names one task, or is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from interlock.diagnostics import FactError, UsageError

Rows = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]
_MATCHING = "SELECT id, name FROM {tasks} WHERE id = :text OR name = :text ORDER BY rowid"
_ALL = "SELECT id, name, (instant_of(created_at) > asked_instant()) IS TRUE FROM {tasks} ORDER BY rowid"


class Task(msgspec.Struct, frozen=True):
    """A task by its id. `label` is what it is known by: its name, or its id where the name may mean another task."""

    id: str
    label: str


class Tasks:
    """The tasks of one snapshot. `rows` runs a query over it, and `table` names them."""

    def __init__(self, rows: Rows, table: str) -> None:
        self._rows, self._table = rows, table
        self._known: dict[str, Task] = {}

    def find(self, text: str) -> Task:
        """The task of that name or id. Raises UsageError when there is none, or when the text may mean several."""
        if text not in self._known:
            self._known[text] = self._found(text)
        return self._known[text]

    def labels(self) -> list[str]:
        """The label of each task so far, once, oldest first. Raises UsageError for a task that no text means alone."""
        rows = self._rows(_ALL.format(tasks=self._table), {})
        tasks = [_texts(row) for row in rows]
        meant = Counter(text for task in tasks for text in set(task))
        found = []
        for (identity, name), (*_, later) in zip(tasks, rows, strict=True):
            label = next((text for text in (name, identity) if meant[text] == 1), None)
            if later:
                continue
            if label is None:
                raise UsageError(_several(name, self._matching(name)))
            self._known[label] = Task(identity, label)
            found.append(label)
        return found

    def _found(self, text: str) -> Task:
        matching = self._matching(text)
        if not matching:
            return self.find(self._alike(text))
        if len(matching) > 1:
            raise UsageError(_several(text, matching))
        ((identity, name),) = matching
        return Task(identity, name if name == text or len(self._matching(name)) == 1 else identity)

    def _matching(self, text: str) -> list[tuple[str, str]]:
        """The id and the name of each task that a text may mean."""
        return [_texts(row) for row in self._rows(_MATCHING.format(tasks=self._table), {"text": text})]

    def _alike(self, text: str) -> str:
        """The one label that is the same text, composed of other code points. Raises UsageError."""
        known = self.labels()
        if not text.isascii():
            from unicodedata import normalize

            same = [label for label in known if normalize("NFC", label) == normalize("NFC", text)]
            if len(same) == 1:
                return same[0]
            if same:
                listed = " and ".join(ascii(label) for label in same)
                raise UsageError(f"{len(same)} tasks have names similar to `{text}`: {listed}; say which by its id")
        raise UsageError(_unknown(text, known))


def _texts(row: tuple[Any, ...]) -> tuple[str, str]:
    identity, name = row[:2]
    if not isinstance(identity, str) or not isinstance(name, str):
        raise FactError(f"the ledger holds a task whose id or name is not a text ({identity!r}, {name!r})")
    return identity, name


def _several(text: str, matching: Iterable[tuple[str, str]]) -> str:
    tasks = list(matching)
    listed = ", ".join(f"`{identity}`" for identity, _ in tasks[-3:])
    if all(name == text for _, name in tasks):
        return f"{len(tasks)} tasks are named `{text}`; say which by its id: {listed}"
    other = next(name for identity, name in tasks if identity == text)
    named = ", ".join(f"`{identity}`" for identity, name in tasks if identity != text)
    return f"`{text}` is the name of the task {named} and the id of the task named `{other}`; say `{other}`, or {named}"


def _unknown(text: str, known: list[str]) -> str:
    from difflib import get_close_matches

    if not known:
        return f"unknown task `{text}`; the ledger has no task yet"
    *firsts, last = [f"`{near}`" for near in get_close_matches(text, known)] or [""]
    meant = f"did you mean {' or '.join(filter(None, [', '.join(firsts), last]))}? " if last else ""
    return f"unknown task `{text}`; {meant}`interlock tasks` lists all {len(known):,}"
