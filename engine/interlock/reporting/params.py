"""The parameters that do not have their default, in words: a caller who sets one can soften any gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interlock.escape import harmless
from interlock.model.decision import Decision, ParamNote
from interlock.reporting.style import shown


def changed(params: Mapping[str, ParamNote]) -> dict[str, str]:
    """What was set, by name: the value and where it comes from, such as `1000h (flag)`."""
    return {name: f"{shown(each.value)} ({each.origin})" for name, each in params.items() if each.origin != "default"}


def params_text(params: Mapping[str, ParamNote]) -> str:
    """What was set, in a line that a terminal may show: `stale_after=1000h (flag)`; empty where nothing was."""
    return harmless(", ".join(f"{name}={value}" for name, value in changed(params).items()))


def params_lines(decisions: Iterable[Decision]) -> list[str]:
    """What was set of each policy, a line each: `smoke: stale_after=1000h (flag)`; none where nothing was."""
    texts = ((each.policy, params_text(each.params)) for each in decisions)
    return list(dict.fromkeys(f"{policy}: {text}" for policy, text in texts if text))
