"""The shipped gates a second time: plain Python over the raw rows of a ledger, written from the design's pages.

It imports nothing of interlock. Where the design leaves a reading open, an answer names every decision that is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.autopilot import quiescence, readiness
from tests.adversarial.model.composed import autonomy, worker_set
from tests.adversarial.model.docket import Answer, Params, unsettled
from tests.adversarial.model.integrity import integrity
from tests.adversarial.model.leases import loop, preflight, rotation, wakeup
from tests.adversarial.model.rows import Book, load
from tests.adversarial.model.seats import When
from tests.adversarial.model.smoke import smoke
from tests.adversarial.model.strict import smoke_strict

GATES: dict[str, Callable[[Book, str, When, Params], Answer]] = {
    "loop": loop,
    "smoke": smoke,
    "preflight": preflight,
    "readiness": readiness,
    "quiescence": quiescence,
    "wakeup": wakeup,
    "rotation": rotation,
    "smoke-strict": smoke_strict,
    "autonomy": autonomy,
    "worker-set": worker_set,
    "integrity": integrity,
}
_COMPOSED = ("smoke-strict", "autonomy", "worker-set")
_DEFAULTS: dict[str, Any] = {
    "dispatcher_id": "dispatch-local",
    "stale_after": 180 * stamps.SECOND,
    "quiet_after": 3,
    "mode": "required",
    "require_handoff": False,
    "manual_poll": False,
}


def decide(policy: str, book: Book, task: tuple[str, str], when: When, params: Params) -> Answer:
    """What a policy may say of a task (id and name). Spans of time in `params` are microseconds."""
    answer = GATES[policy](book, task[0], when, {**_DEFAULTS, "task": task[1], **params})
    return unsettled(answer, book, when, composed=policy in _COMPOSED)


__all__ = ["GATES", "Answer", "Book", "When", "decide", "load"]
