"""Why the rules came to their verdict: every rule, the facts that it ranged over, and each part of its condition.

`explain` and `rule` are functions of a policy, of what is known and of the verdict: they ask no ledger and no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, product
from math import prod
from typing import Any

from msgspec.structs import replace

from interlock import instant
from interlock.diagnostics import UsageError, meant_or_all
from interlock.evaluation.findings import finding
from interlock.evaluation.holding import Holds, Progress
from interlock.evaluation.judge import Evaluated, Judge, Loaded, maps
from interlock.language.evaluate import (
    Environment,
    Failure,
    as_display_text,
    evaluate,
    fact_of,
    holds,
    outcome,
    printed,
)
from interlock.language.substitute import substitute_known
from interlock.language.unparse import notation
from interlock.language.walk import children, conjuncts, free_locals, within
from interlock.language.walk import reference as referenced
from interlock.ledger import Snapshot
from interlock.model.decision import Firing, Verdict
from interlock.model.explanation import (
    Cited,
    Clause,
    Combination,
    ExaminedFact,
    Explanation,
    HoldExplained,
    LineExplained,
    MissingFacts,
    NeedExplained,
    Part,
    RuleExplained,
    ValueRead,
)
from interlock.model.expression import (
    TRUE,
    Blocked,
    Call,
    Compare,
    Constant,
    Count,
    Exists,
    Field,
    Fold,
    Logic,
    MapRef,
    Node,
    Not,
    Now,
    Param,
    Present,
    SingletonRef,
    Size,
    Sum,
    TaskId,
    Type,
    VariableRef,
    type_of,
)
from interlock.model.facts import Fact, Value
from interlock.model.policy import PREVIOUS, Policy, Rule, Selection
from interlock.policy.parse import parse_valid
from interlock.request import Session

MAX_COMBINATIONS = 20
"""That many combinations of facts for which a rule fired are explained, and as many for which it did not."""
RuleFilter = Callable[[Rule], bool]


def answer(session: Session, rule: str | None = None, *, every: bool = False) -> Explanation:
    """Why the policy of a request decides about its task as it does: each rule that fired, and its condition's parts.

    With `rule`, that rule alone, also where it did not fire; with `every`, all rules so. Raises UsageError for an
    unknown rule; else as the session does.
    """
    (loaded,) = session.policies
    if rule is not None:
        _known_rule(rule, loaded.policy)
    found = session.one(partial(explanation, silent=lambda each: every or each.id == rule))
    found = replace(found, params=session.params[0])
    return authored(found, parse_valid(loaded.source).data, rule)


def _known_rule(rule: str, policy: Policy) -> None:
    ids = [each.id for each in policy.rules]
    if rule not in ids:
        raise UsageError(f"policy `{policy.id}` has no rule `{rule}`; {meant_or_all(rule, ids)}")


def explanation(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], silent: RuleFilter
) -> Explanation:
    """Why a policy decides as it does. `silent` asks for the rules that are shown also where they did not fire.

    Raises UsageError for an unknown task, LedgerError.
    """
    policy, decision = loaded.policy, judge.decide(loaded, task, params)
    judged = judge.judged(loaded, task, params)
    facts = Environment(judge.now, decision.task, params, judged.facts, maps(policy, judged.facts))
    movers = EntityReceipts(judge.snapshot, facts)
    whole, verdict = judged.known, None if decision.allow is None else judged.verdict
    rules: tuple[RuleExplained, ...] = ()
    tried: tuple[LineExplained, ...] = ()
    if verdict is not None and whole is not None:
        rules = tuple(movers.of_rule(each) for each in explain(policy, whole, verdict, silent, judged.holds))
        tried = tuple(movers.of_line(each) for each in lines(policy, whole, verdict, judged.holds))
    return Explanation(
        policy=decision.policy,
        version=decision.version,
        task=decision.task,
        now=decision.now,
        allow=decision.allow,
        state=decision.state,
        reason=decision.reason,
        needs=_needs(judged),
        sought=() if judged.lacks is None else _sought(policy, facts),
        rules=rules,
        lines=tried,
        policy_digest=decision.policy_digest,
    )


def authored(found: Explanation, written: Mapping[str, Any], only: str | None = None) -> Explanation:
    """The explanation with the conditions as the policy's file has them (`written`), and of one rule only on
    request."""
    texts = {rule["id"]: rule for rule in written.get("rules") or ()}
    rules = tuple(
        replace(each, clauses=(*_clauses(written, everywhere=True), *_clauses(texts[each.rule])))
        if each.rule in texts
        else each
        for each in found.rules
        if only in (None, each.rule)
    )
    return replace(found, rules=rules)


def _clauses(written: Mapping[str, Any], *, everywhere: bool = False) -> tuple[Clause, ...]:
    return tuple(Clause(word, _text(written[word]), everywhere) for word in ("when", "unless") if word in written)


def _text(written: object) -> str:
    return str(written).lower() if isinstance(written, bool) else " ".join(str(written).split())


def lacking(policy: Policy, known: Environment) -> list[tuple[str, Node]]:
    """The last selection that was run, of which something was required and not found, and what its facts should be:
    one condition for each group that lacks."""
    selection = [each for each in policy.selections if each.name in known.facts][-1]
    if not selection.groups:
        return [(selection.name, TRUE)]
    field = Field(VariableRef(selection.name), selection.per[0], Type("string"))
    there = [fact for fact in known.facts[selection.name] if not fact.absent and fact.fields.get("count") != 0]
    found = {fact.fields.get(field.path) for fact in there}
    missing = [group for group in selection.groups if group not in found]
    return [(selection.name, Compare("==", field, Constant(group, Type("string")))) for group in missing]


def _sought(policy: Policy, known: Environment) -> tuple[MissingFacts, ...]:
    return tuple(
        described(policy, name, None if node == TRUE else notation(node, name), known)
        for name, node in lacking(policy, known)
    )


def _needs(judged: Evaluated) -> tuple[NeedExplained, ...]:
    return tuple(
        NeedExplained(need.name, need.policy, made.task, made.allow, made.state, made.reason)
        for need, decided in judged.needs
        for made in (each.decision for each in decided)
    )


def explain(
    policy: Policy, whole: Environment, verdict: Verdict, silent: RuleFilter, held: Holds | None = None
) -> tuple[RuleExplained, ...]:
    """Every rule that fired, where it did; and those rules that `silent` asks for, also where they did not.

    `whole` is what is known once the rules have been judged by: see `completed`.
    """
    found = (rule(policy, index, whole, verdict, held, silent=silent(each)) for index, each in enumerate(policy.rules))
    return tuple(each for each, asked in zip(found, policy.rules, strict=True) if each.fired or silent(asked))


def rule(
    policy: Policy, index: int, whole: Environment, verdict: Verdict, held: Holds | None = None, *, silent: bool
) -> RuleExplained:
    """One rule (by its index) over what is known once the rules have been judged by: see `completed`.

    With `silent`, also the combinations of facts for which it did not fire.
    """
    asked = policy.rules[index]
    fired = [firing for firing in verdict.firings if firing.rule == index]
    cases = [_case(policy, asked, firing, whole, held, fired=True) for firing in fired[:MAX_COMBINATIONS]]
    if silent:
        left = islice(_others(index, asked, whole, fired), MAX_COMBINATIONS)
        cases += [_case(policy, asked, firing, whole, held, fired=False) for firing in left]
    return RuleExplained(
        rule=asked.id,
        severity=None if asked.effect == "derive" else asked.effect,
        derives=asked.derive,
        line=asked.line,
        ranges=asked.loops,
        clauses=_retold(asked),
        combinations=prod(len(whole.facts[name]) for name in asked.loops),
        fired=len(fired),
        cases=tuple(cases),
    )


def lines(policy: Policy, whole: Environment, verdict: Verdict, held: Holds | None = None) -> tuple[LineExplained, ...]:
    """The lines of `decide`: those that were passed over, and why; the one that was taken; those after it."""
    return tuple(
        LineExplained(
            line.state,
            line.allow,
            index == verdict.line,
            index <= verdict.line,
            None if line.when is None or index > verdict.line else part(policy, line.when, whole),
            None if held is None or index > verdict.line else _held(line.when, whole, held.of_line(index)),
        )
        for index, line in enumerate(policy.decide)
    )


def _others(index: int, asked: Rule, whole: Environment, fired: list[Firing]) -> Iterator[Firing]:
    """The combinations of facts for which the rule did not fire."""
    done = {firing.identity() for firing in fired}
    every = (Firing(index, facts) for facts in product(*(whole.facts[name] for name in asked.loops)))
    return (firing for firing in every if firing.identity() not in done)


def _held(condition: Node | None, known: Environment, progress: Progress | None) -> HoldExplained | None:
    """For how long a condition must hold, and has; None where it need not."""
    if progress is None:
        return None
    since = instant.format_instant(progress.since) if condition is None or holds(condition, known) else None
    return HoldExplained(instant.format_duration(progress.least), since)


def _case(
    policy: Policy, asked: Rule, firing: Firing, whole: Environment, held: Holds | None, *, fired: bool
) -> Combination:
    result = finding(asked, firing, whole) if fired else None
    here = whole.ranging(asked.loops, firing.facts)
    progress = None if held is None else held.of_rule(firing.rule, firing.facts)
    return Combination(
        fired,
        tuple(map(cited, firing.facts)),
        part(policy, asked.condition, here),
        result.message if result else None,
        result.fix if result else None,
        result.hint if result else None,
        _held(asked.condition, here, progress),
    )


def _retold(asked: Rule) -> tuple[Clause, ...]:
    """The condition, where the text that its author wrote is not at hand."""
    if isinstance(asked.condition, Not):
        return (Clause("unless", notation(asked.condition.item)),)
    return (Clause("when", notation(asked.condition)),)


MOST_PARTS = 3
"""That many facts are shown of those that `exists` or `all` examined."""


def part(policy: Policy, node: Node, known: Environment) -> Part:
    """A condition and its parts, as they are over what is known."""
    if isinstance(node, Exists):
        return _macro(policy, node, node, node.condition, known)
    if isinstance(node, Not) and isinstance(node.item, Exists) and isinstance(node.item.condition, Not):
        return _macro(policy, node, node.item, node.item.condition.item, known)
    if isinstance(node, Logic) or (isinstance(node, Not) and not isinstance(node.item, Present)):
        inner = tuple(part(policy, each, known) for each in children(node))
        op = node.op if isinstance(node, Logic) else "!"
        return Part(notation(node), holds(node, known), op=op, parts=inner)
    return _leaf(policy, node, known)


def cited(fact: Fact) -> Cited:
    """The receipt or entity that a fact came from, or the named group that is absent."""
    group = next((str(value) for value in fact.fields.values() if value is not None), None) if fact.absent else None
    return Cited(fact.kind, fact.id, _normal(fact.at), group)


def _leaf(policy: Policy, node: Node, known: Environment) -> Part:
    inner = list(within(node))
    shown = (Field, Param, Now, TaskId, Sum, Blocked, Call, Fold, Count, Size)
    values = [each for each in inner if isinstance(each, shown) and not free_locals(each)]
    values = [each for each in values if each is not node or isinstance(node, Blocked)]
    reads = {notation(each): _shown(each, known) for each in values}
    receipts: dict[Cited, None] = {}
    lacking: dict[MissingFacts, None] = {}
    for each in inner:
        of = referenced(each)
        fact = None if of is None else fact_of(of, known)
        if fact is not None and not fact.absent:
            receipts[cited(fact)] = None
            if fact.previous is not None and isinstance(each, Field) and each.path.partition(".")[0] == PREVIOUS:
                receipts[cited(fact.previous)] = None
        elif isinstance(of, SingletonRef | MapRef):
            lacking[missing_facts(policy, of, known)] = None
        elif fact is not None:
            lacking[absence(policy, fact, known)] = None
    named = tuple(ValueRead(name, value) for name, value in reads.items())
    return Part(notation(node), holds(node, known), named, tuple(receipts), tuple(lacking))


def _shown(node: Node, known: Environment) -> Value:
    value = outcome(node, known)
    if isinstance(value, Failure):
        return f"no value: {value.why}"
    return as_display_text(node, known) if isinstance(value, tuple | dict) else printed(value, type_of(node))


def _macro(policy: Policy, node: Node, some: Exists, condition: Node, known: Environment) -> Part:
    """`exists` and `all`, at the facts that they found, or those that came nearest."""
    facts, name = known.facts[some.selection], some.variable
    found = [fact for fact in facts if holds(some.condition, known.bind(name, fact))]
    shown = found or (_nearest(facts, some, known) if isinstance(node, Exists) else [])
    among = [ExaminedFact(cited(fact), part(policy, condition, known.bind(name, fact))) for fact in shown[:MOST_PARTS]]
    return Part(
        notation(node),
        holds(node, known),
        receipts=tuple(dict.fromkeys(cited(fact) for fact in found[:MOST_PARTS] if not fact.absent)),
        sought=() if found or not isinstance(node, Exists) else (missing_facts(policy, some, known),),
        looked_at=len(facts),
        found=len(found),
        among=tuple(among),
    )


def _nearest(facts: Sequence[Fact], some: Exists, known: Environment) -> list[Fact]:
    """The facts that fail the fewest of the conditions, the newest of these first."""
    asked = conjuncts(some.condition)

    def failing(place: int) -> int:
        here = known.bind(some.variable, facts[place])
        return sum(not holds(each, here) for each in asked)

    return [facts[place] for place in sorted(range(len(facts) - 1, -1, -1), key=failing)]


def _normal(at: str | None) -> str | None:
    """An instant in the one form that all reports have."""
    return None if at is None else instant.format_instant(instant.parse_instant(at))


def missing_facts(policy: Policy, of: SingletonRef | MapRef | Exists, known: Environment) -> MissingFacts:
    """What a reference, or an `exists`, looks for."""
    condition = None
    if isinstance(of, Exists):
        condition = notation(substitute_known(of.condition, known), of.variable)
    elif isinstance(of, MapRef):
        condition = notation(_keyed(policy, of, known), of.selection)
    return described(policy, of.selection, condition, known)


def absence(policy: Policy, fact: Fact, known: Environment) -> MissingFacts:
    """What an absent named group lacks: a fact of that group."""
    selection = next(each for each in policy.selections if each.name == fact.kind)
    path, group = next((path, group) for path, group in selection.absences if fact.fields.get(path) == group)
    is_of_group = Compare("==", Field(VariableRef(fact.kind), path, Type("string")), Constant(group, Type("string")))
    return described(policy, fact.kind, notation(is_of_group, fact.kind), known)


def described(policy: Policy, name: str, condition: str | None, known: Environment) -> MissingFacts:
    """A selection, derived fact or need, and the condition on its facts."""
    selection = policy.selection(name)
    count = sum(not fact.absent for fact in known.facts.get(name, ()))
    if selection is not None:
        chain = policy.chain(selection)
        return MissingFacts(name, _of(chain), _where(chain, known), condition, count)
    needs = [need.policy for need in policy.needs if need.name == name]
    makers = [rule.id for rule in policy.rules if rule.derive == name]
    of = f"the decision of {needs[0]}" if needs else f"what {', '.join(makers)} derives"
    return MissingFacts(name, of, None, condition, count)


def _keyed(policy: Policy, of: MapRef, known: Environment) -> Node:
    selection = policy.selection(of.selection)
    key = "task" if selection is None else selection.per[0]
    value = evaluate(of.key, known)
    text = value if isinstance(value, str | bool | int) else None
    return Compare("==", Field(VariableRef(of.selection), key, Type("string")), Constant(text, Type("string")))


def _of(chain: Sequence[Selection]) -> str:
    """What a selection takes of which facts, such as `the latest app_smoke_started for each role`."""
    selection, *parents = chain
    taken = {"all": "", "latest": "the latest ", "earliest": "the earliest ", "count": "the number of "}
    if selection.limit:
        taken[selection.take] = f"the {selection.limit} {selection.take} "
    what = taken.get(selection.take, f"the {selection.take} of {selection.of} of ")
    each = f" for each {' and '.join(selection.per)}" if selection.per else ""
    return f"{what}{_of(parents) if parents else ' or '.join(selection.kinds)}{each}"


def _where(chain: Sequence[Selection], known: Environment) -> str | None:
    """The conditions of a selection and of those that it narrows, as one text."""
    found: list[str] = []
    for each in reversed(chain):
        if each.where is not None:
            left = substitute_known(each.where, known.without(each.name))
            text = notation(left, each.name)
            found += [] if left == TRUE else [f"({text})" if isinstance(left, Logic) and left.op == "||" else text]
    return " && ".join(found) or None


_SQL = (
    "SELECT id FROM receipt WHERE kind = :kind AND at >= :second AND at < :second || '~' AND instant = :instant"
    " AND :entity IN (SELECT value FROM json_each(iif(json_valid(attributes), attributes, '{}'))"
    " UNION ALL SELECT value FROM json_each(iif(json_valid(correlation), correlation, '{}')))"
    " ORDER BY seq DESC LIMIT 1"
)


class EntityReceipts:
    """For the entities among the facts, the receipts that moved their fields to where they are."""

    def __init__(self, snapshot: Snapshot, known: Environment) -> None:
        """Look them up. Raises LedgerError."""
        self.found: dict[tuple[str, str | None], tuple[str, Cited]] = {}
        moving = snapshot.catalog.moving()
        for fact in {fact.id: fact for facts in known.facts.values() for fact in facts if fact.id}.values():
            for kind, moved in moving:
                value = fact.fields.get(moved.field)
                if fact.kind == moved.kind and isinstance(value, int):
                    self.look_up(snapshot, fact, (kind, moved.field), value)

    def look_up(self, snapshot: Snapshot, fact: Fact, moving: tuple[str, str], value: int) -> None:
        """Note the receipt of that kind and instant."""
        kind, field = moving
        at = instant.format_instant(value)
        binds = {"kind": kind, "second": at[:19], "instant": value, "entity": fact.id}
        for (identity,) in snapshot.rows(_SQL, binds):
            self.found[fact.kind, fact.id] = (field, Cited(kind, identity, at))

    def of_rule(self, rule: RuleExplained) -> RuleExplained:
        """The rule with these receipts cited."""
        return replace(rule, cases=tuple(replace(case, part=self.of_part(case.part)) for case in rule.cases))

    def of_line(self, line: LineExplained) -> LineExplained:
        """The line with these receipts cited."""
        return line if line.part is None else replace(line, part=self.of_part(line.part))

    def of_part(self, part: Part) -> Part:
        """The part, and those inside it, with these receipts cited."""
        known = [self.found[each.kind, each.id] for each in part.receipts if (each.kind, each.id) in self.found]
        more = [receipt for field, receipt in known if any(read.name.endswith(f".{field}") for read in part.reads)]
        return replace(
            part,
            receipts=(*part.receipts, *more),
            parts=tuple(map(self.of_part, part.parts)),
            among=tuple(replace(looked, part=self.of_part(looked.part)) for looked in part.among),
        )
