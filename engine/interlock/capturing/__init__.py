"""A decision about a real ledger as a test case: the smallest facts that still give it, under other names.

Nothing that the ledger calls by an id, a name or a sentence is in the case, nor when it happened.
"""

from __future__ import annotations

from interlock.capturing.capture import captured
from interlock.capturing.incident import Incident, incident

__all__ = ["Incident", "captured", "incident"]
