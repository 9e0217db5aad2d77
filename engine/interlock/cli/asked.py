"""What reports show of the policies that were applied: plain values, with the text that their authors wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.evaluation.judge import Loaded
from interlock.model.decision import FailOn
from interlock.policy.library import Library
from interlock.policy.parse import parse_valid as parsed
from interlock.reporting import PolicyView, RenderContext, RuleView

_HELP = ("block", "warn", "note", "fix", "for", "when", "unless")


def informed(policies: Sequence[str], library: Library, fail_on: FailOn = "block") -> RenderContext:
    """A render context with the policies: each one's question, file and rules, by its digest."""
    loaded = dict(zip(policies, library.loads(policies), strict=True))
    questions = {each.policy.digest: each.policy.question for each in loaded.values()}
    asked = {each.policy.digest: _asked(each, library.path(name)) for name, each in loaded.items()}
    return RenderContext(questions=questions, asked=asked, fail_on=fail_on)


def _asked(loaded: Loaded, path: str) -> PolicyView:
    document = parsed(loaded.source)
    written = {rule["id"]: rule for rule in document.data.get("rules", [])}
    rules = tuple(
        RuleView(rule.id, rule.line, rule.effect, *_texts(written.get(rule.id, {})))
        for rule in loaded.policy.rules
        if rule.effect != "derive"
    )
    return PolicyView(_near(path), document.locate_key(("policy",)).line, rules)


def _texts(rule: Mapping[str, Any]) -> tuple[str, str]:
    """A rule's message, and everything that it says, a line each."""
    message = next((str(rule[key]) for key in _HELP[:3] if key in rule), "")
    return message, "\n".join(f"{key}: {_text(rule[key])}" for key in _HELP if key in rule)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def _near(path: str) -> str:
    """The path from the folder that the command runs in, if the file is in it or below: so tools find it again."""
    try:
        below = os.path.relpath(path)
    except (OSError, ValueError):
        return path
    return path if below.startswith(os.pardir) else below
