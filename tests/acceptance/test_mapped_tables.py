"""Tables of other databases of SQLite: rows are receipts as a mapping says, read in one snapshot and never written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import interlock as api
from interlock import LedgerError
from interlock.ledger import mapped
from interlock.project import read_sources
from interlock.request import Request
from interlock.schemas import SHIPPED
from interlock.settings import tables_of
from tests.acceptance.conftest import Interlock, state
from tests.acceptance.test_decision_log import validator
from tests.acceptance.test_sources import POLICY, called

TASK, AT = "release-1", "2026-06-22T10:00:00Z"
MAPPING = """\
[[sources]]
database = "ci.db"
table = "proofs"
kind = "app_smoke_receipt_recorded"
id = "number"
task = "release"
at = "recorded"
json = "payload"
fields = {status = "result", payload_keys = {column = "tags", as = "json"}}
"""
TABLE = "CREATE TABLE proofs (number INTEGER PRIMARY KEY, release TEXT, recorded, payload TEXT, result TEXT, tags TEXT)"
PAYLOAD = '{"smoke_id": "s", "nonce": "n", "role": "worker"}'
ROWS: list[tuple[Any, ...]] = [
    (1, TASK, "2026-06-22T09:20:00Z", PAYLOAD, "accepted", None),
    (2, TASK, "2026-06-22T11:30:00+02:00", PAYLOAD, "blocked", '["x"]'),
]
Write = Callable[..., Path]


@pytest.fixture
def policy(folder: Path) -> Path:
    path = folder / "proved.yaml"
    path.write_text(POLICY.format(condition='proof.status == "accepted"'))
    return path


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes the database and the mapping, and gives the database's path."""

    def written(rows: list[tuple[Any, ...]] = ROWS, table: str = TABLE, mapping: str = MAPPING) -> Path:
        path = folder / "ci.db"
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        database.execute(table)
        for row in rows:
            database.execute(f"INSERT INTO proofs VALUES ({', '.join('?' * len(row))})", row)
        database.commit()
        database.close()
        (folder / "interlock.toml").write_text(mapping)
        return path

    return written


def decided(interlock: Interlock, policy: Path, *args: str) -> dict[str, Any]:
    ran = interlock("eval", str(policy), "--task", TASK, "--at", AT, "--format", "json", *args)
    assert ran.err == ""
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_each_row_is_a_receipt(interlock: Interlock, policy: Path, write: Write, folder: Path) -> None:
    write([*ROWS, (3, "release-2", "2026-06-22T09:45:00Z", PAYLOAD, "sent", None)])
    before = state(folder)
    found = decided(interlock, policy)
    assert (found["allow"], found["findings"][0]["message"]) == (False, "blocked by proofs#2")
    assert found["outputs"] == {"count": 2}
    assert found["ledger"] == {
        "path": "ci.db#proofs",
        "seq": 3,
        "sources": [{"path": "ci.db#proofs", "seq": 3, "newest": "proofs#3", "evidence": ["proofs#2"]}],
    }
    assert decided(interlock, policy, "--at", "2026-06-22T09:29:59Z")["allow"] is True
    verified = interlock("verify-ledger")
    assert (verified.code, verified.out.splitlines()[-1]) == (
        0,
        "3 receipts of 1 kind, 0 entities of 0 kinds: all valid",
    )
    tasks = interlock("tasks").out.splitlines()
    assert [line.split()[:2] for line in tasks] == [
        ["release-1", "2026-06-22T09:30:00Z"],
        ["release-2", "2026-06-22T09:45:00Z"],
    ]
    assert state(folder) == before
    line = next(
        each
        for each in map(json.loads, interlock("config", "--format", "json").out.splitlines())
        if each["setting"] == "sources"
    )
    assert (line["value"], line["from"], line["where"]) == (["ci.db#proofs"], "file", "interlock.toml:1")


def test_a_table_is_read_beside_a_ledger_and_feeds(
    interlock: Interlock, policy: Path, write: Write, story_path: Path, tmp_path: Path
) -> None:
    write()
    feed = tmp_path / "feed.ndjson"
    event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "app_smoke_receipt_recorded", "subject": TASK}
    data = {**json.loads(PAYLOAD), "status": "accepted"}
    feed.write_text(json.dumps({**event, "time": "2026-06-22T09:40:00Z", "data": data}))
    found = decided(interlock, policy, "--ledger", str(story_path), "--ledger", str(feed))
    assert (found["allow"], found["outputs"]) == (True, {"count": 3})
    assert [each["path"] for each in found["ledger"]["sources"]] == [str(story_path), str(feed), "ci.db#proofs"]
    verified = interlock("verify-ledger", "--ledger", str(story_path), "--ledger", str(feed), "--format", "json")
    assert [json.loads(line)["receipts"] for line in verified.out.splitlines()] == [164, 1, 2]


@pytest.mark.parametrize("face", ["--sources", "INTERLOCK_SOURCES", "python", "mcp", "pyproject"])
def test_every_face_takes_a_mapping(
    face: str, interlock: Interlock, policy: Path, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    mapping = (folder / "interlock.toml").rename(folder / "map.toml")
    if face == "python":
        assert api.evaluate(policy, ledger=(), sources=mapping, task=TASK, at=AT).allow is False
    elif face == "mcp":
        request = Request(ledger=(), sources=mapping, policy_dirs=(folder,))
        assert called(request).structured_content["allow"] is False
    elif face == "INTERLOCK_SOURCES":
        monkeypatch.setenv(face, "map.toml")
        assert decided(interlock, policy)["allow"] is False
    elif face == "pyproject":
        text = MAPPING.replace("[[sources]]", "[[tool.interlock.sources]]")
        (folder / "pyproject.toml").write_text(text)
        assert decided(interlock, policy)["allow"] is False
    else:
        assert decided(interlock, policy, face, "map.toml")["allow"] is False


TIMES: dict[str, tuple[str, Any, str | None]] = {
    "a text in UTC": ('"recorded"', "2026-06-22T09:20:00.25Z", "2026-06-22T09:20:00.250Z"),
    "a text with an offset": ('"recorded"', "2026-06-22T11:20:00+02:00", "2026-06-22T09:20:00Z"),
    "seconds": ('{column = "recorded", as = "seconds"}', 1_782_120_000, "2026-06-22T09:20:00Z"),
    "milliseconds": ('{column = "recorded", as = "milliseconds"}', 1_782_120_000_250, "2026-06-22T09:20:00.250Z"),
    "microseconds": (
        '{column = "recorded", as = "microseconds"}',
        1_782_120_000_000_001,
        "2026-06-22T09:20:00.000001Z",
    ),
    "what SQLite's datetime() gives": (
        '{column = "recorded", as = "datetime"}',
        "2026-06-22 09:20:00",
        "2026-06-22T09:20:00Z",
    ),
    "an integer without a unit": ('"recorded"', 1_782_120_000, None),
    "a text without an offset": ('"recorded"', "2026-06-22 09:20:00", None),
    "a fraction of a second": ('{column = "recorded", as = "seconds"}', 1_782_120_000.5, None),
    "a text for a number": ('{column = "recorded", as = "seconds"}', "1782120000", None),
    "a number for datetime()": ('{column = "recorded", as = "datetime"}', 2_461_213.5, None),
    "no time": ('"recorded"', None, None),
    "bytes": ('"recorded"', b"2026", None),
}


@pytest.mark.parametrize(("at", "value", "expected"), TIMES.values(), ids=TIMES)
def test_a_time_is_an_instant_or_is_refused(
    at: str, value: Any, expected: str | None, interlock: Interlock, policy: Path, write: Write
) -> None:
    policy.write_text(policy.read_text().replace("{count: count.count}", "{at: proof.at}"))
    write([(1, TASK, value, PAYLOAD, "accepted", None)], mapping=MAPPING.replace('at = "recorded"', f"at = {at}"))
    if expected is not None:
        assert decided(interlock, policy)["outputs"] == {"at": expected}
        return
    ran = interlock("eval", str(policy), "--task", TASK)
    assert (ran.code, ran.err.splitlines()[0]) == (6, "error: the table `ci.db#proofs` has 1 bad row:")
    assert "  row 1: its `recorded` is " in ran.err
    assert interlock("verify-ledger").code == 3


BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "a missing field": ((1, TASK, AT, "{}", "accepted", None), "`smoke_id`"),
    "a value that the schema refuses": ((1, TASK, AT, PAYLOAD, "perhaps", None), "`status`"),
    "JSON that is none": ((1, TASK, AT, "{", "accepted", None), 'its JSON is text (`"{"`), not a JSON object'),
    "JSON that is a list": ((1, TASK, AT, "[]", "accepted", None), 'its JSON is text (`"[]"`), not a JSON object'),
    "JSON that is a BLOB": ((1, TASK, AT, b"{}", "accepted", None), "its JSON is a BLOB, not a JSON object"),
    "JSON with a key twice": ((1, TASK, AT, '{"a": 1, "a": 2}', "accepted", None), "its document has a key twice: `a`"),
    "a field of both": (
        (1, TASK, AT, '{"status": "sent"}', "accepted", None),
        "the field `status` is in `payload` too",
    ),
    "a JSON field that is none": (
        (1, TASK, AT, PAYLOAD, "accepted", "["),
        'its `tags` is text (`"["`), which cannot be read as `json`',
    ),
    "a BLOB": ((1, TASK, AT, PAYLOAD, b"accepted", None), "its `result` is a BLOB, which cannot be read as `text`"),
    "an empty task": ((1, "", AT, PAYLOAD, "accepted", None), "its `release` is empty, not a text or an integer"),
    "bytes that are not text": ((1, TASK, AT, PAYLOAD, "accepted", None), ""),
}


@pytest.mark.parametrize(("row", "message"), BAD.values(), ids=BAD)
def test_a_bad_row_is_refused_by_name(
    row: tuple[Any, ...], message: str, interlock: Interlock, policy: Path, write: Write
) -> None:
    path = write([ROWS[0], (2, *row[1:])])
    if not message:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE proofs SET release = CAST(x'ff' AS TEXT) WHERE number = 2")
        database.close()
    ran = interlock("eval", str(policy), "--task", TASK)
    assert (ran.code, ran.err.splitlines()[0]) == (6, "error: the table `ci.db#proofs` has 1 bad row:")
    assert ran.err.splitlines()[1].startswith("  row 2: ")
    assert message in ran.err
    verified = interlock("verify-ledger")
    assert (verified.code, "row 2: " in verified.out) == (3, True)


CHANGED: dict[str, tuple[str, str, str]] = {
    "a kind that is none": (
        'kind = "app_smoke_receipt_recorded"',
        'kind = "app_smoke_recorded"',
        "interlock.toml:4:1: unknown fact kind `app_smoke_recorded`; did you mean",
    ),
    "an entity": (
        'kind = "app_smoke_receipt_recorded"',
        'kind = "seat"',
        "interlock.toml:4:1: `seat` is an entity, and a row is a",
    ),
    "no such table": (
        '"proofs"',
        '"prooves"',
        "interlock.toml:3:1: no table `prooves` in `ci.db`; did you mean `proofs`?",
    ),
    "no such column": (
        'id = "number"',
        'id = "numbr"',
        "interlock.toml:5:1: no column `numbr` in the table `proofs`; did you mean",
    ),
    "no such column of a field": (
        '"result"',
        '"resul"',
        "interlock.toml:9:1: no column `resul` in the table `proofs`; did you mean",
    ),
    "no such database": ('"ci.db"', '"cd.db"', "interlock.toml:2:1: the database `cd.db` does not exist"),
    "a folder": ('"ci.db"', '"."', "interlock.toml:2:1: the database `.` is a folder"),
    "SQL for a column": (
        'id = "number"',
        'id = "max(number)"',
        "interlock.toml:5:1: `max(number)` is not the name of a column",
    ),
    "SQL for a table": (
        '"proofs"',
        '"proofs; DROP TABLE proofs"',
        "interlock.toml:3:1: `proofs; DROP TABLE proofs` is not the name",
    ),
    "a query for a table": (
        '"proofs"',
        '"(SELECT * FROM proofs)"',
        "interlock.toml:3:1: `(SELECT * FROM proofs)` is not the name of a",
    ),
    "a quoted column": (
        'id = "number"',
        "id = '\"number\"'",
        'interlock.toml:5:1: `"number"` is not the name of a column',
    ),
    "an alias": (
        '"result"',
        '"result AS status"',
        "interlock.toml:9:1: `result AS status` is not the name of a column",
    ),
    "a comment": (
        'at = "recorded"',
        'at = "recorded--"',
        "interlock.toml:7:1: `recorded--` is not the name of a column",
    ),
    "SQL for the time": (
        'at = "recorded"',
        "at = {column = \"'2026'\"}",
        "interlock.toml:7:1: `'2026'` is not the name of a column",
    ),
    "no identity": ('id = "number"\n', "", "interlock.toml:1:1: "),
    "an unknown key": ('id = "number"', 'id = "number"\nwhere = "1"', "interlock.toml:6:1: unknown key `where`"),
    "an unknown unit": ('at = "recorded"', 'at = {column = "recorded", as = "days"}', "interlock.toml:7:1: "),
    "a unit for a text": ('at = "recorded"', 'at = {column = "recorded", as = "text"}', "interlock.toml:7:1: "),
    "one name twice": ("[[sources]]", MAPPING + "\n[[sources]]", "interlock.toml:13:1: two tables are called `proofs`"),
}


@pytest.mark.parametrize(("old", "new", "message"), CHANGED.values(), ids=CHANGED)
def test_a_wrong_mapping_is_refused_at_its_place(
    old: str, new: str, message: str, interlock: Interlock, policy: Path, write: Write, folder: Path
) -> None:
    path = write(mapping=MAPPING.replace(old, new, 1))
    for command in (("eval", str(policy), "--task", TASK), ("verify-ledger",), ("tasks",)):
        ran = interlock(*command)
        assert ran.code in {2, 6}
        assert ran.err.startswith(f"error: {message}"), ran.err
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT count(*) FROM proofs").fetchone() == (2,)


def test_two_tables_of_one_name_and_a_column_of_kinds(interlock: Interlock, policy: Path, write: Write) -> None:
    second = MAPPING.replace('table = "proofs"', 'table = "proofs"\nname = "others"')
    by_column = 'kind = {column = "result"}'
    mapping = MAPPING + second.replace('kind = "app_smoke_receipt_recorded"', by_column).replace(
        'fields = {status = "result", payload_keys = {column = "tags", as = "json"}}\n', ""
    )
    write(mapping=mapping)
    found = decided(interlock, policy)
    assert [each["path"] for each in found["ledger"]["sources"]] == ["ci.db#proofs", "ci.db#others"]
    assert found["outputs"] == {"count": 2}
    write(
        [*ROWS, (3, TASK, AT, PAYLOAD, "com.example.AppSmokeReceiptRecorded", None)],
        mapping=mapping.replace(MAPPING, ""),
    )
    assert (
        "the feed has events of the type `com.example.AppSmokeReceiptRecorded`" in decided(interlock, policy)["reason"]
    )
    write([(3, TASK, AT, PAYLOAD, "seat", None)], mapping=mapping.replace(MAPPING, ""))
    ran = interlock("eval", str(policy), "--task", TASK)
    assert (ran.code, "its kind is `seat`, an entity" in ran.err) == (6, True)


ORDERS: dict[str, tuple[str, str, bool]] = {
    "SQLite's own number": (TABLE, "", True),
    "no number": (TABLE + " WITHOUT ROWID", "", False),
    "a column": (TABLE + " WITHOUT ROWID", 'seq = "number"\n', True),
}


@pytest.mark.parametrize(("table", "seq", "ordered"), ORDERS.values(), ids=ORDERS)
def test_rows_of_one_instant_are_in_the_order_of_a_number(
    table: str, seq: str, ordered: bool, interlock: Interlock, policy: Path, write: Write
) -> None:
    rows = [ROWS[1], (1, *ROWS[0][1:2], *ROWS[1][2:3], *ROWS[0][3:])]
    write(rows, table, MAPPING.replace("json =", f"{seq}json ="))
    if ordered:
        assert decided(interlock, policy)["findings"][0]["message"] == "blocked by proofs#2"
    else:
        ran = interlock("eval", str(policy), "--task", TASK)
        assert (ran.code, "neither is known to be the later" in ran.err) == (6, True)


def test_a_view_may_hold_what_sql_makes_and_a_virtual_table_is_not_read(
    interlock: Interlock, policy: Path, write: Write
) -> None:
    path = write(mapping=MAPPING.replace('"proofs"', '"shown"'))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE VIEW shown AS SELECT number, release, recorded, payload, lower(result) AS result, tags FROM proofs"
        )
    assert decided(interlock, policy)["findings"][0]["message"] == "blocked by shown#2"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP VIEW shown")
        database.execute("CREATE VIRTUAL TABLE shown USING fts5(number, release, recorded, payload, result, tags)")
    database.close()
    ran = interlock("eval", str(policy), "--task", TASK)
    assert ran.err == "error: interlock.toml:3:1: `shown` is a virtual table, which is not read\n"


def test_an_empty_table_says_that_nothing_was_recorded(
    interlock: Interlock, policy: Path, write: Write, tmp_path: Path
) -> None:
    write([])
    feed = tmp_path / "feed.ndjson"
    event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "other", "subject": TASK, "time": AT}
    feed.write_text(json.dumps(event))
    assert decided(interlock, policy, "--ledger", str(feed))["reason"] == "nothing is proved"


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_table_that_changes_under_the_reader_is_one_snapshot(
    mode: str, policy: Path, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While rows are read, each time all are written: what is read is from before, or from after, and never of both."""
    rows = [(number, TASK, AT, PAYLOAD, "sent", None) for number in range(1, 2_000)]
    writer = sqlite3.connect(write(rows), check_same_thread=False, isolation_level=None, timeout=0.05)
    writer.execute(f"PRAGMA journal_mode = {mode}")
    read, written = mapped._fact, list[str]()

    def update() -> None:
        status = "blocked" if len(written) % 2 else "accepted"
        with contextlib.suppress(sqlite3.OperationalError):  # without a log, it is the writer who waits
            writer.execute("UPDATE proofs SET result = ?", (status,))
        written.append(status)

    def slowly(*args: Any) -> Any:
        if args[2] == 100:
            writing = threading.Thread(target=update)
            writing.start()
            writing.join()
        return read(*args)

    monkeypatch.setattr(mapped, "_fact", slowly)
    seen = set()
    (table,) = tables_of(read_sources(str(folder / "interlock.toml")))
    for _ in range(4):
        found = [line.row for _, line in mapped.rows_of(table, SHIPPED, 1.0) if line.row is not None]
        (status,) = {json.loads(row.attributes or "")["status"] for row in found}
        seen.add(status)
        assert len(found) == len(rows)
    assert len(written) == 4
    assert seen == ({"sent", "accepted", "blocked"} if mode == "wal" else {"sent"})
    api.evaluate(policy, sources=folder / "interlock.toml", ledger=(), task=TASK, at=AT)
    writer.close()


def test_a_sealed_database_that_changes_is_read_again_or_refused(
    policy: Path, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write()
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = wal")
    writer.close()
    assert not os.path.exists(f"{path}-wal")
    read, times = mapped._fact, count()

    def touched(*args: Any) -> Any:
        os.utime(path, (0, next(times)))
        return read(*args)

    monkeypatch.setattr(mapped, "_fact", touched)
    asked: dict[str, Any] = {"sources": folder / "interlock.toml", "ledger": (), "task": TASK, "at": AT}
    with pytest.raises(LedgerError, match="was written to while it was read"):
        api.evaluate(policy, **asked)
    monkeypatch.undo()
    assert api.evaluate(policy, **asked).allow is False
    assert sorted(each.name for each in folder.iterdir()) == ["ci.db", "interlock.toml", "proved.yaml"]


def test_a_table_that_was_written_to_between_questions_is_read_again(policy: Path, write: Write, folder: Path) -> None:
    path = write()
    request = Request(policies=(policy,), tasks=(TASK,), ledger=(), sources=folder / "interlock.toml", at=AT)
    from interlock.request import Session

    with Session(request) as session:
        asked: dict[str, Any] = {"ledger": session.ledger, "task": TASK, "at": AT}
        assert api.evaluate(policy, **asked).outputs["count"] == 2
        with closing(sqlite3.connect(path)) as database, database:
            row = (9, TASK, "2026-06-22T09:50:00Z", PAYLOAD, "accepted", None)
            database.execute("INSERT INTO proofs VALUES (?, ?, ?, ?, ?, ?)", row)
        database.close()
        assert (api.evaluate(policy, **asked).allow, api.evaluate(policy, **asked).outputs["count"]) == (True, 3)


def test_a_locked_and_a_broken_database_are_errors(
    interlock: Interlock, policy: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write()
    monkeypatch.setattr("interlock.ledger.conveyor.BUSY_SECONDS", 0.01)
    path.write_bytes(b"x" * 5_000)
    ran = interlock("eval", str(policy), "--task", TASK)
    assert (ran.code, ran.err) == (6, "error: interlock.toml:2:1: the database `ci.db` is not an SQLite database\n")


def test_recorded_decisions_are_judged_again_from_the_tables(
    process: Interlock, policy: Path, write: Write, folder: Path, tmp_path: Path
) -> None:
    path = write()
    asked = ("eval", str(policy), "--task", TASK, "--at", AT, "--decision-log", "log.ndjson")
    assert process(*asked).code == 3
    record = json.loads((folder / "log.ndjson").read_text())
    validator("decision_log").validate(record)
    assert record["asked"]["sources"][0]["database"] == str(path)
    same = process("verify-decision", "log.ndjson")
    assert (same.code, same.out[:4]) == (0, "same")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE proofs SET result = 'accepted' WHERE number = 2")
    database.close()
    changed = process("verify-decision", "log.ndjson")
    assert (changed.code, "proofs#2" in changed.out) == (3, True)


def test_under_a_lock_that_is_named_a_mapping_of_a_file_is_not_passed_over(
    interlock: Interlock, policy: Path, write: Write, folder: Path, tmp_path: Path
) -> None:
    """The rows may deny: to leave them out in silence would allow."""
    write([ROWS[0]])
    feed = tmp_path / "feed.ndjson"
    event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "app_smoke_receipt_recorded", "subject": TASK}
    data = {**json.loads(PAYLOAD), "status": "accepted"}
    feed.write_text(json.dumps({**event, "time": "2026-06-22T09:40:00Z", "data": data}))
    lock = tmp_path / "interlock.lock"
    ran = interlock("lock", str(policy), "--lock", str(lock))
    assert ran.code == 0, ran
    asked = ("eval", str(policy), "--task", TASK, "--ledger", str(feed), "--lock", str(lock))
    ran = interlock(*asked)
    message = (
        "`interlock.toml` maps `sources`, and where the lock is named no configuration file is read; name the file with"
        " `--sources interlock.toml` if its tables are to be read"
    )
    assert (ran.code, ran.err) == (2, f"error: {message}\n")
    shutil.copy(folder / "interlock.toml", folder / "map.toml")
    assert interlock(*asked, "--sources", "map.toml").code == 0
    (folder / "interlock.toml").write_text("not = [toml")
    assert interlock(*asked).code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read `map.toml`: no such file or directory"),
        ("ledger = 'x'", "`map.toml` has no `sources`: each `[[sources]]` maps a table"),
        ("sources = 1", "map.toml:1:1: `sources` is the number `1`"),
        ("x", "map.toml:1:2: not TOML"),
    ],
)
def test_a_file_that_maps_nothing_is_refused(
    content: str | None, message: str, interlock: Interlock, folder: Path
) -> None:
    if content is not None:
        (folder / "map.toml").write_text(content)
    ran = interlock("tasks", "--sources", "map.toml")
    assert (ran.code, ran.err[: len(message) + 7]) == (2, f"error: {message}")
