"""A project's own fact kinds: one JSON Schema each, in folders beside its policies or named by it.

An author describes the data of the receipt; what every receipt has is added here.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Sequence

from interlock.diagnostics import Issue, PolicyError, Source, UsageError
from interlock.files import UnreadableError, is_meant, read_file, reason
from interlock.resources import data_folder
from interlock.schemas.build import OwnKind, built
from interlock.schemas.catalog import SHIPPED, Catalog
from interlock.schemas.documents import SUFFIX, shipped_kinds

_LARGEST = 4 << 20


_State = tuple[tuple[str, int, int, int], ...]
_catalogs: dict[tuple[tuple[str, str, str], ...], Catalog] = {}
_known: dict[str, tuple[_State, tuple[OwnKind, ...]]] = {}


def catalog_of(folders: Iterable[str]) -> Catalog:
    """The kinds that ship, and those of folders. Raises UsageError for one that cannot be read.

    Raises PolicyError with all that is wrong with a schema, and where two folders say different things of one kind.
    """
    found = list(dict.fromkeys(folders))
    if not found:
        return SHIPPED
    return _of(kind for folder in found for kind in kinds_in(folder))


def union(catalogs: Iterable[Catalog]) -> Catalog:
    """The kinds of all of them. Raises PolicyError where two have different kinds of one name."""
    found = list(dict.fromkeys(catalogs))
    return found[0] if len(found) == 1 else _of(kind for each in found for kind in each.own.values())


def only(catalog: Catalog, names: Container[str]) -> Catalog:
    """The catalog without its own kinds of other names."""
    return _of(kind for name, kind in catalog.own.items() if name in names)


def _of(kinds: Iterable[OwnKind]) -> Catalog:
    """The one catalog of these kinds, and of those that ship."""
    given = list(kinds)
    if not given:
        return SHIPPED
    own = together(given)
    return _catalogs.setdefault(tuple((each.name, each.digest, each.source.name) for each in own), Catalog(own))


def kinds_in(folder: str) -> tuple[OwnKind, ...]:
    """The kinds whose schemas a folder holds, sorted; what has been read once is kept while its files are the same.

    Raises UsageError where the folder cannot be read, PolicyError with everything that is wrong with its schemas.
    """
    key = os.path.abspath(folder)
    state = _state(folder)
    kept = _known.get(key)
    if kept is None or kept[0] != state or (kept[1] and os.path.dirname(kept[1][0].source.name) != folder):
        kept = _known[key] = (state, _read(folder, [name for name, *_ in state]))
    return kept[1]


def together(kinds: Iterable[OwnKind]) -> tuple[OwnKind, ...]:
    """Each kind once, sorted by name. Raises PolicyError where two folders say different things of one."""
    found: dict[str, OwnKind] = {}
    types: dict[str, OwnKind] = {}
    for kind in kinds:
        other = found.setdefault(kind.name, kind)
        if other.digest != kind.digest:
            message = f"the kind `{kind.name}` is another one in `{other.source.name}`"
            raise _refused(kind.source, "E906", message, "give one of them another name, or remove it")
        for each in (kind.name, *kind.types):
            other = types.setdefault(each, kind)
            if each in shipped_kinds():
                message = f"events of the type `{each}` are of a kind that ships with interlock"
                raise _refused(kind.source, "E906", message, "name another type in `x-cloudevents-type`")
            if other.name != kind.name:
                message = f"events of the type `{each}` are of the kind `{other.name}` too"
                raise _refused(kind.source, "E906", message, "name the type in one of the two")
    return tuple(found[name] for name in sorted(found))


def _state(folder: str) -> _State:
    """What differs when a schema of the folder was written, added or removed. Raises UsageError."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json") and is_meant(folder, name))
        found = []
        for name in names:
            status = os.stat(os.path.join(folder, name))
            found.append((name, status.st_mtime_ns, status.st_size, status.st_ino))
    except OSError as error:
        raise UsageError(f"cannot read the schemas in `{folder}`: {reason(error)}") from None
    inner = os.path.join(folder, "facts")
    if not found and os.path.isdir(inner):
        raise UsageError(f"`{folder}` holds no fact kind; name `{inner}`")
    return tuple(found)


def _read(folder: str, names: Sequence[str]) -> tuple[OwnKind, ...]:
    found: list[OwnKind] = []
    issues: list[Issue] = []
    sources: list[Source] = []
    for name in names:
        try:
            kind = _kind(os.path.join(folder, name), name)
            found += [kind] if kind is not None else []
        except PolicyError as error:
            issues += error.issues
            sources += error.sources
    if issues:
        raise PolicyError(tuple(issues), tuple(sources))
    return tuple(found)


def _kind(path: str, name: str) -> OwnKind | None:
    """The kind of a file; None for a copy of a shipped one. Raises PolicyError."""
    source = _source(path)
    if not name.endswith(SUFFIX):
        hint = f"call it `{name.removesuffix('.json')}{SUFFIX}`, or move it out of the folder"
        raise _refused(source, "E903", f"`{name}` does not end in `{SUFFIX}`", hint)
    kind = name.removesuffix(SUFFIX)
    if kind in shipped_kinds():
        with open(os.path.join(data_folder("schemas"), "facts", name), encoding="utf-8") as file:
            if file.read() == source.text:
                return None
        raise _refused(source, "E903", f"`{kind}` is a fact kind that ships with interlock", "give yours another name")
    return built(kind, source)


def _source(path: str) -> Source:
    try:
        content = read_file(path, _LARGEST)
    except UnreadableError as error:
        raise _refused(Source(path, ""), "E901", f"the schema cannot be read: {error}") from None
    try:
        return Source(path, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        source = Source(path, content[: error.start].decode(errors="ignore"))
        raise _refused(source, "E901", "the schema is not UTF-8 text", place=len(source.text)) from None


def _refused(source: Source, code: str, message: str, hint: str | None = None, place: int = 0) -> PolicyError:
    return PolicyError((Issue(code, message, source.location(place), hint),), (source,))
