"""The questions that are answered otherwise than by the real system, on purpose: `docs/design/gates.md` says why."""

from __future__ import annotations

KEPT: tuple[tuple[str, str, str, str], ...] = (
    # Making a disposable pair that is bound already registers its sessions again, and records that nowhere.
    ("history", "smoke", "two  spaces", "2026-06-11T13:46:57Z"),
    ("history", "readiness", "two  spaces", "2026-06-11T13:46:57Z"),
    ("history", "loop", "two  spaces", "2026-06-11T13:46:57Z"),
)
"""Ledger, policy, task and instant of each."""
