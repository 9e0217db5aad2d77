"""interlock: do the receipts prove it? Policies over receipt ledgers, decided.

The public API: `open_ledger`, `evaluate`, `explain`, `judge`, `unblock`, the values they give and the errors they
raise. Names are loaded when they are first used, so that importing a part of the package does not load the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.api import evaluate, explain, judge, replay, unblock
    from interlock.diagnostics import EngineError, InterlockError, LedgerError, LockError, PolicyError, UsageError
    from interlock.ledger import Ledger, open_ledger
    from interlock.model.decision import Decision, Finding, Head, ParamNote, WaiverNote
    from interlock.resources import __version__

_HOMES = {
    "Decision": "model.decision",
    "EngineError": "diagnostics",
    "Finding": "model.decision",
    "Head": "model.decision",
    "InterlockError": "diagnostics",
    "Ledger": "ledger",
    "LedgerError": "diagnostics",
    "LockError": "diagnostics",
    "ParamNote": "model.decision",
    "PolicyError": "diagnostics",
    "UsageError": "diagnostics",
    "WaiverNote": "model.decision",
    "__version__": "resources",
    "evaluate": "api",
    "explain": "api",
    "judge": "api",
    "open_ledger": "ledger",
    "replay": "api",
    "unblock": "api",
}

__all__ = [
    "Decision",
    "EngineError",
    "Finding",
    "Head",
    "InterlockError",
    "Ledger",
    "LedgerError",
    "LockError",
    "ParamNote",
    "PolicyError",
    "UsageError",
    "WaiverNote",
    "__version__",
    "evaluate",
    "explain",
    "judge",
    "open_ledger",
    "replay",
    "unblock",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
