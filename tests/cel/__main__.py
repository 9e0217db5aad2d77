"""`python -m tests.cel ARCHIVE`: cel-spec's simple tests that fall into the language, and what differs."""

import sys
from pathlib import Path

from tests.cel.spec import run

LEAST = 800
"""So many of them at least are accepted."""

if __name__ == "__main__":
    counts, differences = run(Path(sys.argv[1]))
    total, accepted = counts.pop("all"), counts.pop("accepted")
    files = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    lines = [*differences, files, f"{accepted} of {total} accepted, {len(differences)} different"]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(bool(differences) or accepted < LEAST)
