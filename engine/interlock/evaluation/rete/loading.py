"""Imports durable-rules' C module: the only place that does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def load_engine() -> Any:
    """Import durable-rules' C module. Raises ImportError where it cannot be had.

    The module refers to `PyEval_CallObject`, which Python 3.13 removed, in callbacks that interlock never sets. By
    default Python binds every symbol of a module at load, and the import would fail; a lazy symbol is never looked up.
    """
    if sys.platform == "win32":
        # A rule's constants are C longs, which have 32 bits there: all strings would be equal.
        raise ImportError("on Windows it cuts numbers short")
    with _lazy_binding():
        import durable_rules_engine
    return durable_rules_engine


@contextmanager
def _lazy_binding() -> Iterator[None]:
    if not hasattr(sys, "setdlopenflags"):
        yield
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY | os.RTLD_LOCAL)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)
