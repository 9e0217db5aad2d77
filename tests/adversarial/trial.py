"""What comes of attacking one ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import interlock
from tests.adversarial.asking import shown


@dataclass
class Trial:
    """How many questions were put to a ledger, how they were decided, and what did not hold."""

    folder: Path
    cases: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What did not hold, in a word, and how to see it."""
    files: int = 0

    def path(self, suffix: str = ".db") -> Path:
        """A file that is not there yet."""
        self.files += 1
        return self.folder / f"{self.files}{suffix}"

    def failed(self, kind: str, *lines: object) -> None:
        self.failures.append((kind, "\n".join(str(line) for line in lines)))

    def opened(self, path: Path, *about: object) -> interlock.Ledger | None:
        """The ledger; None where it cannot be read, and a failure for any other way out."""
        try:
            return interlock.open_ledger(path)
        except interlock.LedgerError:
            return None
        except Exception as error:
            self.failed(f"raised {type(error).__name__}", *about, "interlock.open_ledger", repr(error))
            return None

    def decided(
        self, ask: Callable[[interlock.Ledger], interlock.Decision], ledger: interlock.Ledger | None, *about: object
    ) -> interlock.Decision | None:
        """The decision; None where the ledger or the question is refused, and a failure for any other way out."""
        decision = None
        try:
            decision = None if ledger is None else ask(ledger)
        except (interlock.LedgerError, interlock.UsageError):
            pass
        except Exception as error:
            self.failed(f"raised {type(error).__name__}", *about, repr(error))
        self.cases += 1
        name = "refused" if decision is None else shown(decision.allow)
        self.verdicts[name] = self.verdicts.get(name, 0) + 1
        if decision is not None and "disagree" in (decision.reason or ""):
            self.failed("the evaluators disagree", *about, decision.reason)
        return decision
