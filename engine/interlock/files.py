"""Which files of a folder are meant as policies, or as tests of them."""

from __future__ import annotations

import os
import stat


def is_meant(folder: str, name: str) -> bool:
    """Whether a name in a folder is one that somebody gave to a file, and not an editor's or a file system's own.

    Hidden files are not meant (Emacs locks `x.yaml` by a link `.#x.yaml`, macOS keeps what it knows of it in
    `._x.yaml`), nor are folders, pipes and devices. A link that leads nowhere is: whoever reads it is told so.
    """
    if name.startswith("."):
        return False
    try:
        return stat.S_ISREG(os.stat(os.path.join(folder, name)).st_mode)
    except OSError:
        return True
