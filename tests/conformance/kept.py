"""The questions that are answered differently from the real system."""

from __future__ import annotations

KEPT: tuple[tuple[str, str, str, str], ...] = (
    ("history", "smoke", "café", "2026-06-11T12:56:02Z"),
    ("history", "smoke", "café", "2026-06-11T12:56:28Z"),
    ("history", "smoke", "café", "2026-06-11T13:00:20Z"),
    ("history", "smoke", "café", "2026-06-11T13:02:12Z"),
    ("history", "smoke", "café", "2026-06-11T13:13:28Z"),
    ("history", "smoke", "café", "2026-06-11T13:14:30Z"),
    ("history", "smoke", "café", "2026-06-11T13:16:14Z"),
    ("history", "smoke", "café", "2026-06-11T13:33:02Z"),
    ("history", "smoke", "two  spaces", "2026-06-11T13:46:57Z"),
    ("history", "readiness", "two  spaces", "2026-06-11T13:46:57Z"),
    ("history", "loop", "two  spaces", "2026-06-11T13:46:57Z"),
    ("same-second", "smoke", "demo", "2026-06-11T12:00:30Z"),
    ("same-second", "smoke", "demo", "2026-06-11T12:01:30Z"),
)
"""Ledger, policy, task and instant of each."""
