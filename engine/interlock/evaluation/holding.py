"""`hold`: a rule or a line counts once its condition has held for so long without a break.

What is known of a condition's past is a *spell*: since when it has held. Conditions are judged at every instant at
which they can change, one after the other, and each step takes what is known from the one before it (`history` has the
first). Where an instant could not be judged, a condition that held before and after it may have been broken in between:
then the spell has an earliest beginning and a latest one. What depends on the difference is not decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Literal

import msgspec

from interlock.instant import format_duration, format_instant
from interlock.language.evaluate import Environment, Failure, evaluate
from interlock.model.expression import TRUE, Node
from interlock.model.facts import Fact, Value
from interlock.model.policy import Policy

SpellKey = tuple[object, ...]
"""A rule and the facts that it ranges over, or a line of `decide`."""
Course = Literal["holds", "fails", "unknown"]


class Spell(msgspec.Struct, frozen=True):
    """Since when a condition has held without a break, in microseconds: not before `earliest`, and not after `latest`.

    `latest` is None while it is not known whether it still holds.
    """

    earliest: int
    latest: int | None


class Progress(msgspec.Struct, frozen=True):
    """A condition that must hold for `least` microseconds, and has since an instant: it counts from `until` on.

    Where it counts already, `until` is None.
    """

    least: int
    since: int
    until: int | None


class Held(msgspec.Struct, frozen=True):
    """What is known of the conditions of a policy up to an instant; those without a spell do not hold.

    Since `lost` nothing is known, also of the others; None where the instant was judged. `reason` is why, or why
    nothing was known last.
    """

    spells: Mapping[SpellKey, Spell] = {}
    lost: int | None = None
    reason: str | None = None

    def losing(self, now: int, reason: str) -> Held:
        """What is known after an instant that could not be judged."""
        spells = {key: Spell(spell.earliest, None) for key, spell in self.spells.items()}
        return Held(spells, now if self.lost is None else self.lost, f"at {format_instant(now)}, {reason}")

    def following(self, now: int, courses: Mapping[SpellKey, Course]) -> Held:
        """What is known after an instant that was judged; conditions that are not in `courses` fail."""
        spells = {}
        for key, course in courses.items():
            known = self.spells.get(key)
            earliest = known.earliest if known is not None else now if self.lost is None else self.lost
            if course == "holds":
                spells[key] = Spell(earliest, now if known is None or known.latest is None else known.latest)
            elif course == "unknown":
                spells[key] = Spell(earliest, None)
        return Held(spells, None, self.reason)


def reach(policy: Policy, params: Mapping[str, Value]) -> int:
    """How far back a decision of the policy looks, in microseconds: a line may hold for what rules wait for."""
    rules = max((duration(rule.hold, params) for rule in policy.rules), default=0)
    return rules + max((duration(line.hold, params) for line in policy.decide), default=0)


def duration(hold: Node | None, params: Mapping[str, Value]) -> int:
    """For how long, in microseconds."""
    found = None if hold is None else evaluate(hold, Environment(0, "", params, {}))
    return found if isinstance(found, int) else 0


class Holds:
    """Which rules and lines count at an instant, by what is known `before` it. `doubts` are why that is not known.

    Nothing holds at an instant before the history has `begun`. `unsure` is why what is judged at the instant itself may
    not have been so.
    """

    def __init__(
        self,
        policy: Policy,
        params: Mapping[str, Value],
        before: Held,
        now: int,
        *,
        begun: bool = True,
        unsure: str | None = None,
    ) -> None:
        self.policy, self.before, self.now, self.begun, self.unsure = policy, before, now, begun, unsure
        self.rules = [duration(rule.hold, params) for rule in policy.rules]
        self.lines = [duration(line.hold, params) for line in policy.decide]
        self.doubts: dict[str, None] = {}

    def fires(self, rule: int, facts: tuple[Fact, ...]) -> bool:
        """Whether a rule whose condition holds for these facts has held for long enough; False where not known."""
        known = self._course(self._rule(rule, facts), self.rules[rule]) if self.rules[rule] else "holds"
        if known == "unknown":
            self._doubt(f"rule `{self.policy.rules[rule].id}`", self.rules[rule])
        return known == "holds"

    def takes(self, line: int) -> bool:
        """Whether a line of `decide` whose condition holds has held for long enough; False where not known."""
        known = self._course(("line", line), self.lines[line]) if self.lines[line] else "holds"
        if known == "unknown":
            self._doubt(f"state `{self.policy.decide[line].state}`", self.lines[line])
        return known == "holds"

    def spell(self, key: SpellKey) -> Spell:
        """Since when a condition that holds now has held."""
        known = self.before.spells.get(key)
        earliest = self.now if self.before.lost is None else self.before.lost
        latest = self.now if known is None or known.latest is None else known.latest
        return Spell(earliest if known is None else known.earliest, None if self.unsure else latest)

    def of_rule(self, rule: int, facts: tuple[Fact, ...]) -> Progress | None:
        """How long the condition of a rule has held for these facts, where it holds now; None where it need not."""
        return self._progress(self._rule(rule, facts), self.rules[rule])

    def of_line(self, line: int) -> Progress | None:
        """How long the condition of a line of `decide` has held, where it holds now; None where it need not."""
        return self._progress(("line", line), self.lines[line])

    def _progress(self, key: SpellKey, least: int) -> Progress | None:
        if not least:
            return None
        since = self.spell(key).latest
        since = self.now if since is None else since
        return Progress(least, since, None if self.now - since >= least else since + least)

    def without(self, reason: str, *, absent: bool) -> Held:
        """What is known after the instant, where no rule was judged: nothing holds if what is required is `absent`."""
        if absent or not self.begun:
            return self.before.following(self.now, {})
        return self.before.losing(self.now, reason)

    def after(self, known: Environment, waived: Collection[str]) -> Held:
        """What is known after the instant. `known` is what is known once the rules have been judged by."""
        if not self.begun:
            return self.before.following(self.now, {})
        if self.unsure:
            return self.before.losing(self.now, self.unsure)
        courses: dict[SpellKey, Course] = {}
        blocked: set[bool] = {known.blocked}
        for index, rule in enumerate(self.policy.rules):
            for facts in self._holding(index, known) if rule.hold is not None else ():
                key = self._rule(index, facts)
                courses[key] = "holds"
                if (
                    rule.effect == "block"
                    and rule.id not in waived
                    and self._course(key, self.rules[index]) == "unknown"
                ):
                    blocked.add(True)
        for index, line in enumerate(self.policy.decide):
            if line.hold is not None:
                courses["line", index] = _of(line.when or TRUE, known, blocked)
        return self.before.following(self.now, courses)

    def _holding(self, index: int, known: Environment) -> Iterator[tuple[Fact, ...]]:
        rule = self.policy.rules[index]
        for facts in product(*(known.facts[name] for name in rule.loops)):
            if evaluate(rule.condition, known.ranging(rule.loops, facts)):
                yield facts

    def _rule(self, index: int, facts: tuple[Fact, ...]) -> SpellKey:
        loops = self.policy.rules[index].loops
        return ("rule", index, *(_identity(self.policy, name, fact) for name, fact in zip(loops, facts, strict=True)))

    def _course(self, key: SpellKey, least: int) -> Course:
        """Whether a condition that holds now has held for `least` microseconds."""
        spell = self.spell(key)
        if self.now - spell.earliest < least:
            return "fails"
        return "holds" if spell.latest is not None and self.now - spell.latest >= least else "unknown"

    def _doubt(self, what: str, least: int) -> None:
        why = self.unsure or self.before.reason or "nothing is known of it"
        self.doubts[
            f"{what} counts once it has held for {format_duration(least)}; whether it has is not known: {why}"
        ] = None


def _of(node: Node, known: Environment, blocked: Collection[bool]) -> Course:
    """What is known of a line's condition, where it is known of `blocked` that it is one of these."""
    try:
        found = {evaluate(node, msgspec.structs.replace(known, blocked=each)) for each in blocked}
    except Failure:  # of a line that was not reached: where one is, nothing is decided
        return "unknown"
    return "unknown" if len(found) > 1 else "holds" if found == {True} else "fails"


def _identity(policy: Policy, name: str, fact: Fact) -> object:
    """What makes a fact that a rule ranges over the same at two instants: its key in a map, else itself."""
    selection = policy.selection(name)
    if selection is not None and selection.shape != "many":
        return tuple(fact.fields.get(path) for path in selection.per)
    for need in policy.needs:
        if need.name == name:
            return fact.fields.get("task")
    return (fact.kind, fact.id) if fact.id is not None else fact.identity()


def turns(policy: Policy, params: Mapping[str, Value], held: Held, now: int) -> Iterator[int]:
    """The instants after one at which something will have held for long enough, if it goes on to hold."""
    for key, spell in held.spells.items():
        part = policy.rules[int(str(key[1]))] if key[0] == "rule" else policy.decide[int(str(key[1]))]
        least = duration(part.hold, params)
        yield from (
            since + least for since in (spell.earliest, spell.latest) if since is not None and since + least > now
        )
