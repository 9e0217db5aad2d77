"""Finds policies by id or path, and has them ready to judge: read, parsed, checked, compiled, kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from interlock import cache, schemas
from interlock.compiled import CompiledPolicy
from interlock.errors import PolicyError, UsageError
from interlock.evaluation import Loaded
from interlock.listing import is_meant
from interlock.policy import Policy
from interlock.shipped import data_folder
from interlock.source import Issue, Source, digest, nearest

if TYPE_CHECKING:
    from interlock.parser import Document

_LARGEST = 1 << 20
"""The most bytes that are read of a policy file."""


class Listing(msgspec.Struct, frozen=True):
    """A policy as a list shows it; `question` is empty when the file is no valid policy."""

    id: str
    path: str
    title: str
    question: str


class Library:
    """The policies that ship with interlock, and those of further folders. An id that is in two places is refused."""

    def __init__(
        self, folders: Sequence[str | os.PathLike[str]] = (), *, beside_first: bool = False, cached: bool = True
    ) -> None:
        """With `beside_first`, a needed policy beside the one that needs it is meant, wherever else its id is too.

        Unless `cached`, every policy is compiled from its source, and the cache of compiled policies is left alone.
        """
        self.beside_first, self.cached = beside_first, cached
        self.folders = (data_folder("policies"), *(os.fspath(folder) for folder in folders))
        self._loaded: dict[str, tuple[tuple[int, ...], Loaded]] = {}

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
        near = nearest(word, known)
        hint = f"did you mean `{near}`?" if near else f"there is {', '.join(known)}"
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

    def list(self) -> tuple[Listing, ...]:
        """Every policy of the library, sorted by id."""
        found = []
        for identity in self.ids():
            try:
                path = self.path(identity)
            except UsageError:  # a link that leads nowhere
                continue
            try:
                policy = self.load(path).policy
                found.append(Listing(identity, path, policy.title, policy.question))
            except PolicyError:
                found.append(Listing(identity, path, "(invalid)", ""))
            except UsageError:
                found.append(Listing(identity, path, "(cannot be read)", ""))
        return tuple(found)

    def load(self, name: str | os.PathLike[str], beside: str | None = None) -> Loaded:
        """The policy, ready to judge. Raises UsageError when there is no such file, PolicyError when it is invalid."""
        return self._load(self.path(name, beside), ())

    def source(self, name: str | os.PathLike[str]) -> Source:
        """The text of a policy's file, line ends as they are. Raises UsageError when there is no such file."""
        path = self.path(name)
        with open(path, encoding="utf-8", newline="") as file:
            return Source(path, file.read())

    def written(self, name: str | os.PathLike[str], wanted: str) -> Document | None:
        """A policy as its file has it, by its digest; None where the file was written to since it was judged by."""
        from interlock.parser import parse

        with open(self.path(name), "rb") as file:
            source = Source(file.name, file.read().decode(errors="replace"))
        document, _ = parse(source)
        return document if digest(source.text) == wanted else None

    def document(self, loaded: Loaded) -> Document:
        """A loaded policy as its file has it. Raises UsageError where the file was written to since."""
        for suffix in (".yaml", ".yml"):
            path = os.path.join(loaded.folder, loaded.policy.id + suffix)
            found = self.written(path, loaded.policy.digest) if os.path.isfile(path) else None
            if found is not None:
                return found
        raise UsageError(f"the policy `{loaded.policy.id}` was written to while it was read; ask again")

    def _load(self, path: str, above: tuple[str, ...]) -> Loaded:
        """The policy in a file. `above` are the ids of those that need it, which it may not need in turn."""
        try:
            status = os.stat(path)
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"cannot read the policy `{path}`: it is no regular file")
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._loaded.get(path)
            if known and known[0] == signature and self._current(known[1].policy, path, above):
                return known[1]
            with open(path, "rb") as file:
                content = file.read(_LARGEST)
        except OSError as error:
            raise UsageError(f"cannot read the policy `{path}`: {(error.strerror or str(error)).lower()}") from None
        if status.st_size > _LARGEST:
            message = f"the file has {status.st_size:,} bytes; a policy has at most {_LARGEST:,}"
            raise PolicyError((Issue("E001", message, Source(path, "").location(0)),))
        loaded = Loaded(self._made(path, content, above), _folder(path))
        self._loaded[path] = (signature, loaded)
        return loaded

    def _made(self, path: str, content: bytes, above: tuple[str, ...]) -> CompiledPolicy:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            source = Source(path, content[: error.start].decode())
            issue = Issue("E002", "the file is not UTF-8 text", source.location(len(source.text)))
            raise PolicyError((issue,), (source,)) from None
        if not self.cached:
            return self._compiled(path, text, above)
        name = cache.key(schemas.digest(), os.path.basename(path), text)
        kept = cache.load(name)
        if kept is not None and kept.policy.digest == digest(text) and self._current(kept.policy, path, above):
            return kept
        compiled = self._compiled(path, text, above)
        cache.store(name, compiled)
        return compiled

    def _compiled(self, path: str, text: str, above: tuple[str, ...]) -> CompiledPolicy:
        """The policy of a text, whatever is kept of it."""
        from interlock.making import make

        return make(Source(path, text), lambda identity: self._needed(identity, path, above))

    def _current(self, policy: Policy, path: str, above: tuple[str, ...]) -> bool:
        """Whether the policies that this one was checked against are still the same."""
        found = (self._needed(need.policy, path, above) for need in policy.needs)
        return all(
            not isinstance(each, str) and each.digest == need.digest
            for each, need in zip(found, policy.needs, strict=True)
        )

    def _needed(self, identity: str, path: str, above: tuple[str, ...]) -> Policy | str:
        """A policy that the one at `path` needs, or why it cannot be had."""
        chain = (*above, os.path.splitext(os.path.basename(path))[0])
        if identity in chain:
            cycle = (*chain[chain.index(identity) :], identity)
            return f"a cycle of needs: {' → '.join(f'`{step}`' for step in cycle)}"
        try:
            return self._load(self.path(identity, _folder(path)), chain).policy
        except UsageError as error:
            return str(error)
        except PolicyError as error:
            return f"the needed policy `{identity}` is invalid: {error.issues[0].message}"


def _folder(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))
