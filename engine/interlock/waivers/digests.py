"""The digest of a rule: of all that is written about it, so that a rewritten rule is another one."""

from __future__ import annotations

import msgspec

from interlock.model.policy import Policy
from interlock.model.waivers import Waivable
from interlock.parser import Document
from interlock.source import digest

_APART = frozenset({"policy", "version", "title", "question", "description", "rules", "decide", "outputs"})
"""The keys of a policy that no rule can read."""


def waivable(policy: Policy, document: Document) -> Waivable:
    """The policy with the digests of its rules, of its text as it was parsed."""
    return Waivable(policy, rule_digests(document))


def rule_digests(document: Document) -> dict[str, str]:
    """The digest of each rule of a valid policy, by its id, as `sha256:…`.

    It covers the rule and whatever a rule can read: parameters, needs, facts and derived facts. It does not change with
    comments, layout, other rules, texts about the policy, or the version of interlock.
    """
    rules = document.data.get("rules", [])
    read = {key: value for key, value in document.data.items() if key not in _APART}
    derived = [rule for rule in rules if "derive" in rule]
    return {rule["id"]: _digest({"rule": rule, "derived": derived, "read": read}) for rule in rules}


def _digest(value: object) -> str:
    return digest(msgspec.json.encode(value, order="sorted").decode())
