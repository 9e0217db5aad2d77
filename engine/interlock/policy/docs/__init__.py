"""A policy for people to read: its graph, and its page in Markdown. Made of the policy alone: no ledger is needed."""

from __future__ import annotations

from interlock.policy.docs.graph import drawn
from interlock.policy.docs.page import policy_page

__all__ = ["drawn", "policy_page"]
