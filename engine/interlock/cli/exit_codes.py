"""What the command's exit code says. Scripts rely on it: a code is part of the interface."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.diagnostics import InterlockError, LedgerError, LockError, PolicyError
from interlock.model.decision import Decision, FailOn

ALLOWED = 0
BUG = 1
USAGE = 2
DENIED = 3
UNDECIDED = 4
INVALID_POLICY = 5
UNREADABLE_LEDGER = 6
INTERRUPTED = 130


def of_decisions(decisions: Iterable[Decision], fail_on: FailOn = "block") -> int:
    """ALLOWED only if every decision passes; a denial, or a warning that fails, weighs more than an undecided one."""
    verdicts = {decision.allow and decision.passes(fail_on) for decision in decisions}
    return DENIED if False in verdicts else UNDECIDED if verdicts != {True} else ALLOWED


def of_verdict(allow: bool | None) -> int:
    """The code of one verdict: None is undecided."""
    return {True: ALLOWED, False: DENIED, None: UNDECIDED}[allow]


def of_error(error: InterlockError) -> int:
    """The code of an error that a user can fix."""
    match error:
        case PolicyError() | LockError():
            return INVALID_POLICY
        case LedgerError():
            return UNREADABLE_LEDGER
    return USAGE
