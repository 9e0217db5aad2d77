"""The result of judging: a decision, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from interlock.diagnostics import Source, digest
from interlock.evaluation.advice import Advised
from interlock.evaluation.holding import Held, Holds
from interlock.evaluation.program import Program
from interlock.instant import SECOND, format_duration
from interlock.language.evaluate import Environment, evaluate
from interlock.language.walk import macro_variables
from interlock.ledger import Snapshot
from interlock.ledger.rows import Stamp
from interlock.model.compiled import CompiledPolicy
from interlock.model.decision import Decision, Finding, Verdict
from interlock.model.facts import Fact, Value
from interlock.model.policy import Need, Policy, values
from interlock.schemas import Catalog

MAX_SKEW = 5 * SECOND
"""How far ahead of `now` a time may lie, in microseconds, where nobody says otherwise."""


def skew_reason(newest: Stamp | None, now: int, max_skew: int) -> str | None:
    """Why nothing may be allowed at `now` that read this time; None where it lies within `max_skew` microseconds."""
    if newest is None or newest.at - now <= max_skew:
        return None
    return (
        f"{newest.ahead_of(now)}, more than `--max-skew {format_duration(max_skew)}`:"
        " check the clocks of this machine and of the writer's"
    )


NeededDecisions = tuple[tuple[Need, tuple["Evaluated", ...]], ...]
"""The needs of a policy, each with the decisions that were needed."""


class Loaded:
    """A compiled policy ready to judge; its rulesets are built on first use.

    `source` is the text that it was made of, named by its file; `needs` are the policies that it needs, by their ids;
    `catalog` has the kinds of facts that it was compiled over, and those of the policies that it needs.
    """

    def __init__(self, compiled: CompiledPolicy, source: Source, needs: Mapping[str, Loaded], catalog: Catalog) -> None:
        self.compiled, self.source, self.needs, self.catalog = compiled, source, needs, catalog
        self.policy: Policy = compiled.policy
        digests = catalog.digests
        self.reads = self.policy.kinds()
        """The kinds of facts that it reads, and whether those of every task."""
        self.kinds = {kind: digests[kind] for kind in sorted(self.reads) if kind in digests}
        """The own kinds of facts that it reads, each with the digest of its schema."""
        self.closure = self.policy.digest
        """The digest of the policy; where it needs others or reads own kinds of facts, with theirs."""
        self.height: int = 1 + max((each.height for each in needs.values()), default=0)
        """How many policies there are in the longest row of needs from here, this one included."""
        if needs or self.kinds:
            parts = [f"{identity} {needs[identity].closure}" for identity in sorted(needs)]
            parts += [f"{kind} {known}" for kind, known in self.kinds.items()]
            self.closure = digest("\n".join([self.policy.digest, *parts]))
        self._program: Program | None = None
        computed = [(each.name, node) for each in compiled.relations for node in each.computed.values()]
        self.ranging = tuple((name, node) for name, node in computed if macro_variables(node))
        """What is evaluated of each fact of a relation and ranges over facts itself."""
        held = [rule.hold for rule in self.policy.rules] + [line.hold for line in self.policy.decide]
        self.holding = any(hold is not None for hold in held)
        """Whether some rule or line counts only once its condition has held for a while."""

    @property
    def program(self) -> Program:
        """The rulesets in the rules engine."""
        if self._program is None:
            self._program = Program(self.compiled)
        return self._program

    def way(self, identity: str) -> list[str] | None:
        """The ids from this policy down to the nearest of that id among all that it needs; None where there is none."""
        ways = {self: [self.policy.id]}
        for each in closure([self]):
            if each.policy.id == identity:
                return ways[each]
            for needed in each.needs.values():
                ways.setdefault(needed, [*ways[each], needed.policy.id])
        return None


def uncovered(snapshot: Snapshot, loaded: Loaded, task: str) -> str | None:
    """Why facts that a policy reads of a task (by its label) may be missing, or not in a known order; or None.

    Raises LedgerError.
    """
    found = snapshot.uncovered(loaded.reads, task)
    if found is not None or snapshot.joined is None:
        return found
    ordered, numbers = loaded.policy.ordered(), any("seq" in query.paths for query in loaded.compiled.queries)
    if numbers:  # compared across selections, as may be
        ordered = [(tuple(loaded.reads), any(loaded.reads.values())), *ordered]
    return snapshot.joined.unordered(ordered, snapshot.task_id(task), numbers=numbers)


def closure(policies: Iterable[Loaded]) -> Iterator[Loaded]:
    """The policies, and all that they need in turn, each once."""
    found = list(dict.fromkeys(policies))
    seen = set(found)
    for each in found:
        yield each
        for needed in each.needs.values():
            if needed not in seen:
                seen.add(needed)
                found.append(needed)


def passed(need: Need, policy: Policy, known: Environment) -> dict[str, Value]:
    """The parameters with which a policy is needed: those that are given, those of the same name, defaults."""
    given = {name: evaluate(node, known) for name, node in need.given.items()}
    values = {each.name: given.get(each.name, known.params.get(each.name)) for each in policy.parameters}
    return {each.name: each.default if values[each.name] is None else values[each.name] for each in policy.parameters}


class UndecidedNeed(msgspec.Struct, frozen=True):
    """A needed decision that is undecided of itself, with the way to it: the policy and task of each need passed."""

    way: tuple[tuple[str, str], ...]
    judged: Evaluated

    @property
    def advised(self) -> Advised:
        """What to do about it."""
        return Advised(self.judged.decision.fix, self.judged.decision.hint)

    def __str__(self) -> str:
        steps = "".join(f"`{policy}` is undecided for {task}: " for policy, task in self.way)
        return f"{steps}{self.judged.decision.reason}"


class Evaluated(msgspec.Struct, frozen=True):
    """A decision, and what it rests on: the decisions that were needed, the facts, and the verdict over them.

    `because` are the needed decisions, however far down, that left it undecided: each once, however often it is needed.
    `waivers` are the findings that policies which need it report too, by where they were made.

    `known` is everything that was known when it was decided, derived facts included; None where no rule was evaluated.
    `waived_until` is when the first of its waivers ends, in microseconds; `lacks` the selection that lacks what it
    requires. `newest` is the latest time that was read, needed decisions included; `skewed` says that it is undecided
    for that alone, because that time lies too far ahead; `failed` that an expression had no value. Where the policy
    holds conditions, `held` is what is known of them after its instant, and `holds` is by what they counted.
    """

    loaded: Loaded
    task: str
    params: Mapping[str, Value]
    decision: Decision
    needs: NeededDecisions = ()
    facts: Mapping[str, tuple[Fact, ...]] = {}
    known: Environment | None = None
    verdict: Verdict | None = None
    waived_until: int | None = None
    lacks: str | None = None
    newest: Stamp | None = None
    skewed: bool = False
    failed: bool = False
    because: tuple[UndecidedNeed, ...] = ()
    waivers: Mapping[tuple[str, ...], Finding] = {}
    held: Held | None = None
    holds: Holds | None = None

    def fact(self, name: str) -> Fact:
        """The decision as a fact of a policy that needs it: its outputs under their dotted names, and the verdict."""
        decision, given = self.decision, {}
        if self.known is not None and not self.skewed:
            given = {path: evaluate(node, self.known) for path, node in values(self.loaded.policy.outputs)}
        own = {"allow": decision.allow, "state": decision.state, "reason": decision.reason, "task": decision.task}
        return Fact(name, {**given, **own, "undecided": decision.allow is None})


def judgements(judged: Evaluated) -> Iterator[Evaluated]:
    """The decision, and all that were needed for it in turn, each once."""
    found = [judged]
    seen = {id(judged)}
    for each in found:
        yield each
        for _, decisions in each.needs:
            for needed in decisions:
                if id(needed) not in seen:
                    seen.add(id(needed))
                    found.append(needed)


def undecided(needed: NeededDecisions) -> tuple[UndecidedNeed, ...]:
    """The decisions that leave undecided what needs these, each with the first way to it."""
    found: dict[int, UndecidedNeed] = {}
    for need, decisions in needed:
        for judged in decisions:
            if judged.decision.allow is None and not need.asks_undecided:
                step = (need.policy, judged.task)
                for each in judged.because or (UndecidedNeed((), judged),):
                    found.setdefault(id(each.judged), UndecidedNeed((step, *each.way), each.judged))
    return tuple(found.values())
