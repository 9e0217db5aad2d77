"""From the facts that were read for a decision to the case of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec

from interlock import instant, schemas
from interlock.analysis.capture.masking import Flat, Masks, constants, flat, nested, texts
from interlock.analysis.capture.minimize import CaseOutcome, MinimizeBench, WrittenFact, outcome_of, smallest, whole
from interlock.analysis.export import extent
from interlock.analysis.testing import run_suite
from interlock.analysis.testing.parse import NOW, TASK, suite_of
from interlock.diagnostics import Source, UsageError
from interlock.evaluation.judge import Judge, Loaded
from interlock.language.evaluate import as_printed
from interlock.ledger import Snapshot
from interlock.ledger.export import Export, Extent
from interlock.ledger.lines import CLOSING, OPENING
from interlock.model.facts import Value
from interlock.model.policy import Policy
from interlock.policy.library import Library
from interlock.request import Session

CapturedFact = tuple[str, Flat]
"""A fact of the case: its kind and its fields."""
_ANYWAY = 4
"""Texts shorter than this may be part of any word."""


def captured(found: Incident, *, name: str | None, keep_times: bool) -> Mapping[str, Any]:
    """The case, as a test file states it, without anything that the ledger alone says.

    No fact can be left out of it, and no field, without another decision, finding or message.
    Raises UsageError where the decision depends on what must not be disclosed.
    """
    bench = MinimizeBench(found.loaded)
    try:
        return _Capture(found, bench, keep_times=keep_times).case(name)
    finally:
        bench.held.close()


class _Capture:
    """One decision on its way to a case."""

    def __init__(self, found: Incident, bench: MinimizeBench, *, keep_times: bool) -> None:
        self.found, self.bench, self.keep_times, self.catalog = found, bench, keep_times, found.loaded.catalog
        self.clock = found.now if keep_times else instant.parse_instant(NOW)
        words = {text for each in found.every for text in constants(each.policy)}
        self.original = set(texts([found.facts, found.task, [found.params[given] for given in found.given]]))
        self.masks = Masks(words, self.original)
        self.masks.name(found.task, TASK)
        self.task = self.masks.of(found.task, "task")

    def case(self, name: str | None) -> Mapping[str, Any]:
        """The whole case."""
        facts = self._facts()
        entries, params = self._masked(facts), self._params()
        wanted = self._outcome(entries, params)
        if wanted is None or wanted.outline != self.found.outcome.outline:
            entries = self._masked(facts, precise=True)
            wanted = self._outcome(entries, params)
        if wanted is None or wanted.outline != self.found.outcome.outline:
            hint = "" if self.keep_times else "; perhaps `--keep-times` helps"
            raise UsageError(f"the decision is another one when ids, names and times are masked{hint}")
        entries = _smallest(entries, lambda tried: self._outcome(tried, params) == wanted)
        case = self._stated(entries, params, wanted, name)
        self._refuse_leak(case)
        return case

    def _facts(self) -> Sequence[dict[str, Any]]:
        """The facts that cannot be left out, whole."""
        found = self.found

        def does(facts: Sequence[dict[str, Any]]) -> bool:
            return self.bench.outcome(facts, found.task, found.now, found.params) == found.outcome

        if not does(found.facts):
            raise UsageError(
                "the facts that were read do not give the decision again, so that no case can be made of them"
            )
        return smallest(found.facts, does)

    def _masked(self, facts: Sequence[dict[str, Any]], *, precise: bool = False) -> list[CapturedFact]:
        """The facts in short form. An id is called what a test calls it that does not give it.

        Where it is `precise`, each time has a fraction of a second where it had one.
        """
        bare = [{fact["kind"]: {"role": fact["role"]} if fact["kind"] == "seat" else {}} for fact in facts]
        for fact, named in zip(facts, whole(bare, TASK, self.clock, self.catalog) or (), strict=False):
            self.masks.name(fact["id"], named["id"])
        clock = self.clock if precise else None
        return [(fact["kind"], flat(fact, self.found.now, self.masks, self.catalog, clock)) for fact in facts]

    def _params(self) -> dict[str, Value]:
        """The values of the parameters that were given, masked, those that are instants moved with the clock."""
        kinds = {parameter.name: parameter.kind for parameter in self.found.loaded.policy.parameters}
        made: dict[str, Value] = {}
        for name in self.found.given:
            value = self.masks.value(self.found.params[name], name)
            moved = isinstance(value, int) and kinds[name] == "timestamp"
            made[name] = value + self.clock - self.found.now if moved else value  # type: ignore[operator]
        return made

    def _outcome(self, entries: Iterable[CapturedFact], params: Mapping[str, Value]) -> CaseOutcome | None:
        facts = whole([{kind: nested(fields)} for kind, fields in entries], self.task, self.clock, self.catalog)
        return (
            None if facts is None else self.bench.outcome(facts, self.task, self.clock, {**self.found.params, **params})
        )

    def _stated(
        self, entries: Iterable[CapturedFact], params: Mapping[str, Value], wanted: CaseOutcome, name: str | None
    ) -> dict[str, Any]:
        kinds = {parameter.name: parameter.kind for parameter in self.found.loaded.policy.parameters}
        case: dict[str, Any] = {"case": name or _name(wanted)}
        case |= {"now": instant.format_instant(self.clock)} if self.keep_times else {}
        case |= {"task": self.task} if self.task != TASK else {}
        case |= {"params": {n: as_printed(value, kinds[n]) for n, value in params.items()}} if params else {}
        case["facts"] = [{kind: nested(fields)} for kind, fields in entries]
        return case | {"expect": _expectation(wanted)}

    def _refuse_leak(self, case: Mapping[str, Any]) -> None:
        """Raise UsageError if a text of the ledger is in the case and is not a word of policies or schemas.

        A sentence in a message is not a leak: the policy makes messages of masked facts, and the ledger may hold the
        same in the same words.
        """
        words = "\n".join([*self.masks.kept, *self.masks.masks.values(), *_vocabulary(self.found.every, self.catalog)])
        given = [case["facts"], case.get("params"), case.get("task")]
        for text in sorted(self.original):
            hidden = len(text) >= _ANYWAY and not text.isdigit() and text not in words
            places = given if " " in text else [*given, case["expect"]]
            if hidden and any(text in each for each in texts(places)):
                raise UsageError(f"masking failed: the case still contains `{text}` from the ledger")


def _smallest(entries: list[CapturedFact], does: Callable[[list[CapturedFact]], bool]) -> list[CapturedFact]:
    """Without the fields that a test fills in as well, and then without facts that are no longer needed."""
    paths = list(dict.fromkeys(path for _, fields in entries for path in fields))
    items = [(index, path) for path in paths for index, (_, fields) in enumerate(entries) if path in fields]

    def kept(of: Iterable[tuple[int, str]]) -> list[CapturedFact]:
        wanted = set(of)
        return [(k, {p: v for p, v in fields.items() if (i, p) in wanted}) for i, (k, fields) in enumerate(entries)]

    for path in paths:
        rest = [item for item in items if item[1] != path]
        items = rest if does(kept(rest)) else items
    found = kept(smallest(items, lambda tried: does(kept(tried))))
    return smallest(found, lambda tried: does(list(tried)))


def _expectation(wanted: CaseOutcome) -> dict[str, Any]:
    if wanted.allow is None:
        return {"allow": "undecided", "reason": wanted.reason}
    reason = {} if wanted.reason is None else {"reason": wanted.reason}
    findings = [{"rule": rule, "message": message} for rule, _, message in wanted.findings]
    return {"allow": wanted.allow, "state": wanted.state, **reason, "findings": findings}


def _name(wanted: CaseOutcome) -> str:
    rules = ", ".join(dict.fromkeys(rule for rule, _, _ in wanted.findings))
    return f"{wanted.state}: {rules}" if rules else wanted.state


def _vocabulary(every: Iterable[Loaded], catalog: schemas.Catalog) -> Iterable[str]:
    """What is written in the policies, and the names of the kinds of facts, of their fields and of closed values."""
    for loaded in every:
        policy = loaded.policy
        yield from (policy.id, *(each.name for each in policy.parameters))
        yield from (*(rule.id for rule in policy.rules), *(line.state for line in policy.decide))
        said = [rule.message for rule in policy.rules]
        said += [*(line.reason for line in policy.decide), *(each.required for each in policy.selections)]
        yield from (text for template in said if template is not None for text in template.texts)
    for kind in catalog.kinds:
        yield kind
        for path, spec in catalog.fields(kind).items():
            yield from (path, *spec.enum)


__all__ = ["Incident", "captured", "incident"]


def refuse_other(source: Source, policy: Policy, library: Library) -> None:
    """Raise UsageError where a test file tests another policy, PolicyError where it is invalid."""
    suite, loaded = suite_of(source, library)
    if loaded.policy.digest != policy.digest:
        raise UsageError(f"`{source.name}` tests another policy, `{suite.policy}`; write to another file")


def prove(source: Source, case: Mapping[str, Any], library: Library) -> None:
    """Run a case where it is written: what the file says of every case holds for it too.

    Raises UsageError where it fails there.
    """
    suite, loaded = suite_of(source, library)
    trial = run_suite(suite, loaded, lambda name: name == f"{suite.id}/{case['case']}")
    if not trial.cases or not trial.passed:
        raise UsageError(
            f"the case does not pass in `{source.name}`, for what that file says of every case; write to another file"
        )


MAX_CASE_FACTS = 10_000
"""Facts that a test case may hold."""


class Incident(msgspec.Struct, frozen=True):
    """A decision and all facts that were read for it, whole.

    `every` are the policy and those whose decisions it needed; `given` are the parameters that were given, by name.
    """

    loaded: Loaded
    every: tuple[Loaded, ...]
    task: str
    now: int
    params: dict[str, Value]
    given: tuple[str, ...]
    facts: tuple[WrittenFact, ...]
    outcome: CaseOutcome


def incident(session: Session) -> Incident:
    """Decide the policy of a request, and gather the facts. Raises UsageError where some fact is invalid; else as the
    session does."""

    def gathering(judge: Judge, loaded: Loaded, asked: str, values: dict[str, Any]) -> Incident:
        snapshot, now = judge.snapshot, judge.now
        task = judge.decide(loaded, asked, values).task
        names = _names([each.task for each in judge.decided.values()], snapshot, now)
        params = {name: _renamed(value, names, snapshot) for name, value in values.items()}
        decision = judge.decide(loaded, names[task], params)
        every = tuple(dict.fromkeys(each.loaded for each in judge.decided.values()))
        read = {identity for made in judge.decided.values() for identity in made.decision.evidence}
        summed = {kind for each in every for kind in _summed(each.policy)}
        lines = map(msgspec.json.decode, Export(snapshot, now, extent(tuple(names.values()), [loaded])).lines())
        facts = tuple(islice(_read(lines, read, summed, names[task], snapshot.catalog), MAX_CASE_FACTS + 1))
        if len(facts) > MAX_CASE_FACTS:
            raise UsageError(
                f"the decision rests on more than {MAX_CASE_FACTS:,} facts, which are too many for a test case"
            )
        return Incident(loaded, every, names[task], now, params, tuple(session.given[0]), facts, outcome_of(decision))

    return session.one(gathering)


def _names(asked: Iterable[Any], snapshot: Snapshot, now: int) -> dict[str, str]:
    """The names of the tasks that were judged, by their labels, some of which are ids."""
    words = list(dict.fromkeys(asked))
    return dict(zip(words, Export(snapshot, now, Extent(words, [], [])).names or (), strict=True))


def _renamed(value: Value, names: Mapping[str, str], snapshot: Snapshot) -> Value:
    """The tasks in a parameter's list by their names."""

    def name(text: str) -> str:
        with suppress(UsageError):
            return names.get(snapshot.task_label(text), text)
        return text

    return tuple(map(name, value)) if isinstance(value, tuple) else value


def _summed(policy: Policy) -> Iterable[str]:
    """The kinds of facts that are counted, summed or compared: of them a decision does not name each that it read."""
    return (kind for each in policy.selections if each.take in ("count", "min", "max", "sum") for kind in each.kinds)


def _read(
    facts: Iterable[WrittenFact], read: set[str], summed: set[str], task: str, catalog: schemas.Catalog
) -> Iterable[WrittenFact]:
    """Those that were read, and the other tasks themselves: a request can only name a task that exists."""
    for fact in facts:
        kind, identity = fact["kind"], fact.get("id")
        if kind in (OPENING, CLOSING):
            continue
        if identity in read and schemas.faults(catalog, kind, fact):
            raise UsageError(
                f"{kind} `{identity}` is invalid, and a test case holds valid facts; `interlock verify-ledger` shows "
                "what is wrong with it"
            )
        if identity in read or kind in summed or (kind == "task" and fact["task"] != task):
            yield fact
