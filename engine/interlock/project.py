"""What a project has for every face: its configuration, its ledger and its lock.

The configuration is `interlock.toml`, or the table `[tool.interlock]` of `pyproject.toml`.

Only the nearest, in the folder or a parent of it, is read. A project without one pays for a check of each folder: a
file is parsed only when it may say something.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from interlock.diagnostics import Location, LockError, Source, UsageError, pointed
from interlock.files import UnreadableError, read_file

OWN, SHARED = "interlock.toml", "pyproject.toml"
LOCK = "interlock.lock"
_LEDGER = os.path.join(".codex-workers", "workerctl.db")
_LARGEST = 1 << 20
_MENTION = rb"""(?m)^[ \t]*(\[.*interlock|["']?(tool|interlock)["']?[ \t]*[.=])"""
"""What a TOML file with a table `tool.interlock` has: a header, or a key outside a list, that may lead to it."""


class ConfigurationError(UsageError):
    """What is `wrong` with a configuration file, each with its place."""

    def __init__(self, source: Source, wrong: tuple[tuple[Location, str], ...]) -> None:
        self.wrong = wrong
        super().__init__("\n".join("\n".join([f"{at}: {message}", *pointed(at, source)]) for at, message in wrong))


class Project(msgspec.Struct, frozen=True):
    """What a file sets, by key; paths are relative to where the command runs. `lines` has the line of each key, from
    1."""

    path: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]


def find(start: str = "") -> Project | None:
    """What the nearest file in a folder or above it sets; None when there is no such file.

    Raises UsageError when that file cannot be read, is not TOML, or has an unknown setting; or when there are two.
    """
    for folder in above(start):
        found = [each for name in (OWN, SHARED) if (each := _settings(folder, name))]
        if len(found) > 1:
            raise UsageError(f"`{found[0].path}` and `[tool.interlock]` of `{found[1].path}`: keep one of them")
        if found:
            return found[0]
    return None


def above(start: str = "") -> Iterator[str]:
    """A folder and each above it, as paths from where the command runs; none where that has been deleted."""
    try:
        steps = os.path.abspath(start).count(os.sep)
    except FileNotFoundError:
        return
    for number in range(steps + 1):
        yield os.path.join(start, *[os.pardir] * number)


def find_ledger(start: str = "") -> str:
    """The nearest `.codex-workers/workerctl.db` in a folder or above it. Raises UsageError when there is none."""
    found = nearest_ledger(start)
    if found is None:
        raise UsageError(
            f"no ledger: give `--ledger PATH` (in Python `ledger=`), set `$INTERLOCK_LEDGER`, or run where "
            f"`{_LEDGER}` is in or above the folder"
        )
    return found


def nearest_ledger(start: str = "") -> str | None:
    """The ledger that `find_ledger` finds, or None."""
    try:
        folder = os.path.abspath(start)
    except FileNotFoundError:
        folder = ""
    while folder:
        path = os.path.join(folder, _LEDGER)
        if _there(path):
            return path
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    return None


def _there(path: str) -> bool:
    """Whether something is at a path: a broken link is, and what may not be read counts as well."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def find_lock(start: str = "") -> str:
    """The nearest `interlock.lock` in a folder or above it. Raises LockError when there is none."""
    found = nearest_lock(start)
    if found is None:
        raise LockError(
            f"{LOCK}: error: there is no lock in this folder or above it\n   = `interlock lock POLICY` writes one"
        )
    return found


def nearest_lock(start: str = "") -> str | None:
    """The lock that `find_lock` finds, or None."""
    paths = (os.path.join(folder, LOCK) for folder in above(start))
    return next((path for path in paths if os.path.lexists(path)), None)


def _settings(folder: str, name: str) -> Project | None:
    content = _content(os.path.join(folder, name))
    return None if content is None or not _may_say(name, content) else read(folder, name, content)


def _may_say(name: str, content: bytes) -> bool:
    return name != SHARED or re.search(_MENTION, content) is not None


def read_text(path: str, text: str) -> Project | None:
    """What a configuration file of that text sets. Raises UsageError with all that is wrong."""
    folder, name = os.path.split(path)
    content = text.encode("utf-8", "replace")
    return read(folder, name, content) if _may_say(name, content) else None


def _content(path: str) -> bytes | None:
    """The bytes of a file, or None when nobody can see one there. Raises UsageError when it cannot be read."""
    try:
        os.stat(path)
    except OSError:
        return None
    try:
        return read_file(path, _LARGEST)
    except UnreadableError as error:
        raise UsageError(f"cannot read `{path}`: {error}") from None


_PLACE = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"
_PATHS = ("ledger", "lock")
_DURATION = r"^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?$"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What `schemas/config.schema.json` says, seen quickly."""

    ledger: str | list[str] = ""
    strict_ledger: bool = False
    policy_dir: list[str] = []
    schema_dir: list[str] = []
    engine: Literal["both", "rete", "reference"] = "both"
    max_skew: Annotated[str, msgspec.Meta(pattern=_DURATION)] = "5s"
    lock: str = ""
    locked: bool = False
    sources: list[Any] = []


def read(folder: str, name: str, content: bytes, path: str | None = None) -> Project | None:
    """What a file of those bytes sets; None when it has no table of ours. Raises UsageError with all that is wrong.

    It is known as `path`, or else by its folder and name.
    """
    path = os.path.join(folder, name) if path is None else path
    source, document = _parsed(path, content)
    header, table = "", document
    if name != OWN:
        tools = document.get("tool")
        header, table = "tool.interlock", tools.get("interlock") if isinstance(tools, dict) else None
        if table is None:
            return None
    _check(table, source, header)
    values = {key: _from(folder, key, value) for key, value in table.items()}
    if "sources" in table:
        values["sources"] = _placed(source, header, values["sources"])
    return Project(path, values, {key: _place(source, header, key).line for key in values})


def _from(folder: str, key: str, value: Any) -> Any:
    """The value, its paths as they are reached from where the command runs."""
    if key in ("policy-dir", "schema-dir"):
        return [os.path.join(folder, each) for each in value]
    if key == "sources":
        return [{**each, "database": os.path.join(folder, each["database"])} for each in value]
    if isinstance(value, list):
        return [_from(folder, key, each) for each in value]
    return os.path.join(folder, value) if key in _PATHS and value != "-" else value


def _parsed(path: str, content: bytes) -> tuple[Source, Any]:
    try:
        source = Source(path, content.decode())
    except UnicodeDecodeError as error:
        source = Source(path, content[: error.start].decode())
        _refuse(source, [(source.location(len(source.text)), "the file is not UTF-8 text")])
    import tomllib  # only where there is a file

    try:
        return source, tomllib.loads(source.text)
    except RecursionError:
        _refuse(source, [(Location(path, 1, 1), "it is nested too deep")])
    except ValueError as error:
        message = re.sub(_PLACE, "", str(error))
        _refuse(source, [(_stopped(source, error), f"not TOML: {message[:1].lower()}{message[1:]}")])


def _stopped(source: Source, error: ValueError) -> Location:
    """Where the parser stopped; at the end of the text where that is unknown."""
    end = source.location(len(source.text.rstrip()))
    line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
    if line is None and (place := re.search(_PLACE, str(error))) and place[1]:  # before 3.14 only the text says it
        line, column = int(place[1]), int(place[2])
    if line is None or column is None or (line, column) > (end.line, end.column):
        return end
    return Location(source.name, line, column)


def _check(document: Any, source: Source, header: str) -> None:
    """Raise UsageError for all that the schema does not take."""
    try:
        table = msgspec.convert(document, _Table)
        ledgers = table.ledger if isinstance(table.ledger, list) else [document.get("ledger")]
        named = [*ledgers, document.get("lock"), *table.policy_dir, *table.schema_dir]
        if not table.sources and ledgers and "" not in named:
            return
    except ValueError:
        pass
    from interlock import schemas

    found = schemas.violations("config", document)
    wrong = [(_at(source, header, each.path), each.text) for each in found]
    if wrong or not (isinstance(document, dict) and document.get("sources")):  # tables are not seen quickly
        _refuse(source, sorted(wrong, key=lambda each: (each[0].line, each[1])))


def read_sources(path: str) -> list[dict[str, Any]]:
    """The tables of a file that has `sources`, as `find` gives them. Raises UsageError."""
    content = _content(path)
    if content is None:
        raise UsageError(f"cannot read `{path}`: no such file or directory")
    folder, name = os.path.split(path)
    found = read(folder, name if name == SHARED else OWN, content, path)
    if found is None or "sources" not in found.values:
        raise UsageError(f"`{path}` has no `sources`: each `[[sources]]` maps a table")
    tables: list[dict[str, Any]] = found.values["sources"]
    return tables


def _at(source: Source, header: str, path: Sequence[str | int]) -> Location:
    """Where what is at a path is written."""
    if len(path) > 2 and path[0] == "sources" and isinstance(path[1], int):
        return _place_of(source, header, path[1], ".".join(map(str, path[2:4])))
    return _place(source, header, str(path[0]) if path else "")


def _placed(source: Source, header: str, tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tables, each with the `places` where its keys are written."""
    found = []
    for index, table in enumerate(tables):
        keys = ["", *table, *(f"fields.{name}" for name in table.get("fields", {}))]
        places = {key: str(_place_of(source, header, index, key)) for key in keys}
        found.append({**table, "places": places})
    return found


def _place_of(source: Source, header: str, index: int, key: str) -> Location:
    """Where a key of the table of that index is written; where the table begins, if its lines do not show it."""
    array = f"{header}.sources" if header else "sources"
    begin, at, count, part = None, 0, -1, ""
    outer, _, inner = key.partition(".")
    fallback = None
    for line in source.text.splitlines(keepends=True):
        bare = re.sub(r"[\s\"']", "", line).split("#")[0]
        if bare.startswith("["):
            count += bare == f"[[{array}]]"
            part = bare.strip("[]").removeprefix(array).removeprefix(".")
            begin = at if bare == f"[[{array}]]" and count == index else begin
        elif count == index:
            word, path = bare.partition("=")[0], f"{part}.{bare.partition('=')[0]}".removeprefix(".")
            if key and path in (key, outer):
                start = at + line.index(word.rpartition(".")[2])
                found = source.location(start, start + len(word.rpartition(".")[2]))
                if path == key or not inner:
                    return found
                fallback = found
        at += len(line)
    if fallback is not None:
        return fallback
    return _place(source, header, "sources") if begin is None else source.location(begin)


def _refuse(source: Source, wrong: Iterable[tuple[Location, str]]) -> NoReturn:
    raise ConfigurationError(source, tuple(wrong))


def _place(source: Source, header: str, key: str) -> Location:
    """Where a key of the table is written; where the table begins, if its lines do not show it."""
    begin, at, inside = 0, 0, not header
    for line in source.text.splitlines(keepends=True):
        bare = re.sub(r"[\s\"']", "", line)
        if bare.startswith("["):
            inside = bare.split("#")[0] == f"[{header}]"
            begin = at if inside else begin
        elif inside and key and bare.startswith(f"{key}="):
            start = at + line.index(key)
            return source.location(start, start + len(key))
        at += len(line)
    return source.location(begin)
