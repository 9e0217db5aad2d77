"""Waivers: which findings do not count, for which tasks, and until when. Values only; `reading` has them of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from interlock.diagnostics import Issue, Source, UsageError
from interlock.model.policy import Policy


class Waivable(msgspec.Struct, frozen=True):
    """A policy, and the digest of each of its rules by the rule's id."""

    policy: Policy
    digests: Mapping[str, str]


class Waiver(msgspec.Struct, frozen=True):
    """A rule of a policy that is waived for a task (a name or id), before the instant `until` (microseconds, UTC).

    `digest` is that of the rule, or of the whole policy, for which it was granted; None where none is named.
    """

    policy: str
    rule: str
    task: str
    reason: str
    until: int
    by: str
    digest: str | None = None


class Waivers(msgspec.Struct, frozen=True):
    """All that a file waives. Of a policy, a rule and a task there is at most one grant.

    `digests` are those of rules, by the digest of the policy's text and the rule's id. `warnings` are about places of
    `source`, the file.
    """

    grants: tuple[Waiver, ...] = ()
    digests: Mapping[tuple[str, str], str] = {}
    warnings: tuple[Issue, ...] = ()
    source: Source | None = None

    def applies(self, grant: Waiver, policy_digest: str) -> bool:
        """Whether a grant is for the policy of that digest: a rule that was rewritten since does not inherit it."""
        known = (None, policy_digest, self.digests.get((policy_digest, grant.rule)))
        return grant.digest in known

    def of(self, policy: str, task: str, identity: Callable[[str], str]) -> Sequence[Waiver]:
        """What is waived of a policy for a task, expired or not.

        `identity` gives the id of a task by its name or id, and raises UsageError where the name is ambiguous: so a
        grant for a name that two tasks have applies to neither, unless the request uses that name.
        """
        found: dict[str, Waiver] = {}
        for grant in self.grants:
            if grant.policy == policy and (grant.task == task or _one(grant.task, identity) == identity(task)):
                found.setdefault(grant.rule, grant)
        return tuple(found.values())


def _one(task: str, identity: Callable[[str], str]) -> str | None:
    with suppress(UsageError):
        return identity(task)
    return None
