"""Interleaved timing: what is compared runs in turn, so that a slow moment of the machine meets all alike."""

from __future__ import annotations

import lzma
import statistics
import time
from collections.abc import Callable
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "tests" / "conformance"


def interleaved(runs: int, *workers: Callable[[], object]) -> list[list[float]]:
    """Seconds of each run of each worker, after one run of each that is not counted."""
    for worker in workers:
        worker()
    taken: list[list[float]] = [[] for _ in workers]
    for _ in range(runs):
        for worker, times in zip(workers, taken, strict=True):
            start = time.perf_counter()
            worker()
            times.append(time.perf_counter() - start)
    return taken


def ratio(first: list[float], second: list[float]) -> str:
    """How much longer the first takes than the second, pair by pair: median, and the quartiles around it."""
    ratios = sorted(a / b for a, b in zip(first, second, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})"


def unpack(name: str, folder: Path) -> Path:
    """A conformance file, unpacked."""
    target = folder / name
    target.write_bytes(lzma.decompress((DATA / f"{name}.xz").read_bytes()))
    return target
