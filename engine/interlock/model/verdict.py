"""What an evaluator makes of a policy's rules: which fired for which facts, and which line of `decide` holds."""

from __future__ import annotations

import msgspec

from interlock.model.facts import Fact


class Firing(msgspec.Struct, frozen=True):
    """A rule (by its index) that fired, and the facts it ranged over, in the order of its `for`."""

    rule: int
    facts: tuple[Fact, ...] = ()

    def identity(self) -> tuple[object, ...]:
        """What makes it this firing and no other."""
        return (self.rule, *(fact.identity() for fact in self.facts))


class Verdict(msgspec.Struct, frozen=True):
    """All firings, what was derived, and the index of the line that holds."""

    firings: tuple[Firing, ...]
    derived: dict[str, tuple[Fact, ...]]
    line: int

    def identity(self) -> tuple[object, ...]:
        """Equal for two evaluators exactly when they agree, in whatever order they found things."""
        derived = {name: frozenset(map(Fact.identity, facts)) for name, facts in self.derived.items() if facts}
        return (frozenset(map(Firing.identity, self.firings)), tuple(sorted(derived.items(), key=str)), self.line)
