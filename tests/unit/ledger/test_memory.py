"""Facts in memory are seen as those of a feed are: by the same queries, each time these and no others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import interlock
from interlock.diagnostics import UsageError
from interlock.evaluation.judge import Judge
from interlock.instant import parse_instant
from interlock.ledger.memory import MemoryFacts
from interlock.policy.library import Library
from interlock.schemas import SHIPPED
from tests.cases.test_cases import CASES, HERE, SIDES, read

LIBRARY = Library()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", CASES[::5])
def test_a_decision_is_that_of_a_feed_with_the_same_facts(name: str, side: str, tmp_path: Path) -> None:
    said, policy = read(name).sides[side], name.partition("/")[0]
    lines = (HERE / name / f"{side}.ndjson").read_bytes().splitlines()
    facts = [fact for fact in map(msgspec.json.decode, lines) if fact["kind"] not in ("feed", "feed_end")]
    feed = tmp_path / "facts.ndjson"
    feed.write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in facts))
    expected = interlock.evaluate(policy, ledger=feed, task=said.task, at=said.at, params=said.params)
    expected = msgspec.structs.replace(expected, params={})
    held, now, loaded = MemoryFacts(str(feed), SHIPPED), parse_instant(said.at), LIBRARY.load(policy)
    params = {p.name: said.params.get(p.name, p.default) for p in loaded.policy.parameters}
    params = {name: tuple(value) if isinstance(value, list) else value for name, value in params.items()}
    for _ in range(2):
        with held.snapshot(facts, said.task, now) as snapshot:
            assert Judge(snapshot, held.path, now, "both").decide(loaded, said.task, params) == expected
        with held.snapshot([], "nobody", now) as snapshot:
            assert snapshot.task_labels() == ["nobody"]
            assert list(snapshot.receipts()) == []
    held.close()


def test_facts_that_clash_leave_nothing_behind() -> None:
    fact = {"kind": "task", "id": "1", "seq": 1, "task": "demo", "at": "2026-06-11T12:00:00Z", "name": "demo"}
    held = MemoryFacts("facts", SHIPPED)
    with pytest.raises(UsageError, match="duplicate task `1`"), held.snapshot([fact, fact], "demo", 0):
        pytest.fail("one of them is not known to be right")
    with held.snapshot([fact | {"id": "2"}], "demo", 0) as snapshot:
        assert [row.id for row in snapshot.entities("task")] == ["2"]
    held.close()
