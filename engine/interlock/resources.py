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


def schemas_from(folder: str) -> str:
    """Where editors find the schemas, from a file in the folder: a path if they lie below here, else a URI."""
    from pathlib import Path

    place = Path(data_folder("schemas"))
    try:
        below = os.path.relpath(place, os.path.realpath(folder))
        return below if place.is_relative_to(Path.cwd()) and " " not in below else place.as_uri()
    except OSError:  # the folder that the command runs in is gone
        return place.as_uri()


def is_shipped(policy: str) -> bool:
    """Whether the file is one of the shipped policies."""
    return os.path.realpath(os.path.dirname(policy)) == os.path.realpath(data_folder("policies"))
