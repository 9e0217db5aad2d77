"""One cold `interlock eval smoke readiness quiescence` on the story ledger, against Python importing what it must."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import interleaved, ratio, unpack

FLOOR = [sys.executable, "-c", "import click, sqlite3, json"]


def main(runs: int = 41) -> None:
    """Print the ratio of a cold decision, with a warm cache of compiled policies, and of one with an empty cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        story = unpack("story.db", folder)
        command = [sys.executable, "-m", "interlock", "eval", "smoke", "readiness", "quiescence"]
        command += ["--ledger", str(story), "--task", "checkout-refactor", "--at", "2026-06-22T09:30:00Z"]
        warm = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
        cold = os.environ | {"XDG_CACHE_HOME": "/dev/null/none"}

        def run(arguments: list[str], environment: dict[str, str]) -> None:
            done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
            assert done.returncode in (0, 3, 4), done.stderr.decode()

        floor, cached, compiled = interleaved(
            runs, lambda: run(FLOOR, warm), lambda: run(command, warm), lambda: run(command, cold)
        )
        print(f"floor     {statistics.median(floor) * 1e3:6.1f} ms   import click, sqlite3, json")
        print(f"cached    {ratio(cached, floor)} x floor   three gates, compiled policies from the cache")
        print(f"uncached  {ratio(compiled, floor)} x floor   three gates, policies recompiled")


if __name__ == "__main__":
    main()
