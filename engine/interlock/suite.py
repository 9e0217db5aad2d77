"""A policy's test as its file states it: cases, each with facts, a clock and what must be decided. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from interlock.fact import Value
from interlock.source import Location

Told = Literal["allowed", "denied", "undecided"]


class Expected(msgspec.Struct, frozen=True):
    """A finding that must be there: its rule, and its message where that is given."""

    rule: str
    message: str | None = None


class Expectation(msgspec.Struct, frozen=True):
    """What must be decided; what is None is not looked at.

    `findings` are all that there are, in any order; `outputs` the named ones among them, as a decision prints them.
    """

    verdict: Told | None = None
    state: str | None = None
    reason: str | None = None
    findings: tuple[Expected, ...] | None = None
    outputs: Mapping[str, Any] = {}


class Step(msgspec.Struct, frozen=True):
    """All facts that there are at an instant (microseconds, UTC), whole, and what must be decided on them."""

    name: str
    location: Location
    now: int
    facts: tuple[dict[str, Any], ...]
    expect: Expectation


class Case(msgspec.Struct, frozen=True):
    """Steps, one after the other; `params` has a value for every parameter of the policy."""

    name: str
    location: Location
    task: str
    params: Mapping[str, Value]
    steps: tuple[Step, ...]


class Suite(msgspec.Struct, frozen=True):
    """The cases of a test file. `policy` is the path of the policy that they test, `id` its id."""

    path: str
    policy: str
    id: str
    cases: tuple[Case, ...]
