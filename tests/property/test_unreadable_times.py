"""A receipt whose time is in another form than the ledger's counts as what it says, or nothing is decided."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

import interlock
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.ledger import connection, open_ledger
from interlock.policy.library import Library
from tests.conftest import EXAMPLES
from tests.helpers.ledgers import conveyor_schema

LEDGERS = 24 * EXAMPLES
NOW = parse_instant("2026-06-11T12:00:03.500Z")
DAY = 86_400 * SECOND
OTHER = "app_autopilot_started"
BEAT = "dispatch_watch_heartbeat"
POLICY = """
policy: odd
version: 1
question: Which are selected?
facts:
  start: {{from: app_smoke_started, take: latest}}
  it: {{from: [{kinds}], scope: {scope}{more}}}
rules:
  - {{id: noted, {rule}}}
decide: [{{state: said, allow: true}}]
"""
ONE = 'when: it != null, note: "{it.id}"'
EACH = 'for: it, note: "{it.id}"'
NUMBER = 'when: it.count >= 0, note: "{it.count}"'
TAKES = {
    "latest": (", take: latest", ONE),
    "earliest": (", take: earliest", ONE),
    "all": ("", EACH),
    "count": (", take: count", NUMBER),
    "each": (", take: latest, per: actor", EACH),
    "latest since": (", take: latest, where: it.at > start.at", ONE),
    "earliest since": (", take: earliest, where: it.at >= start.at", ONE),
    "all since": (", where: it.at >= start.at", EACH),
    "count since": (", take: count, where: it.at > start.at", NUMBER),
    "latest two": (", take: latest, limit: 2", EACH),
    "earliest two": (", take: earliest, limit: 2", EACH),
    "latest two each": (", take: latest, limit: 2, per: actor", EACH),
    "of one": (", take: latest, where: it.actor == 'manager'", ONE),
}
"""What is taken, and the rule that names it."""


class Written(NamedTuple):
    kind: str
    actor: str
    instant: int
    text: str


def offset(instant: int, random: Random) -> str:
    """The same instant in an offset other than UTC, or in a form that only lenient readers take."""
    minutes = random.choice((-1_439, -840, -480, -60, -1, 1, 60, 330, 720, 840, 1_439))
    zone = random.choice((UTC, *(timezone(timedelta(minutes=minutes)),) * 4))
    text = datetime.fromtimestamp(instant // SECOND, zone).isoformat()
    shape = random.randrange(6)
    if zone is UTC:
        return text.replace("+00:00", ("z", "", "-00:00", " Z", "+0000", "+00")[shape])
    return text if shape else text.replace("T", "t" if shape % 2 else " ")


def rows(random: Random, kinds: list[str], *, ordered: bool) -> list[Written]:
    """Receipts of three days, in the order of insertion: that of time where it is `ordered`."""
    found = []
    for _ in range(random.randint(2, 8)):
        span = random.choice((SECOND, 10 * SECOND, 3_600 * SECOND, DAY, 3 * DAY))
        instant = NOW + SECOND // 2 + random.randint(-span, span // 4) // SECOND * SECOND
        kind, actor = random.choice((*kinds, "app_smoke_started")), random.choice(("manager", "worker"))
        found.append(Written(kind, actor, instant, format_instant(instant)))
    return sorted(found, key=lambda row: row.instant) if ordered else found


def write(path: Path, found: list[Written]) -> None:
    attributes = {"smoke_id": "s", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA synchronous = off; BEGIN; {conveyor_schema()}")
        connection.execute("INSERT INTO tasks VALUES ('task-1', 'demo', '', '', 'managed', ?, ?)", 2 * (found[0].text,))
        connection.executemany(
            "INSERT INTO telemetry_events (rowid, id, task_id, timestamp, actor, event_type, severity, summary,"
            " correlation_json, attributes_json) VALUES (?, ?, 'task-1', ?, ?, ?, 'info', '', '{}', ?)",
            [
                (seq, f"r{seq}", row.text, row.actor, row.kind, json.dumps(attributes | {"dispatcher_id": "d"}))
                for seq, row in enumerate(found, 1)
            ],
        )
        connection.commit()


def said(policy: Path, ledger: Path) -> object:
    found = interlock.evaluate(policy, ledger=ledger, task="demo", at=format_instant(NOW), engine="reference")
    return None if found.allow is None else [finding.message for finding in found.findings]


@pytest.mark.parametrize("scope", ["task", "ledger"])
@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("kinds", [["command_created"], [BEAT], ["command_created", OTHER], [BEAT, OTHER]])
def test_another_form_of_an_instant_counts_as_it_or_nothing_is_decided(
    tmp_path: Path, kinds: list[str], take: str, scope: str
) -> None:
    """Beats are held to this where the ledger has them in the order of time."""
    random, undecided = Random(f"{kinds} {take} {scope}"), 0
    more, rule = TAKES[take]
    policy, ledger = tmp_path / "odd.yaml", tmp_path / "l.db"
    policy.write_text(POLICY.format(kinds=", ".join(kinds), scope=scope, more=more, rule=rule))
    for _ in range(LEDGERS // 4):
        found = rows(random, kinds, ordered=BEAT in kinds)
        write(ledger, found)
        expected = said(policy, ledger)
        place = random.randrange(len(found))
        found[place] = found[place]._replace(text=offset(found[place].instant, random))
        write(ledger, found)
        answer = said(policy, ledger)
        assert answer in (None, expected), found
        undecided += answer is None
    assert undecided > 0


def test_what_has_no_date_and_hour_is_found_wherever_it_sorts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the search for it comes to an end, whatever the texts are."""
    monkeypatch.setattr(connection, "STATEMENT_SECONDS", 5.0)
    random, ledger = Random(5), tmp_path / "l.db"
    policy = tmp_path / "odd.yaml"
    policy.write_text(POLICY.format(kinds=BEAT, scope="ledger", more="", rule=EACH))
    loaded = Library().load(policy)
    query, kinds = loaded.compiled.undated, loaded.policy.kinds()
    assert query is not None
    for _ in range(LEDGERS):
        found = [row._replace(text=torn(row.text, random)) for row in rows(random, [BEAT], ordered=False)]
        write(ledger, found)
        with open_ledger(ledger).snapshot(NOW) as snapshot:
            binds = {"task": "task-1", "upper": "2026-06-11T12:00:04", "tomorrow": "2026-06-12T12:00:05"}
            everywhere = [kind for kind, whole in kinds.items() if whole]
            binds |= {"kinds": json.dumps(list(kinds)), "everywhere": json.dumps(everywhere)}
            known = {row[1] for row in snapshot.rows(query, binds)}
        for seq, row in enumerate(found, 1):
            assert begins_with_an_hour(row.text) or f"r{seq}" in known, row


def torn(text: str, random: Random) -> str:
    """A text with some characters changed, or cut off."""
    for _ in range(random.randrange(4)):
        place = random.randrange(len(text))
        more = random.choice(("", "9", "0", "6", "24", "~", "\x7f", "é", "\U0010ffff", "Z", " ", "T23:59:59~", "T24"))
        text = text[:place] + more + random.choice((text[place:], text[place + 1 :], text[place + 1 :], "")) or "x"
    return text


def begins_with_an_hour(text: str) -> bool:
    try:
        datetime.strptime(text[:13], "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        return False
    return text[:13].isascii() and len(text) >= 13 and "1970" <= text < "2255"
