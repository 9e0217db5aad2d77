"""A decision held against what was expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.model.decision import Decision, Finding
from interlock.model.testing import Difference, Expectation, Expected, Told

_TOLD: dict[bool | None, Told] = {True: "allowed", False: "denied", None: "undecided"}


def differences(expect: Expectation, decision: Decision) -> tuple[Difference, ...]:
    """Everything that is not as expected."""
    return tuple(_differences(expect, decision))


def _differences(expect: Expectation, decision: Decision) -> Iterator[Difference]:
    verdict = _TOLD[decision.allow]
    if expect.verdict not in (None, verdict):
        yield Difference("verdict", expect.verdict, verdict)
    if expect.state not in (None, decision.state):
        yield Difference("state", expect.state, decision.state)
    unforeseen = decision.allow is None and "undecided" not in (expect.verdict, expect.state)
    if unforeseen or expect.reason not in (None, decision.reason):
        yield Difference("reason", expect.reason, decision.reason)
    lacking, further = _matched(expect, decision.findings)
    if lacking or further:
        told = [{"rule": each.rule, "message": each.message} for each in lacking]
        yield Difference("findings", told, [{"rule": each.rule, "message": each.message} for each in further])
    yield from _outputs("outputs", expect.outputs, decision.outputs)


def _matched(expect: Expectation, found: tuple[Finding, ...]) -> tuple[list[Expected], list[Finding]]:
    """The expected findings that were not made, and those that were made and not expected.

    Where none are given, only an allowed decision says something of them: that nothing blocks.
    """
    if expect.findings is None:
        return [], [each for each in found if expect.verdict == "allowed" and each.severity == "block"]
    left, lacking = list(found), []
    for wanted in sorted(expect.findings, key=lambda each: each.message is None):
        met = next((f for f in left if f.rule == wanted.rule and wanted.message in (None, f.message)), None)
        if met is None:
            lacking.append(wanted)
        else:
            left.remove(met)
    return lacking, left


def _outputs(path: str, expect: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[Difference]:
    for name, wanted in expect.items():
        here, value = f"{path}.{name}", got.get(name)
        if isinstance(wanted, dict):
            yield from _outputs(here, wanted, value if isinstance(value, dict) else {})
        elif wanted != value or isinstance(wanted, bool) is not isinstance(value, bool):
            yield Difference(here, wanted, value)
