"""The process of the command: what `interlock` and `python -m interlock` start."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Any

# `eval` makes no cyclic garbage, and is over in a tenth of a second, of which looking for some would take a twentieth.
# What loads any other command enables it again. When Python ends it looks once more, at whatever is not frozen.
gc.disable()
atexit.register(gc.freeze)

# What msgspec takes of `typing_extensions`, where that is installed, Python has too, and has loaded already.
modules: dict[str, Any] = sys.modules
modules.setdefault("typing_extensions", None)
try:
    import msgspec  # noqa: F401

    if modules["typing_extensions"] is None:
        del modules["typing_extensions"]
    from interlock.cli import main
except KeyboardInterrupt:
    sys.exit(130)

__all__ = ["main"]

if __name__ == "__main__":
    main()
