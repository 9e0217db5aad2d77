"""The same work over many ledgers, in many processes, with what is known of each as it comes.

Nothing is skipped: a ledger of which nothing can be said is a fault, which is named; so is one without a task.
"""

from __future__ import annotations

from interlock.analysis.fleet.fleet import Fleet, from_root
from interlock.analysis.fleet.ledgers import Member, find_ledgers
from interlock.analysis.fleet.lines import Lines, line
from interlock.analysis.fleet.work import Done

__all__ = ["Done", "Fleet", "Lines", "Member", "find_ledgers", "from_root", "line"]
