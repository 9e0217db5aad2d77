"""The schema files that ship with interlock, each read once."""

from __future__ import annotations

import os
from functools import cache
from os.path import dirname, join, normpath
from typing import Any

import msgspec

from interlock.resources import data_folder

SUFFIX = ".schema.json"
"""What the name of every schema file ends with."""
FACTS = os.path.join("schemas", "facts")
"""The folder of own kinds, from the folder of the policies."""
POLICIES = "policies"
"""The name of a folder of policies beside which, and not only in which, `FACTS` may lie."""
_NODES = (dict, list)


@cache
def shipped_kinds() -> tuple[str, ...]:
    """Every fact kind that ships with interlock, sorted."""
    names = os.listdir(join(data_folder("schemas"), "facts"))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def beside(folder: str) -> tuple[str, ...]:
    """The folders of own kinds that lie beside the policies of a folder.

    They are `schemas/facts` in it and, where the folder itself is called `policies`, `schemas/facts` next to it. Beside
    the shipped policies there is none.
    """
    places = [os.path.join(folder, FACTS)]
    if os.path.basename(os.path.abspath(folder or ".")) == POLICIES:
        places.append(os.path.join(folder, os.pardir, FACTS))
    found = tuple(os.path.normpath(place) for place in places if os.path.isdir(place))
    return tuple(each for each in found if not os.path.samefile(each, os.path.join(data_folder("schemas"), "facts")))


def schemas_digest() -> str:
    """A fingerprint of all shipped schema files (names, sizes in bytes, times of change): it differs if any has
    changed."""
    top = data_folder("schemas")
    found = []
    for folder in (top, join(top, "facts")):
        with os.scandir(folder) as entries:
            files = sorted((entry.name, entry.stat()) for entry in entries if entry.name.endswith(SUFFIX))
        found += [f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in files]
    return "\n".join(found)


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema `name` (such as `decision` or `facts/seat`), whole: what it refers to in other files is part of it.

    References within the file itself stay. Raises KeyError for a fact kind that does not ship.
    """
    if name.startswith("facts/") and name.removeprefix("facts/") not in shipped_kinds():
        raise KeyError(f"no fact kind `{name.removeprefix('facts/')}`")
    home = normpath(join(data_folder("schemas"), f"{name}{SUFFIX}"))
    whole: dict[str, Any] = _whole(_read(home), home, home)
    return whole


def envelope() -> dict[str, Any]:
    """The schema of what every fact has, without references."""
    found: dict[str, Any] = schema("receipt")["allOf"][0]
    return found


@cache
def _read(path: str) -> Any:
    with open(path, "rb") as file:
        return msgspec.json.decode(file.read())


def _whole(node: Any, place: str, home: str) -> Any:
    """`node` of the file `place`, with whatever it refers to in files other than `home` put in."""
    if isinstance(node, list):
        return [_whole(item, place, home) if isinstance(item, dict) else item for item in node]
    reference = node.get("$ref")
    if reference is None or (place == home and reference.startswith("#")):
        return {key: _whole(item, place, home) if isinstance(item, _NODES) else item for key, item in node.items()}
    file, _, pointer = reference.partition("#")
    there = normpath(join(dirname(place), file)) if file else place
    # A reference's own title and description say what the field is for; those of its target, its form.
    return {**_target(there, pointer), **{key: item for key, item in node.items() if key != "$ref"}}


@cache
def _target(place: str, pointer: str) -> dict[str, Any]:
    """What `pointer` names in the file `place`, whole."""
    node = _read(place)
    for step in pointer.split("/")[1:]:
        node = node[step]
    found: dict[str, Any] = _whole(node, place, "")
    return {key: item for key, item in found.items() if key not in ("$schema", "$defs")}
