"""Whatever `check` accepts, SQLite can read: chains of selections and nested conditions, up to their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import interlock
from interlock import api
from interlock.diagnostics import PolicyError
from interlock.model.facts import Value
from interlock.policy.check.selections import MAX_NARROWING
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:10:00Z"
HEAD = "policy: mine\nversion: 1\nquestion: Is it so?\nfacts:\n"
TAIL = "decide:\n  - {state: good, allow: true}\n"
TAKES = {
    "all": "",
    "latest": "take: latest",
    "earliest": "take: earliest",
    "latest per": "take: latest, per: session_id",
    "earliest per": "take: earliest, per: [session_id, role]",
    "named": "take: latest, per: {role: [manager, worker]}",
}
NUMBERS = {"count": "take: count", "count per": "take: count, per: role", "max": "take: max, of: at"}
CHAINS = [(take, "count") for take in TAKES] + [("latest per", last) for last in (*TAKES, *NUMBERS)]
LEAF = '(s.session_id in ["session-binding-1-worker", "session-binding-1-manager"] && s.at <= now)'
NESTED: dict[str, Callable[[str], str]] = {
    "not": lambda inner: f"!{inner}",
    "not and": lambda inner: f'!(s.session_id == "b" && {inner})',
    "and or": lambda inner: f'(s.session_id == "b" && {inner} || s.role == "manager")',
    "or and": lambda inner: f'(s.session_id == "b" || s.role == "manager" && {inner})',
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> interlock.Ledger:
    """A beat of each seat."""
    builder = LedgerBuilder(tmp_path_factory.mktemp("deep") / "ledger.db").task("demo").bind()
    for role in ("manager", "worker"):
        attributes = {"role": role, "session_id": f"session-binding-1-{role}", "task": "demo"}
        builder.receipt("app_heartbeat", at=NOW, actor=role, attributes=attributes)
    return interlock.open_ledger(builder.write())


def decided(folder: Path, ledger: interlock.Ledger, facts: list[str]) -> interlock.Decision:
    """The decision of a policy of these selections."""
    (folder / "mine.yaml").write_text(HEAD + "".join(f"  {line}\n" for line in facts) + TAIL)
    return interlock.evaluate(folder / "mine.yaml", ledger=ledger, task="demo", at=NOW)


def seen(folder: Path, ledger: interlock.Ledger, facts: list[str]) -> list[dict[str, Value]]:
    """The fields of the facts that the last of these selections gives."""
    assert decided(folder, ledger, facts).allow
    sights, reasons = api.facts(folder / "mine.yaml", ledger=ledger, task="demo", at=NOW)
    assert reasons == ()
    return [fact.fields for fact in sights[-1].facts]


def selection(name: str, parent: str, take: str, where: str = "") -> str:
    condition = f", where: '{where}'" if where else ""
    return f"{name}: {{from: {parent}, required: there is none{take and ', ' + take}{condition}}}"


@pytest.mark.parametrize(("take", "last"), CHAINS)
def test_selections_narrow_one_another_up_to_the_bound(
    tmp_path: Path, ledger: interlock.Ledger, take: str, last: str
) -> None:
    chain = [selection("s0", "app_heartbeat", TAKES[take])]
    for place in range(1, MAX_NARROWING - 1):
        name = f"{'sS'[place % 2]}{place // 2}"  # SQL does not distinguish case
        where = f'{name}.session_id != "x{place}" && {name}.at <= now'
        chain.append(selection(name, chain[-1].partition(":")[0], TAKES[take], where))
    chain.append(selection("last", chain[-1].partition(":")[0], (TAKES | NUMBERS)[last]))
    beats = 2 if "all" in take or "per" in take or take == "named" else 1
    facts = seen(tmp_path, ledger, chain)
    assert len(facts) == (1 if last in ("latest", "earliest", "count", "max") else beats)
    if last == "count":
        assert facts[0]["count"] == beats


def test_one_selection_more_is_refused(tmp_path: Path, ledger: interlock.Ledger) -> None:
    chain = [selection("s0", "app_heartbeat", "take: latest, per: role")]
    chain += [selection(f"s{n}", f"s{n - 1}", "take: latest, per: role") for n in range(1, MAX_NARROWING + 1)]
    with pytest.raises(PolicyError) as refused:
        seen(tmp_path, ledger, chain)
    assert [issue.code for issue in refused.value.issues] == ["E114"]


@pytest.mark.parametrize("nested", NESTED)
@pytest.mark.parametrize("take", ["all", "latest", "latest per", "count per"])
def test_conditions_nest_up_to_the_bound(tmp_path: Path, ledger: interlock.Ledger, take: str, nested: str) -> None:
    codes, depth = {"E311"}, 34
    while codes and depth:
        depth -= 1
        written = LEAF
        for _ in range(depth):
            written = NESTED[nested](written)
        lines = [selection("s", "app_heartbeat", (TAKES | NUMBERS)[take], written)]
        lines += [selection("t", "s", "take: latest", written.replace("s.", "t."))] if take in TAKES else []
        codes = refused(tmp_path, ledger, lines)
        assert codes <= {"E310", "E311"}
    assert 8 <= depth < 33


def refused(folder: Path, ledger: interlock.Ledger, facts: list[str]) -> set[str]:
    """The codes of what is wrong with a policy of these selections; without any, that it decides."""
    try:
        assert decided(folder, ledger, facts).reason in (None, "there is none")
    except PolicyError as error:
        return {issue.code for issue in error.issues}
    return set()
