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


def is_shipped(policy: str) -> bool:
    """Whether the file is one of the shipped policies."""
    return os.path.realpath(os.path.dirname(policy)) == os.path.realpath(data_folder("policies"))
