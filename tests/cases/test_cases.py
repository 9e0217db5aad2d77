"""A folder for each rule and each line of `decide` of the policies that the real system has no query for.

`satisfied.ndjson` and `violated.ndjson` are facts of the real ledgers in `tests/conformance`, as `interlock export`
writes them; `case.yaml` says of which task and instant, which one fact was changed where no real history serves, and
what must be decided. For a line of `decide`, satisfied is that its state is reached, violated that another is.
`UPDATE_GOLDEN=1` rewrites the facts.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

import interlock
from interlock.evaluation import rete
from interlock.instant import parse_instant
from interlock.ledger.export import Export
from interlock.policy.library import Library
from tests.conformance.answers import ANSWERS
from tests.helpers.extents import extent_of

HERE = Path(__file__).parent
CASES = sorted(str(path.parent.relative_to(HERE)) for path in HERE.glob("*/*/case.yaml"))
SIDES = ("satisfied", "violated")
DECIDE = "decide-"
POLICIES = sorted(set(Library().ids()) - {policy for answers in ANSWERS.values() for policy, _, _ in answers})


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one fact that is not as it was recorded, and its fields that are not."""

    kind: str
    id: str
    set: dict[str, Any]


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose facts they are, and what is decided on them; `findings` are the ids of the rules that fire."""

    ledger: Literal["ledger", "story"]
    task: str
    at: str
    state: str
    allow: bool
    findings: list[str]
    params: dict[str, Any] = {}
    changed: Change | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks whose facts are there."""
        return self.params.get("tasks") or [self.task]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both sides of a rule, or of a line of `decide`, and in a sentence or two how they differ."""

    about: str
    satisfied: Side
    violated: Side

    @property
    def sides(self) -> dict[str, Side]:
        return {"satisfied": self.satisfied, "violated": self.violated}


def read(name: str) -> Case:
    return msgspec.yaml.decode((HERE / name / "case.yaml").read_bytes(), type=Case)


def state_folder(state: str) -> str:
    return DECIDE + state.replace(" ", "-")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CASES)
def test_it_is_decided_as_the_case_says(name: str, side: str) -> None:
    policy, subject = name.split("/")
    said = read(name).sides[side]
    feed = HERE / name / f"{side}.ndjson"
    decision = interlock.evaluate(policy, ledger=feed, task=said.task, at=said.at, params=said.params, engine="both")
    fired = {finding.rule for finding in decision.findings}
    assert decision.engine == ("both" if rete.AVAILABLE else "reference")
    assert (decision.state, decision.allow, fired) == (said.state, said.allow, set(said.findings)), decision.reason
    met = state_folder(decision.state) == subject if subject.startswith(DECIDE) else subject not in fired
    assert met is (side == "satisfied")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CASES)
def test_its_facts_are_those_of_a_real_ledger(conformance: Path, name: str, side: str) -> None:
    policy, _ = name.split("/")
    said = read(name).sides[side]
    expected = exported(conformance / f"{said.ledger}.db", policy, said)
    feed = HERE / name / f"{side}.ndjson"
    if os.environ.get("UPDATE_GOLDEN"):
        feed.write_bytes(expected)
    assert feed.read_bytes() == expected


def exported(ledger: Path, policy: str, said: Side) -> bytes:
    """What `interlock export` writes of the side's facts, with the one that it changes changed."""
    now = parse_instant(said.at)
    with closing(interlock.open_ledger(ledger)) as opened, opened.snapshot(now) as snapshot:
        lines = list(Export(snapshot, now, extent_of(said.tasks, [policy])).lines())
    if said.changed is not None:
        lines = changed(lines, said.changed)
    return b"".join(line + b"\n" for line in lines)


def changed(lines: list[bytes], change: Change) -> list[bytes]:
    facts = [msgspec.json.decode(line) for line in lines]
    [place] = [i for i, fact in enumerate(facts) if (fact["kind"], fact.get("id")) == (change.kind, change.id)]
    fact = facts[place]
    assert {key: fact[key] for key in change.set} != change.set
    return [*lines[:place], msgspec.json.encode({**fact, **change.set}), *lines[place + 1 :]]


def test_a_satisfied_rule_is_satisfied_by_real_facts() -> None:
    """Only what contradicts may be made up, but for the state that is reached by contradicting."""
    made = {name for name in CASES if read(name).satisfied.changed}
    assert made == {"integrity/decide-contradicted"}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_rule_and_every_line_of_decide_has_its_folder(policy: str) -> None:
    judged = Library().load(policy).policy
    wanted = {rule.id for rule in judged.rules} | {state_folder(line.state) for line in judged.decide}
    assert {path.name for path in (HERE / policy).iterdir()} == wanted


def test_no_folder_is_left_over() -> None:
    folders = {path.name: path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert sorted(folders) == POLICIES
    files = {"case.yaml", *(f"{side}.ndjson" for side in SIDES)}
    for case in (case for folder in folders.values() for case in folder.iterdir()):
        assert {path.name for path in case.iterdir()} == files, case
