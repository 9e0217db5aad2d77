"""Where editors find the schemas of the files that are written."""

from __future__ import annotations

import os


def schemas(folder: str) -> str:
    """Where the schemas are, from a file in the folder: as a path if they lie below here, else as a URI."""
    from pathlib import Path

    from interlock.resources import data_folder

    place = Path(data_folder("schemas"))
    try:
        below = os.path.relpath(place, os.path.realpath(folder))
        return below if place.is_relative_to(Path.cwd()) and " " not in below else place.as_uri()
    except OSError:  # the folder that the command runs in is gone
        return place.as_uri()
