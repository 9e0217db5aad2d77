"""The smallest sets of receipts that make a policy allow, found size by size and goal by goal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace

from interlock.analysis.explain import lacking
from interlock.analysis.unblock.goals import Goal, Moving, Needing, Waiting, Wish, wishes
from interlock.analysis.unblock.receipts import granting, moving
from interlock.evaluation.holding import turns
from interlock.evaluation.judge import Engine, Evaluated, Judge, Loaded, maps
from interlock.language.evaluate import Environment, holds
from interlock.language.substitute import substitute_known
from interlock.language.unparse import notation
from interlock.ledger.memory import HypotheticalFacts
from interlock.model.decision import Decision, Verdict
from interlock.model.expression import TRUE
from interlock.model.facts import Value
from interlock.model.policy import Policy


class Hypothesis(msgspec.Struct, frozen=True):
    """Receipts, in order, recorded from `at` on, each `apart` from the one before it; the request is made after the
    last of them and a `wait`. All are microseconds."""

    at: int
    facts: tuple[dict[str, Any], ...] = ()
    wait: int = 0
    apart: int = 0

    @property
    def ends(self) -> int:
        """The instant of the last receipt."""
        return self.at + self.apart * max(0, len(self.facts) - 1)

    @property
    def next(self) -> int:
        """The instant of one more receipt."""
        return self.at + self.apart * len(self.facts)

    @property
    def now(self) -> int:
        """The instant of the request."""
        return self.ends + self.wait

    def identity(self) -> tuple[object, ...]:
        """Equal for the same receipts at the same instant, and the same request."""
        return (self.at, self.wait, self.apart, *sorted(msgspec.json.encode(fact) for fact in self.facts))

    def without(self, place: int) -> Hypothesis:
        """The same without the receipt at that place."""
        return replace(self, facts=self.facts[:place] + self.facts[place + 1 :])

    def later(self, span: int) -> Hypothesis:
        """The same receipts and the same wait, a span later."""
        return replace(self, at=self.at + span)


class HypothesisBench:
    """A policy and a task over hypothetical facts, judged as `judge` judges the ledger's own.

    `judged` counts the hypotheses that were judged.
    """

    def __init__(
        self,
        supposed: HypotheticalFacts,
        loaded: Loaded,
        task: str,
        params: Mapping[str, Value],
        judge: Judge,
    ) -> None:
        self.supposed, self.loaded, self.task, self.params, self.asked = supposed, loaded, task, params, judge
        self.judged = 0

    @contextmanager
    def judge(self, supposition: Hypothesis, engine: Engine = "reference") -> Iterator[Judge | None]:
        """A judge over the facts and the hypothetical receipts; None where a schema rejects one of these."""
        head = self.supposed.head
        facts = [{**f, "id": f"supposed-{n}", "seq": head + n} for n, f in enumerate(supposition.facts, 1)]
        asked, path = self.asked, self.supposed.path
        timed = [(fact, supposition.at + n * supposition.apart) for n, fact in enumerate(facts)]
        with self.supposed.supposing(timed, supposition.now, live=asked.live) as snapshot:
            yield (
                None
                if snapshot is None
                else Judge(snapshot, path, supposition.now, engine, asked.waivers, asked.max_skew)
            )

    def decide(self, supposition: Hypothesis, engine: Engine = "reference") -> Decision | None:
        """The decision, if the receipts are valid."""
        self.judged += 1
        with self.judge(supposition, engine) as judge:
            return None if judge is None else judge.judged(self.loaded, self.task, self.params).decision

    def allows(self, supposition: Hypothesis, engine: Engine = "reference") -> bool:
        """Whether the policy allows."""
        decision = self.decide(supposition, engine)
        return decision is not None and decision.allow is True


MAX_HYPOTHESES = 400
"""That many hypotheses are judged for one line of `decide` before the search gives up."""
MAX_PLAN_STEPS = 16
"""No set of more receipts is looked for."""
MAX_FOLLOWED_NEEDS = 4
"""That many policies deep are needs followed."""


_Asked = tuple[object, ...]


class Search:
    """The smallest hypotheses that a line of `decide` allows. `bounded` says whether some were left untried.

    Those that are `soft` may skip or soften what is to be proved. The receipts are `apart` microseconds apart.
    """

    def __init__(self, bench: HypothesisBench, line: int, *, soft: bool, apart: int = 0) -> None:
        self.bench, self.line, self.soft, self.apart, self.bounded = bench, line, soft, apart, False

    def smallest(self, now: int) -> list[Hypothesis]:
        """All of the fewest receipts that were found, in the order in which they were."""
        first = Hypothesis(now, apart=self.apart)
        waiting: deque[tuple[Hypothesis, int, _Asked]] = deque([(first, self.rank(first), ())])
        seen = {first.identity()}
        found: list[Hypothesis] = []
        start = self.bench.judged
        while waiting:
            here, rank, above = waiting.popleft()
            if (found and len(here.facts) >= len(found[0].facts)) or len(here.facts) >= MAX_PLAN_STEPS:
                self.bounded |= not found
                continue
            asked, children = self.children(here)
            if asked == above:  # the last receipt has not brought it nearer
                continue
            for child in children:
                if child.identity() in seen:
                    continue
                seen.add(child.identity())
                if self.bench.judged - start >= MAX_HYPOTHESES:
                    self.bounded = True
                    return found
                reached = self.rank(child)
                if reached == 2 * self.line:
                    found.append(child)
                elif reached >= rank:  # what leads further away is never part of a smallest set
                    waiting.append((child, reached, asked))
        return found

    def rank(self, supposition: Hypothesis) -> int:
        """How near the wanted line is: twice its place where it is taken. The later the line that is taken instead, the
        nearer; nearest, where it is a later one. Nothing is less than undecided."""
        decision = self.bench.decide(supposition)
        if decision is None or decision.allow is None:
            return -1
        lines = self.bench.loaded.policy.decide
        taken = next(n for n, line in enumerate(lines) if (line.state, line.allow) == (decision.state, decision.allow))
        return 2 * taken if taken <= self.line else 2 * self.line - 1

    def children(self, here: Hypothesis) -> tuple[_Asked, list[Hypothesis]]:
        """What might bring the line nearer: for each goal a further receipt, or a later instant."""
        bench = self.bench
        found: list[Hypothesis] = []
        asked: list[object] = []
        with bench.judge(here) as judge:
            if judge is None:
                return (), []
            for atom, policy, task in wanted(judge, bench.loaded, bench.task, bench.params, self.line):
                asked.append((task, policy.id, *_told(atom, policy)))
                match atom:
                    case Waiting(lasting=True) if here.facts:
                        found.append(replace(here, wait=atom.until - here.ends))
                    case Waiting():
                        found.append(replace(here, at=atom.until - (here.ends - here.at)))
                    case Wish():
                        more = granting(policy, atom, task, judge.snapshot, here.next, soft=self.soft)
                        found += [replace(here, facts=(*here.facts, fact)) for fact in more]
                    case Moving():
                        more = moving(atom, task, judge.snapshot)
                        found += [replace(here, facts=(*here.facts, fact)) for fact in more]
        return tuple(asked), found


def _told(atom: Goal, policy: Policy) -> _Asked:
    """What an atom asks for; a number of facts, or the newest few, change with each: perhaps a step on the way."""
    match atom:
        case Wish():
            selection = policy.selection(atom.selection)
            facts = atom.known.facts.get(atom.selection, ())
            limited = atom.counted or (selection is not None and selection.limit is not None)
            counts = [fact.id if limited else fact.fields for fact in facts if limited or fact.id is None]
            return (atom.selection, atom.want, notation(substitute_known(atom.condition, atom.known)), str(counts))
        case Moving():
            return (atom.entity.id,)
    return (atom,)


def counting(judged: Evaluated) -> Verdict | None:
    """The verdict, without the firings that a waiver excuses; None where no rule was judged."""
    waived = {finding.rule for finding in judged.decision.findings if finding.waived}
    if judged.verdict is None or not waived:
        return judged.verdict
    rules = judged.loaded.policy.rules
    return replace(
        judged.verdict, firings=[each for each in judged.verdict.firings if rules[each.rule].id not in waived]
    )


def wanted(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], line: int | None, depth: int = 0
) -> Iterator[tuple[Goal, Policy, str]]:
    """What might bring a line of `decide` (or any that allows) nearer, each with the policy and the task it is of."""
    policy, judged = loaded.policy, judge.judged(loaded, task, params)
    whole, verdict = judged.known, counting(judged)
    if whole is None or verdict is None:
        for atom in _required(judge, judged):
            yield from _followed(judge, atom, loaded, task, depth)
        return
    if judged.skewed and judged.newest is not None:
        yield Waiting(judged.newest.at - judge.max_skew), policy, task
        return
    lines = [index for index, each in enumerate(policy.decide) if each.allow] if line is None else [line]
    for goal in lines:
        for index, each in enumerate(policy.decide[: goal + 1]):
            node = TRUE if each.when is None else each.when
            since = None if judged.holds is None else judged.holds.of_line(index)
            if since is not None and holds(node, whole) and since.until is not None:
                if index == goal:
                    yield Waiting(since.until, lasting=True), policy, task
                    break
                continue
            if holds(node, whole) is not (index == goal):
                for atom in wishes(policy, node, index == goal, whole, verdict):
                    yield from _followed(judge, atom, loaded, task, depth)
                break


def _required(judge: Judge, judged: Evaluated) -> Iterator[Goal]:
    """What is missing for the policy to be decided."""
    policy = judged.loaded.policy
    if judged.lacks is not None:
        known = Environment(judge.now, judged.task, judged.params, judged.facts, maps(policy, judged.facts))
        for name, node in lacking(policy, known):
            yield Wish(name, node, True, known)
            return
    if judged.held is not None:
        turning = min(turns(policy, judged.params, judged.held, judge.now), default=None)
        if turning is not None:
            yield Waiting(turning, lasting=True)
    for need, decided in judged.needs:
        for made in decided:
            if made.decision.allow is None and not need.asks_undecided:
                yield Needing(need.name, made.task)
                return


def _followed(judge: Judge, atom: Goal, loaded: Loaded, task: str, depth: int) -> Iterator[tuple[Goal, Policy, str]]:
    """The wish itself, or those of the policy whose decision is needed."""
    if not isinstance(atom, Needing):
        yield atom, loaded.policy, task
        return
    need = next(each for each in loaded.policy.needs if each.name == atom.need)
    for made in tuple(judge.decided.values()):
        asked = made.loaded.policy.id == need.policy and made.task == atom.task
        if asked and made.decision.allow is not True and depth < MAX_FOLLOWED_NEEDS:
            yield from wanted(judge, made.loaded, made.task, made.params, None, depth + 1)
