"""`python -m tests.adversarial`: attack for as long as is asked, and say what did not hold."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.adversarial.running import SHARES, Failure, Tally, attack

SHOWN = 3
"""How many failures of a kind are shown in full."""


def main() -> int:
    """Attack as the arguments say; 1 when anything did not hold, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.adversarial", description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000, help="questions to ask (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="what everything is drawn from (default %(default)s)")
    parser.add_argument("--only", action="append", choices=tuple(SHARES), default=[], help="a part; may be repeated")
    parser.add_argument("--ledger", type=int, help="only the ledger of this number, as a report names it")
    parser.add_argument("--jobs", type=int, default=1, help="processes at work (default %(default)s)")
    asked = parser.parse_args()
    begun, seen = time.monotonic(), Progress()
    try:
        tally = attack(
            asked.seed, asked.cases, only=asked.only, ledger=asked.ledger, workers=max(1, asked.jobs), watch=seen
        )
    except KeyboardInterrupt:
        seen.end()
        say(summary(seen.tally, time.monotonic() - begun, asked.seed) + "\ninterrupted")
        return 130
    seen.end()
    say(summary(tally, time.monotonic() - begun, asked.seed))
    return 1 if tally.failures else 0


class Progress:
    """One line on the terminal that is written over."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.last = 0.0

    def __call__(self, tally: Tally) -> None:
        self.tally = tally
        now = time.monotonic()
        if sys.stderr.isatty() and now - self.last > 0.2:
            self.last = now
            sys.stderr.write(f"\r{tally.cases:,} cases, {len(tally.failures):,} differences")
            sys.stderr.flush()

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")


def summary(tally: Tally, seconds: float, seed: int) -> str:
    """What was asked and what did not hold, each kind with its first cases."""
    lines = []
    kinds: dict[tuple[str, str], list[Failure]] = {}
    for failure in tally.failures:
        kinds.setdefault((failure.part, failure.kind), []).append(failure)
    for (part, kind), failures in sorted(kinds.items(), key=lambda each: -len(each[1])):
        lines.append(f"{part}: {kind}: {len(failures):,}")
        for failure in failures[:SHOWN]:
            again = f"python -m tests.adversarial --seed {seed} --only {part} --ledger {failure.ledger}"
            lines += [f"  {again}", *(f"    {line}" for line in failure.text.splitlines())]
    parts = ", ".join(f"{part} {cases:,}" for part, cases in sorted(tally.by_part.items()))
    verdicts = ", ".join(f"{name} {count:,}" for name, count in sorted(Counter(tally.verdicts).items()))
    lines.append(f"{tally.cases:,} cases over {tally.ledgers:,} ledgers in {seconds:.0f} s ({parts})")
    lines.append(f"decided: {verdicts}")
    lines.append(f"{len(tally.failures):,} differences")
    return "\n".join(lines)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
