"""What every face can be set to: one rule for where a setting comes from, and which source wins.

A flag (or an argument) wins over the environment (`INTERLOCK_` and the setting's name), that over the project's file,
that over the default; setting by setting. Nothing that is empty or unknown counts as not given: it is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from interlock.diagnostics import UsageError, nearest

if TYPE_CHECKING:
    from interlock.model.sources import TableSource
    from interlock.project import Project

Origin = Literal["flag", "environment", "file", "default"]
_PREFIX = "INTERLOCK_"
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Setting(msgspec.Struct, frozen=True):
    """A setting. `choices` are all values that it may have. One that is not `in_file` no file may set.

    A `truth` is a boolean, `folders` a list of paths, which a variable holds as `PATH` does. `paths` are one path, or a
    list of several; `tables` those of the file that is named.
    """

    key: str
    kind: Literal["text", "truth", "folders", "paths", "tables", "duration"] = "text"
    default: Any = None
    choices: tuple[str, ...] = ()
    in_file: bool = True

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"{_PREFIX}{self.key.replace('-', '_').upper()}"


SETTINGS = {
    each.key: each
    for each in (
        Setting("ledger", "paths"),
        Setting("strict-ledger", "truth", False),
        Setting("policy-dir", "folders", ()),
        Setting("schema-dir", "folders", ()),
        Setting("engine", default="both", choices=("both", "rete", "reference")),
        Setting("max-skew", "duration", "5s"),
        Setting("lock"),
        Setting("locked", "truth", False),
        Setting("sources", "tables", ()),
        # A folder that is checked out must not excuse what its own gates find.
        Setting("waivers", in_file=False),
        Setting("allow-long-waivers", "truth", False, in_file=False),
    )
}


class Settled(msgspec.Struct, frozen=True):
    """A setting's value, and where it comes from: a `place` such as `--lock` or `interlock.toml:3`."""

    value: Any
    origin: Origin
    place: str | None = None


def settle(
    keys: Iterable[str],
    given: Mapping[str, Any],
    *,
    start: str = "",
    prefix: str = "--",
) -> dict[str, Settled]:
    """The settings of these keys. Raises UsageError for a wrong or empty one, and LockError where no lock is found.

    `given` are the flags or arguments, None where not given; messages name one by its key after `prefix`. The
    environment is this process's. The project's file is the nearest at `start` or above it (the current folder when
    empty). With `lock` and `locked`, the value of `locked` says whether the lock is held.

    Who names the lock outside the file does not trust the folder: then no file is read.
    """
    wanted = [SETTINGS[key] for key in keys]
    _refuse_misspelt()
    found = {each.key: _explicit(each, given, prefix) for each in wanted}
    named = found.get("lock")
    project = None
    if named is None and any(each.in_file and found[each.key] is None for each in wanted):
        from interlock.project import find

        project = find(start)
    if named is not None and "sources" in found and found["sources"] is None:
        _refuse_unread(start)
    settled = {each.key: found[each.key] or _other(each, project) for each in wanted}
    if named is not None and "locked" in settled:
        settled["locked"] = _held(named, settled["locked"])
    return settled


def lock_of(settled: Mapping[str, Settled], start: str = "") -> str | None:
    """The file of the lock that is held: the one that is named, else the nearest; None where none is held.

    Raises LockError where there is none.
    """
    if "locked" not in settled or not settled["locked"].value:
        return None
    from interlock.project import find_lock

    named: str | None = settled["lock"].value
    return find_lock(start) if named is None else named


def _refuse_misspelt() -> None:
    """Raises UsageError for a variable whose name is nearly that of a setting: it would set nothing."""
    known = {each.variable for each in SETTINGS.values()}
    for name in os.environ:
        if name.startswith(_PREFIX) and name not in known:
            ends = [each.removeprefix(_PREFIX) for each in known]
            if meant := nearest(name.removeprefix(_PREFIX), ends):
                raise UsageError(f"unknown variable `{name}`; did you mean `{_PREFIX}{meant}`?")


def _explicit(setting: Setting, given: Mapping[str, Any], prefix: str) -> Settled | None:
    """The value of a flag or an argument, else that of the variable; None where there is neither."""
    value = given.get(setting.key)
    if value is not None and value != ():
        name = f"{prefix}no-{setting.key}" if prefix and value is False else f"{prefix}{setting.key}"
        return Settled(_checked(setting, value, f"`{name}`", "leave it out"), "flag", name)
    text = os.environ.get(setting.variable)
    if text is None:
        return None
    return Settled(_read(setting, text), "environment", setting.variable)


def _read(setting: Setting, text: str) -> Any:
    """The value of a variable. Raises UsageError."""
    name = f"`{setting.variable}`"
    if setting.kind == "truth" and text:
        if text.lower() not in _TRUTH:
            raise UsageError(f"{name} is `{text}`; set it to `true` or `false`")
        return _TRUTH[text.lower()]
    value = tuple(text.split(os.pathsep)) if setting.kind in ("folders", "paths") and text else text
    return _checked(setting, value, name, "unset it")


def _checked(setting: Setting, value: Any, name: str, otherwise: str) -> Any:
    """The value, if the setting may have it. Raises UsageError."""
    if setting.kind == "folders" and not isinstance(value, str):
        folders = tuple(map(os.fspath, value))
        if "" in folders:
            raise UsageError(f"{name} holds an empty path; name a folder, or {otherwise}")
        return folders
    if setting.kind == "paths" and isinstance(value, list | tuple):
        if not value or any(each == "" for each in value):
            raise UsageError(f"{name} holds an empty path; name a file, or {otherwise}")
        return value[0] if len(value) == 1 else tuple(value)
    if setting.kind == "tables" and value != "":
        from interlock.project import read_sources

        return tables_of(read_sources(os.fspath(value)))
    if value == "" or (isinstance(value, os.PathLike) and os.fspath(value) == ""):
        raise UsageError(_empty(name, otherwise))
    if setting.choices and value not in setting.choices:
        listed = ", ".join(f"`{each}`" for each in setting.choices)
        raise UsageError(f"{name} is `{value}`, not one of {listed}")
    if setting.kind == "duration" and isinstance(value, str):
        from interlock.instant import parse_duration

        try:
            parse_duration(value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    return value


def _empty(name: str, otherwise: str) -> str:
    return f"{name} is empty; give it a value, or {otherwise}"


def _other(setting: Setting, project: Project | None) -> Settled:
    """The value of the project's file, else the default."""
    if project is not None and setting.in_file and setting.key in project.values:
        value = project.values[setting.key]
        place = f"{project.path}:{project.lines[setting.key]}"
        return Settled(_listed(setting, value), "file", place)
    return Settled(setting.default, "default")


def _listed(setting: Setting, value: Any) -> Any:
    """The value as a file has it, a list as the setting takes it."""
    if setting.kind == "tables":
        return tables_of(value)
    if setting.kind == "paths" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return tuple(value) if isinstance(value, list) else value


def tables_of(written: Iterable[Mapping[str, Any]]) -> tuple[TableSource, ...]:
    """The tables that a file maps. Raises UsageError for what is not the name of a table or column, at its place."""
    from interlock.model.sources import TableSource

    found: list[TableSource] = []
    for each in written:
        fields = {name: _column(value) for name, value in each.get("fields", {}).items()}
        table = msgspec.convert({**each, "at": _column(each["at"], "instant"), "fields": fields}, TableSource)
        for key, name in {"table": table.table, **table.columns()}.items():
            if not re.fullmatch(_IDENTIFIER, name):
                place = table.places.get(key) or table.places.get(key.partition(".")[0]) or table.places.get("", "")
                what = "table" if key == "table" else "column"
                raise UsageError(
                    f"{place}: `{name}` is not the name of a {what}, which has letters, digits, `_` and `$`; a mapping"
                    " holds no SQL, but a view of the database may"
                )
        if table.called in [other.called for other in found]:
            place = table.places.get("name") or table.places.get("table") or table.places.get("", "")
            raise UsageError(f"{place}: two tables are called `{table.called}`; give one of them another `name`")
        found.append(table)
    return tuple(found)


_IDENTIFIER = r"[^\W\d][\w$]*"


def _column(written: Any, read: str = "text") -> dict[str, Any]:
    return {"column": written, "as": read} if isinstance(written, str) else {"as": read, **written}


def _refuse_unread(start: str) -> None:
    """Raises UsageError where a configuration file maps tables that are not read, since the lock is named elsewhere.

    What they hold may deny. A file that cannot be read maps none.
    """
    from interlock.project import find

    try:
        project = find(start)
    except UsageError:
        return
    if project is not None and project.values.get("sources"):
        raise UsageError(
            f"`{project.path}` maps `sources`, and where the lock is named no configuration file is read; name the file"
            f" with `--sources {project.path}` if its tables are to be read"
        )


def _held(named: Settled, locked: Settled) -> Settled:
    """Whether the named lock is held: so it is, unless somebody as near as who named it says that it is not."""
    nearness = ("flag", "environment", "default")
    if locked.origin in nearness[:2] and nearness.index(locked.origin) <= nearness.index(named.origin):
        return locked
    return Settled(True, "default", "the lock is named")
