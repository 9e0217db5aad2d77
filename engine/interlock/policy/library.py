"""Finds policies by id or path, and has them ready to judge: read, parsed, checked, compiled, kept.

A `Reading` is one pass over the files, each of which it reads once. Its results are kept from one pass to the next for
as long as the file, and all that it needs, are the same: valid policies and invalid ones alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import msgspec

from interlock.diagnostics import Issue, PolicyError, Source, UsageError, digest, meant_or_all
from interlock.evaluation.judge import Loaded
from interlock.files import UnreadableError, is_meant, read_source, reason
from interlock.model.compiled import CompiledPolicy
from interlock.model.policy import Policy
from interlock.policy import cache
from interlock.resources import data_folder
from interlock.schemas import SHIPPED, Catalog, beside, schemas_digest

MAX_NEED_DEPTH = 64
"""The most policies in a row that need each other."""


class PolicySummary(msgspec.Struct, frozen=True):
    """A policy as a list shows it; `question` is empty when the file is not a valid policy."""

    id: str
    path: str
    title: str
    question: str


class Library:
    """The policies that ship with interlock, and those of further folders. An id that is in two places is refused."""

    def __init__(
        self,
        folders: Sequence[str | os.PathLike[str]] = (),
        schema_dirs: Sequence[str | os.PathLike[str]] = (),
        *,
        beside_first: bool = False,
        cached: bool = True,
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`schema_dirs` are folders of own fact kinds, beside those that lie beside policies.

        With `beside_first`, a needed policy is the one beside the policy that needs it, wherever else its id exists.

        Unless `cached`, every policy is compiled from its source, and the cache of compiled policies is left alone.
        `texts`, by absolute path, stand for what the files hold, as they are at the time of each reading. What has been
        read is `known`, by absolute path.
        """
        self.beside_first, self.cached, self.texts = beside_first, cached, texts
        self.schema_dirs = tuple(os.fspath(folder) for folder in schema_dirs)
        self.folders = (data_folder("policies"), *(os.fspath(folder) for folder in folders))
        self.known: dict[str, KnownPolicies] = {}

    def path(self, name: str | os.PathLike[str], beside: str | None = None) -> str:
        """The file of a policy, by its id or its path. `beside` is the folder of the policy that asks.

        Raises UsageError when there is none, or more than one.
        """
        word = os.fspath(name)
        if is_path(word):
            return word
        if self.beside_first and beside and self.has(near_by := os.path.join(beside, f"{word}.yaml")):
            return near_by
        folders = dict.fromkeys(os.path.abspath(folder) for folder in (*self.folders, *([beside] if beside else [])))
        found = [path for folder in folders if self.has(path := os.path.join(folder, word + ".yaml"))]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"`{word}` is in several places: {', '.join(found)}; name the one you mean by its path")
        known = self.ids()
        raise UsageError(f"unknown policy `{word}`; {meant_or_all(word, known)}")

    def has(self, path: str) -> bool:
        """Whether there is a file, or a text in its place."""
        return os.path.isfile(path) or self._text(path) is not None

    def source(self, path: str, noun: str) -> Source:
        """The text of a file, which is a `noun`. Raises as `read_source`."""
        text = self._text(path)
        return read_source(path, noun) if text is None else Source(path, text)

    def _text(self, path: str) -> str | None:
        return self.texts.get(os.path.abspath(path)) if self.texts else None

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
        return Reading(self)

    def catalog_at(self, folder: str) -> Catalog:
        """The kinds that the policies in a folder may name: those that ship, and those whose schemas are named, or lie
        beside them. Raises as `catalog_of`."""
        try:
            place = os.path.abspath(folder)
        except FileNotFoundError:  # the folder that the command runs in is gone
            place = folder
        folders = (*self.schema_dirs, *map(near, beside(place)))
        if not folders:
            return SHIPPED
        from interlock.schemas.own import catalog_of

        return catalog_of(folders)

    def catalog(self, names: Iterable[str | os.PathLike[str]] = ()) -> Catalog:
        """The kinds that any policy of the library may name, or one of these names; without names, also in this folder.

        Raises as `catalog_of`, and PolicyError where two folders have different kinds of one name.
        """
        named = [os.path.dirname(word) or os.curdir for name in names if is_path(word := os.fspath(name))]
        near_by = named if names else [os.curdir]
        found = [self.catalog_at(folder) for folder in (*self.folders, *near_by)]
        if all(each is SHIPPED for each in found):
            return SHIPPED
        from interlock.schemas.own import union

        return union(found)


def is_path(name: str) -> bool:
    """Whether a policy is named by its file, not by its id."""
    return name.endswith((".yaml", ".yml")) or bool(os.path.dirname(name))


def near(path: str) -> str:
    """The path from the folder that the command runs in, where it is below."""
    try:
        below = os.path.relpath(path)
    except (OSError, ValueError):  # the folder is gone, or on another drive
        return path
    return path if below.startswith(os.pardir) else below


class NeedRefused(msgspec.Struct, frozen=True):
    """Why a needed policy cannot be had. `file` is the one that is to blame, if that is an invalid policy.

    `cause` is reported by those that need it through others: it names only the policy that is at fault.
    """

    message: str
    file: str | None = None
    cause: str = ""


class Invalid(msgspec.Struct, frozen=True):
    """An invalid policy. `cause` is its first issue; `file` is the one that is to blame for that issue."""

    error: PolicyError
    cause: str
    file: str


class KnownPolicies(msgspec.Struct, frozen=True):
    """What a file came to, which policies it needs, and what these were."""

    signature: tuple[int, ...] | str
    catalog: Catalog
    needs: Mapping[str, Loaded | NeedRefused]
    found: Loaded | Invalid


class Reading:
    """One pass over the policies of a library."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._found: dict[str, Loaded | Invalid | str] = {}
        self._above: list[str] = []

    @cached_property
    def _schemas(self) -> str:
        """The shipped schemas, as they are at the time of this reading."""
        return schemas_digest()

    def load(self, path: str) -> Loaded:
        """The policy in a file. Raises UsageError when the file cannot be read, PolicyError when it is invalid."""
        found = self._look(os.path.abspath(path))
        if isinstance(found, str):
            raise UsageError(f"cannot read the policy `{path}`: {found}")
        if isinstance(found, Invalid):
            raise _named(found.error, path)
        return found

    def _look(self, path: str) -> Loaded | Invalid | str:
        """The policy in a file, or why there is none; as text where the file cannot be read."""
        if path not in self._found:
            self._above.append(path)
            try:
                self._found[path] = self._read(path)
            except UnreadableError as error:
                self._found[path] = str(error)
            finally:
                self._above.pop()
        return self._found[path]

    def _read(self, path: str) -> Loaded | Invalid:
        text = self._library.texts.get(path)
        signature = _signature(path) if text is None else text
        try:
            catalog = self._library.catalog_at(os.path.dirname(path))
        except PolicyError as error:
            return Invalid(error, error.issues[0].message, error.issues[0].location.name)
        known = self._library.known.get(path)
        same = known is not None and known.signature == signature and known.catalog is catalog
        if known is not None and same and self._current(known, path):
            return known.found
        needs: dict[str, Loaded | NeedRefused] = {}
        found: Loaded | Invalid
        try:
            source = read_source(path, "policy") if text is None else Source(path, text)
            found = self._made(source, needs, catalog)
        except PolicyError as error:
            found = _invalid(error, path, needs)
        self._library.known[path] = KnownPolicies(signature, catalog, needs, found)
        return found

    def _current(self, known: KnownPolicies, path: str) -> bool:
        """Whether all that it needs is still the same."""
        for identity, before in known.needs.items():
            after = self._needed(identity, path)
            if after is not before and (isinstance(after, Loaded) or after != before):
                return False
        return True

    def _made(self, source: Source, needs: dict[str, Loaded | NeedRefused], catalog: Catalog) -> Loaded:
        def needed(identity: str) -> Loaded | NeedRefused:
            if identity not in needs:
                needs[identity] = self._needed(identity, source.name)
            return needs[identity]

        own = [f"{kind} {known}" for kind, known in sorted(catalog.digests.items())]
        cached = self._library.cached
        name = cache.key(self._schemas, *own, os.path.basename(source.name), source.text) if cached else b""
        kept = cache.load(name) if cached else None
        if kept is None or kept.policy.digest != digest(source.text) or not _is_of(kept, needed):
            kept = _compiled(source, needed, catalog)
            if cached:
                cache.store(name, kept)
        loaded = {each.policy.id: each for each in needs.values() if isinstance(each, Loaded)}
        return Loaded(kept, source, loaded, _joined(catalog, loaded.values()))

    def _needed(self, identity: str, path: str) -> Loaded | NeedRefused:
        """A policy that the one at `path` needs, or why it cannot be had."""
        own = _stem(path)
        if identity == own:
            return _cycle(own, own)
        try:
            file = os.path.abspath(self._library.path(identity, os.path.dirname(path)))
        except UsageError as error:
            return NeedRefused(str(error))
        if file in self._above:
            return _cycle(*map(_stem, self._above[self._above.index(file) :]), identity)
        found = self._look(file) if len(self._above) < MAX_NEED_DEPTH else None
        if found is None or (isinstance(found, Loaded) and found.height >= MAX_NEED_DEPTH):
            return NeedRefused(f"more than {MAX_NEED_DEPTH} policies in a row need each other")
        if isinstance(found, str):
            return NeedRefused(f"cannot read the policy `{file}`: {found}")
        if isinstance(found, Invalid):
            message = f"the needed policy `{identity}` is invalid: {found.cause}"
            return NeedRefused(message, found.file, message if found.file == file else found.cause)
        way = found.way(own)  # to another policy of its own id: of one id there is one policy
        return found if way is None else _cycle(own, *way)


def _joined(catalog: Catalog, needed: Iterable[Loaded]) -> Catalog:
    """The kinds of a policy and of those that it needs. Raises PolicyError where two folders have different ones."""
    others = {each.catalog for each in needed} - {catalog, SHIPPED}
    if not others:
        return catalog
    from interlock.schemas.own import union

    return union([catalog, *others])


def _cycle(*steps: str) -> NeedRefused:
    return NeedRefused(f"a cycle of needs: {' → '.join(f'`{step}`' for step in steps)}")


def _signature(path: str) -> tuple[int, int, int]:
    """What differs when a file was written to. Raises UnreadableError."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadableError(reason(error)) from None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_of(kept: CompiledPolicy, needed: Callable[[str], Loaded | NeedRefused]) -> bool:
    """Whether a compiled policy was checked against the policies that there are, and these against theirs."""
    found = [needed(need.policy) for need in kept.policy.needs]
    return [each.closure if isinstance(each, Loaded) else None for each in found] == list(kept.closures)


def _compiled(source: Source, needed: Callable[[str], Loaded | NeedRefused], catalog: Catalog) -> CompiledPolicy:
    """The policy of a text, whatever is kept of it."""

    def policy(identity: str) -> Policy | str:
        found = needed(identity)
        return found.policy if isinstance(found, Loaded) else found.message

    made = make(source, policy, catalog)
    closures = (needed(need.policy) for need in made.policy.needs)
    return msgspec.structs.replace(made, closures=tuple(each.closure for each in closures if isinstance(each, Loaded)))


def _invalid(error: PolicyError, path: str, needs: Mapping[str, Loaded | NeedRefused]) -> Invalid:
    """An invalid policy, each of whose invalid needs is reported once."""
    refused = {each.message: each for each in needs.values() if isinstance(each, NeedRefused) and each.file}
    issues = list(_once(error.issues, refused))
    blamed = {message: str(each.file) for message, each in refused.items()}
    first = issues[0].message
    cause, file = (refused[first].cause, blamed[first]) if first in refused else (first, path)
    return Invalid(PolicyError(tuple(issues), error.sources, blamed), cause, file)


def _once(issues: tuple[Issue, ...], refused: Mapping[str, NeedRefused]) -> Iterator[Issue]:
    seen = set()
    for issue in issues:
        if issue.message not in seen:
            yield issue
        if issue.message in refused:
            seen.add(issue.message)


def _named(error: PolicyError, path: str) -> PolicyError:
    """The error under the name that its reader knows the file by."""
    real = os.path.abspath(path)
    issues = tuple(
        msgspec.structs.replace(each, location=msgspec.structs.replace(each.location, name=path))
        if each.location.name == real
        else each
        for each in error.issues
    )
    sources = tuple(Source(path, each.text) if each.name == real else each for each in error.sources)
    return PolicyError(issues, sources, error.blamed)


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def make(source: Source, needed: Callable[[str], Policy | str], catalog: Catalog) -> CompiledPolicy:
    """Parse, check and compile a policy, over the kinds of a catalog. `needed` finds those that it needs.

    Raises PolicyError with every issue. Only a policy that is not in the cache costs the import of parser, checker and
    compiler.
    """
    from interlock.policy.check import check_policy
    from interlock.policy.compile import compile_policy
    from interlock.policy.parse import parse_yaml

    document, issues = parse_yaml(source)
    if document is None:
        raise PolicyError(issues, (source,))
    policy, found = check_policy(document, needed, catalog)
    if policy is None or issues:
        raise PolicyError((*issues, *document.causes(found)), (source,))
    compiled, refusals = compile_policy(policy, catalog)
    if compiled is None:
        issues = tuple(Issue(r.code, r.message, document.locate(r.path), r.hint) for r in refusals)
        raise PolicyError(issues, (source,))
    return compiled
