"""Waivers: which findings do not count, for which tasks, and until when. Values only; `reading` has them of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from interlock.errors import UsageError


class Grant(msgspec.Struct, frozen=True):
    """A rule of a policy that is waived for a task (a name or id), before the instant `until` (microseconds, UTC)."""

    policy: str
    rule: str
    task: str
    reason: str
    until: int
    by: str


class Waivers(msgspec.Struct, frozen=True):
    """All that a file waives. Of a policy, a rule and a task there is at most one grant."""

    grants: tuple[Grant, ...] = ()

    def of(self, policy: str, task: str, identity: Callable[[str], str]) -> Sequence[Grant]:
        """What is waived of a policy for a task, expired or not.

        `identity` gives the id of a task by its name or id, and raises UsageError where no one task is meant: so a
        grant for a name that two tasks bear is one for neither, unless both are asked for by it.
        """
        found: dict[str, Grant] = {}
        for grant in self.grants:
            if grant.policy == policy and (grant.task == task or _one(grant.task, identity) == identity(task)):
                found.setdefault(grant.rule, grant)
        return tuple(found.values())


def _one(task: str, identity: Callable[[str], str]) -> str | None:
    with suppress(UsageError):
        return identity(task)
    return None
