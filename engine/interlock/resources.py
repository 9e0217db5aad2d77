"""The version of interlock, and where the schemas and policies that it ships lie.

Those are folders of their own at the top of a checkout, which an editable install reads too; a wheel carries them
inside the package, under `_data`.
"""

from __future__ import annotations

import os.path
from typing import Literal

__version__ = "0.1.0"


def data_folder(name: Literal["schemas", "policies"]) -> str:
    """The absolute path of a shipped folder. Raises RuntimeError where the installation lacks it."""
    package = os.path.dirname(os.path.abspath(__file__))
    places = [os.path.join(package, "_data", name), os.path.join(package, os.pardir, os.pardir, name)]
    for place in places:
        if os.path.isdir(place):
            return os.path.normpath(place)
    raise RuntimeError(f"the installation of interlock is incomplete: no folder `{name}` at {' or '.join(places)}")


SCHEMA_ID = "urn:interlock:{}.schema.json"
"""The `$id` of a schema that editors go by."""


def schema_reference(name: str, folder: str) -> str:
    """What a file in the folder names its schema (`policy` or `test`) by: right on every machine that has the file.

    In a checkout that is a relative path: to `schemas` of the folder that the command runs in, which `interlock kinds
    --editor schemas` writes too, or to where interlock itself is checked out below it. Elsewhere it is the schema's
    `$id`, for an installation lies at another place on every machine.
    """
    file, shipped = f"{name}.schema.json", data_folder("schemas")
    checked_out = os.path.basename(os.path.dirname(shipped)) != "_data"
    try:
        here = os.path.realpath(os.curdir)
        for place in (os.path.realpath("schemas"), *([os.path.realpath(shipped)] if checked_out else ())):
            found = os.path.relpath(os.path.join(place, file), os.path.realpath(folder))
            below = os.path.commonpath([place, here]) == here and os.path.isfile(os.path.join(place, file))
            if below and " " not in found:
                return found.replace(os.sep, "/")
    except (OSError, ValueError):  # the folder that the command runs in is gone, or is on another drive
        pass
    return SCHEMA_ID.format(name)


def with_schema_reference(text: str, folder: str) -> str:
    """The text of a shipped policy or test with the reference to its schema that is right in the folder."""
    import re

    pattern = r"(?<=\$schema=)\S*?(policy|test)\.schema\.json"
    return re.sub(pattern, lambda found: schema_reference(found[1], folder), text, count=1)


def is_shipped(policy: str) -> bool:
    """Whether the file is one of the shipped policies."""
    return os.path.realpath(os.path.dirname(policy)) == os.path.realpath(data_folder("policies"))
