"""interlock: do the receipts prove it? Policies over receipt ledgers, decided.

The public API: `open_ledger`, `evaluate`, `judge`, the values they give and the errors they raise. Names are loaded
when they are first used, so that importing a part of the package does not load the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.decision import Decision, Finding, Head, Waiver
    from interlock.errors import EngineError, InterlockError, LedgerError, PolicyError, UsageError
    from interlock.ledger import Ledger, open_ledger
    from interlock.runner import evaluate, judge

__version__ = "0.1.0"

_HOMES = {
    "Decision": "decision",
    "EngineError": "errors",
    "Finding": "decision",
    "Head": "decision",
    "InterlockError": "errors",
    "Ledger": "ledger",
    "LedgerError": "errors",
    "PolicyError": "errors",
    "UsageError": "errors",
    "Waiver": "decision",
    "evaluate": "runner",
    "judge": "runner",
    "open_ledger": "ledger",
}

__all__ = [
    "Decision",
    "EngineError",
    "Finding",
    "Head",
    "InterlockError",
    "Ledger",
    "LedgerError",
    "PolicyError",
    "UsageError",
    "Waiver",
    "evaluate",
    "judge",
    "open_ledger",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
