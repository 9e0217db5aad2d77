"""Source → `CompiledPolicy`: parser, checker and compiler in turn, with everything that is wrong reported at once."""

from __future__ import annotations

from collections.abc import Callable

from interlock.diagnostics import Issue, PolicyError, Source
from interlock.model.compiled import CompiledPolicy
from interlock.model.policy import Policy
from interlock.policy.check import check_policy
from interlock.policy.compile import compile_policy
from interlock.policy.parse import parse_yaml


def make(source: Source, needed: Callable[[str], Policy | str]) -> CompiledPolicy:
    """Make a policy of its text. `needed` finds the policies that it needs. Raises PolicyError with every issue."""
    document, issues = parse_yaml(source)
    if document is None:
        raise PolicyError(issues, (source,))
    policy, found = check_policy(document, needed)
    if policy is None or issues:
        raise PolicyError((*issues, *found), (source,))
    compiled, refusals = compile_policy(policy)
    if compiled is None:
        issues = tuple(Issue(r.code, r.message, document.locate(r.path), r.hint) for r in refusals)
        raise PolicyError(issues, (source,))
    return compiled
