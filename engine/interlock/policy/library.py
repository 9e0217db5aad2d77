"""Finds policies by id or path, and has them ready to judge: read, parsed, checked, compiled, kept."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import msgspec

from interlock.diagnostics import PolicyError, UsageError, did_you_mean
from interlock.evaluation.judge import Loaded
from interlock.files import is_meant
from interlock.policy.needs import KnownPolicies, Reading
from interlock.resources import data_folder


class PolicySummary(msgspec.Struct, frozen=True):
    """A policy as a list shows it; `question` is empty when the file is not a valid policy."""

    id: str
    path: str
    title: str
    question: str


class Library:
    """The policies that ship with interlock, and those of further folders. An id that is in two places is refused."""

    def __init__(
        self, folders: Sequence[str | os.PathLike[str]] = (), *, beside_first: bool = False, cached: bool = True
    ) -> None:
        """With `beside_first`, a needed policy is the one beside the policy that needs it, wherever else its id exists.

        Unless `cached`, every policy is compiled from its source, and the cache of compiled policies is left alone.
        """
        self.beside_first, self.cached = beside_first, cached
        self.folders = (data_folder("policies"), *(os.fspath(folder) for folder in folders))
        self._known: dict[str, KnownPolicies] = {}

    def path(self, name: str | os.PathLike[str], beside: str | None = None) -> str:
        """The file of a policy, by its id or its path. `beside` is the folder of the policy that asks.

        Raises UsageError when there is none, or more than one.
        """
        word = os.fspath(name)
        if word.endswith((".yaml", ".yml")) or os.path.dirname(word):
            return word
        if self.beside_first and beside and os.path.isfile(near_by := os.path.join(beside, f"{word}.yaml")):
            return near_by
        folders = dict.fromkeys(os.path.abspath(folder) for folder in (*self.folders, *([beside] if beside else [])))
        found = [path for folder in folders if os.path.isfile(path := os.path.join(folder, word + ".yaml"))]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"`{word}` is in several places: {', '.join(found)}; name the one you mean by its path")
        known = self.ids()
        hint = did_you_mean(word, known) or f"there is {', '.join(known)}"
        raise UsageError(f"unknown policy `{word}`; {hint}")

    def ids(self) -> list[str]:
        """The ids of every policy in the library's folders, sorted."""
        names = {
            name
            for folder in self.folders
            if os.path.isdir(folder)
            for name in os.listdir(folder)
            if name.endswith(".yaml") and not name.endswith("_test.yaml") and is_meant(folder, name)
        }
        return sorted(name.removesuffix(".yaml") for name in names)

    def list(self) -> tuple[PolicySummary, ...]:
        """Every policy of the library, sorted by id."""
        found, reading = [], self.reading()
        for identity in self.ids():
            try:
                path = self.path(identity)
            except UsageError:  # a link that leads nowhere
                continue
            try:
                policy = reading.load(path).policy
                found.append(PolicySummary(identity, path, policy.title, policy.question))
            except PolicyError:
                found.append(PolicySummary(identity, path, "(invalid)", ""))
            except UsageError:
                found.append(PolicySummary(identity, path, "(cannot be read)", ""))
        return tuple(found)

    def load(self, name: str | os.PathLike[str]) -> Loaded:
        """The policy, ready to judge, with all that it needs.

        Raises UsageError when there is no such file, PolicyError when it is invalid.
        """
        return self.loads([name])[0]

    def loads(self, names: Iterable[str | os.PathLike[str]]) -> tuple[Loaded, ...]:
        """Policies in one reading of their files, and of those of all that they need. Raises as `load` does."""
        reading = self.reading()
        return tuple(reading.load(self.path(name)) for name in names)

    def reading(self) -> Reading:
        """One reading of files; what has been read once is kept, unless it has changed."""
        return Reading(self.path, self._known, cached=self.cached)
