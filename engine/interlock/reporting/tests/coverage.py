"""How much of each policy its cases have tried, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interlock.escape import harmless
from interlock.model.testing import Trial
from interlock.reporting.style import Look


def covered(trials: Sequence[Trial], look: Look) -> str:
    """A line a policy, and beneath it what was never tried."""
    wide = max(len(trial.policy) for trial in trials)
    return "".join(f"{line}\n" for trial in trials for line in _lines(trial, wide, look))


def percent(trial: Trial) -> str:
    """The coverage of a policy; 100 only where nothing is missing."""
    found = trial.coverage.percent
    return f"{int(found) if found < 100 else 100} %"


def _lines(trial: Trial, wide: int, look: Look) -> Iterator[str]:
    missing = trial.coverage.missing
    yield f"{look.paint(f'{percent(trial):>6}', 'red' if missing else 'green')}  {trial.policy:{wide}}".rstrip()
    yield from (f"{'':8}{harmless(each)}" for each in missing)
