"""What a command inherits from whoever starts it: whether Ctrl-C reaches it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting(*, interruptible: bool) -> Iterator[None]:
    """Processes started inside respect SIGINT, or ignore it as those of a shell's background job do."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler if interruptible else signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)
