"""`interlock verify-ledger`: nothing in a ledger is passed over, and whatever is wrong is reported with its place."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.acceptance.conftest import Interlock
from tests.acceptance.test_terminal import read
from tests.helpers.ledgers import LedgerBuilder

ASKED = ("verify-ledger", "--ledger", "ledger.db")
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "verification.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
AT = "2026-06-11T12:02:00Z"
STARTED = {"smoke_id": "smoke-1", "nonce": "n", "mode": "required", "scope": "pair", "worker_count": 1}
RECORDED = {"smoke_id": "smoke-1", "nonce": "n", "role": "worker", "status": "accepted"}


def builder(folder: Path) -> LedgerBuilder:
    """A pair, and two receipts of it: `receipt-1` of a session that was started, `receipt-2` of a step in it."""
    found = LedgerBuilder(folder / "ledger.db").task("demo").bind()
    found.receipt("app_smoke_started", at=AT, attributes=STARTED)
    return found.receipt("app_smoke_receipt_recorded", at=AT, attributes=RECORDED)


def change(folder: Path, *statements: tuple[str, Sequence[object]]) -> None:
    """Change the ledger behind the back of its own checks."""
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("PRAGMA ignore_check_constraints = on")
    for sql, values in statements:
        connection.execute(sql, values)
    connection.commit()
    connection.close()


def verified(interlock: Interlock, *args: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is said of the ledger: one line, which the schema accepts."""
    ran = interlock(*ASKED, "--format", "json", *args)
    (line,) = ran.out.splitlines()
    found: dict[str, Any] = json.loads(line)
    VALIDATOR.validate(found)
    assert ran.err == ""
    assert sum(kind["count"] for kind in found["kinds"]) == found["receipts"] + found["entities"]
    assert sum(kind["invalid"] for kind in found["kinds"]) == found["invalid"]
    assert {True: 0, False: 3, None: 4}[found["valid"]] == ran.code
    return ran.code, found


def test_the_story_is_valid(interlock: Interlock, story_path: Path) -> None:
    ran = interlock("verify-ledger", "--ledger", str(story_path))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[:2] == [
        "    count    invalid  kind",
        "        2          0  app_autopilot_automation_applied",
    ]
    assert "       49          0  app_heartbeat\n" in ran.out
    assert ran.out.endswith("\n\n164 receipts of 16 kinds, 25 entities of 8 kinds: all valid\n")


def test_a_real_ledger_of_many_tasks_is_valid(interlock: Interlock, ledger_path: Path) -> None:
    ran = interlock("verify-ledger", "--ledger", str(ledger_path), "--format", "json")
    found = json.loads(ran.out)
    VALIDATOR.validate(found)
    with sqlite3.connect(ledger_path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM telemetry_events").fetchone()
    connection.close()
    assert (ran.code, found["valid"], found["receipts"], found["faults"]) == (0, True, count, [])


INSTANT = "not an instant in UTC such as `2026-06-11T12:00:05Z`, from 1970 to 2254"


@pytest.mark.parametrize(
    ("column", "value", "fault", "message"),
    [
        pytest.param(
            "attributes_json",
            json.dumps(RECORDED | {"status": "acepted"}),
            "`status` is …, not one of `sent`, `received`, `accepted`, `blocked` or `skipped`",
            "`status` is `acepted`, not one of `sent`, `received`, `accepted`, `blocked` or `skipped`; "
            "did you mean `accepted`?",
            id="a value outside its enum",
        ),
        pytest.param(
            "attributes_json",
            json.dumps(RECORDED | {"payload_keys": ["a", 7]}),
            "`payload_keys[]` is …, not text",
            "`payload_keys[1]` is the number `7`, not text",
            id="a wrong type",
        ),
        pytest.param(
            "attributes_json",
            json.dumps({name: value for name, value in RECORDED.items() if name != "nonce"}),
            "`nonce` is missing",
            "`nonce` is missing",
            id="a missing field",
        ),
        pytest.param("timestamp", "noon", f"`at` is …, {INSTANT}", f"`at` is `noon`, {INSTANT}", id="no time"),
        pytest.param(
            "timestamp",
            "2026-06-11T14:02:00+02:00",
            f"`at` is …, {INSTANT}",
            f"`at` is `2026-06-11T14:02:00+02:00`, {INSTANT}",
            id="another offset",
        ),
        pytest.param(
            "timestamp",
            "2026-06-11 12:02:00Z",
            f"`at` is …, {INSTANT}",
            f"`at` is `2026-06-11 12:02:00Z`, {INSTANT}",
            id="a time that sorts elsewhere",
        ),
        pytest.param("timestamp", 1_781_179_320, f"`at` is …, {INSTANT}", f"`at` is `1781179320`, {INSTANT}",
                     id="a time that is a number"),
        pytest.param("timestamp", b"2026-06-11T12:02:00Z", "`at` is …, not text", "`at` is a bytes, not text",
                     id="a time that is a BLOB"),
        pytest.param(
            "attributes_json",
            '{"smoke_id": "smoke-1", "nonce": "n", "role": "worker", "status": "accepted", "status": "blocked"}',
            "its document has a key twice",
            "its document has a key twice: `status`",
            id="a key twice",
        ),
        pytest.param(
            "attributes_json",
            '{"smoke_id":"a:b","nonce":"n","role":"worker","status":"accepted","payload":{"a" :{},"\\u003ax":1,"a":2}}',
            "its document has a key twice",
            "its document has a key twice: `a`",
            id="a key twice, deep and well hidden",
        ),
        pytest.param(
            "correlation_json",
            '{"role":"worker","role":"worker"}',
            "its document has a key twice",
            "its document has a key twice: `role`",
            id="a key twice in the correlation",
        ),
        pytest.param(
            "attributes_json",
            '{"smoke_id": ',
            "its document cannot be read as JSON text",
            "its document cannot be read as JSON text",
            id="no JSON",
        ),
        pytest.param(
            "attributes_json",
            json.dumps(RECORDED) + "\0",
            "its document cannot be read as JSON text",
            "its document cannot be read as JSON text",
            id="a NUL behind",
        ),
        pytest.param(
            "attributes_json",
            '{"nonce": "\\ud800"}',
            "its document cannot be read as JSON text",
            None,
            id="half of a surrogate pair",
        ),
        pytest.param(
            "attributes_json",
            json.dumps(RECORDED).encode(),
            "its document cannot be read as JSON text",
            "its document cannot be read as JSON text: it is not text but a BLOB",
            id="a BLOB",
        ),
        pytest.param("attributes_json", "[" * 100_000, "its document cannot be read as JSON text", None, id="too deep"),
        pytest.param(
            "attributes_json",
            json.dumps(RECORDED | {"more": json.loads("[" * 501 + "]" * 501)}),
            "the fact is nested too deeply",
            "the fact is nested too deeply",
            id="deep",
        ),
        pytest.param("attributes_json", "[1]", *["its attributes are not a JSON object"] * 2,
                     id="a list"),
        pytest.param("correlation_json", "7", "`correlation` is …, not a mapping",
                     "`correlation` is the number `7`, not a mapping", id="no correlation"),
        pytest.param("actor", "nobody", None, None, id="an unknown actor"),
        pytest.param("id", None, "`id` is …, not text", "`id` is `null`, not text", id="no id"),
        pytest.param("rowid", -7, "`seq` is …, less than 0", "`seq` is `-7`, less than 0", id="before the first"),
    ],
)  # fmt: skip
def test_an_invalid_receipt(
    column: str, value: object, fault: str | None, message: str | None, interlock: Interlock, folder: Path
) -> None:
    builder(folder).write()
    assert verified(interlock)[0] == 0
    change(folder, (f"UPDATE telemetry_events SET {column} = ? WHERE id = 'receipt-2'", (value,)))
    code, found = verified(interlock)
    assert (code, found["receipts"], found["invalid"]) == (3, 2, 1)
    (told,) = found["faults"]
    assert (told["kind"], told["count"]) == ("app_smoke_receipt_recorded", 1)
    assert told["fault"] == fault or fault is None
    (example,) = told["first"]
    assert example["id"] == (None if column == "id" else "receipt-2")
    assert example["seq"] == (-7 if column == "rowid" else 2)
    assert example["message"] == message or (message is None and len(example["message"]) < 300)
    assert interlock(*ASKED).out.endswith(": 1 invalid\n")


def test_whatever_is_wrong_with_one_receipt_is_told_and_it_is_counted_once(interlock: Interlock, folder: Path) -> None:
    builder(folder).receipt(
        "app_smoke_receipt_recorded", at="x", attributes={"nonce": 1, "payload_keys": [1, 2]}
    ).write()
    code, found = verified(interlock)
    assert (code, found["invalid"]) == (3, 1)
    assert [(fault["fault"], fault["count"]) for fault in found["faults"]] == [
        ("`role` is missing", 1),
        ("`smoke_id` is missing", 1),
        ("`status` is missing", 1),
        (f"`at` is …, {INSTANT}", 1),
        ("`nonce` is …, not text", 1),
        ("`payload_keys[]` is …, not text", 1),
    ]


def test_a_receipt_that_has_no_actor_where_the_table_allows_it(interlock: Interlock, folder: Path) -> None:
    builder(folder).write()
    change(
        folder,
        ("PRAGMA writable_schema = on", ()),
        ("UPDATE sqlite_master SET sql = replace(sql, 'actor text not null', 'actor text')", ()),
    )
    change(folder, ("UPDATE telemetry_events SET actor = NULL, correlation_json = '{}' WHERE id = 'receipt-2'", ()))
    code, found = verified(interlock)
    assert (code, found["invalid"]) == (3, 1)
    assert [fault["fault"] for fault in found["faults"]] == ["it has no actor"]


def test_the_first_of_each_fault_are_told_and_how_many_more(interlock: Interlock, folder: Path) -> None:
    ledger = builder(folder)
    for number in range(5):
        ledger.receipt("app_smoke_receipt_recorded", at=AT, attributes=RECORDED | {"role": f"r\x1b{number}"})
    ledger.receipt("app_heartbeat", at=AT, attributes={}, summary="x").write()
    change(folder, ("UPDATE telemetry_events SET timestamp = 'x' WHERE event_type = 'app_heartbeat'", ()))
    ran = interlock(*ASKED)
    assert ran.code == 3
    lines = ran.out.splitlines()
    start = lines.index("invalid  app_smoke_receipt_recorded: `role` is …, not one of `manager` or `worker`")
    assert lines[start + 1 : start + 5] == [
        "         `receipt-3` (seq 3): `role` is `r\\x1b0`, not one of `manager` or `worker`",
        "         `receipt-4` (seq 4): `role` is `r\\x1b1`, not one of `manager` or `worker`",
        "         `receipt-5` (seq 5): `role` is `r\\x1b2`, not one of `manager` or `worker`",
        "         and 2 more",
    ]
    assert "        6          5  app_smoke_receipt_recorded" in lines
    assert lines[-1] == "8 receipts of 3 kinds, 4 entities of 3 kinds: 6 invalid"


def test_a_kind_without_a_schema_is_held_to_what_every_receipt_has(interlock: Interlock, folder: Path) -> None:
    builder(folder).receipt("coffee", at=AT, attributes={"any": [1]}).receipt("seat", at=AT).write()
    code, found = verified(interlock)
    assert code == 0
    unknown = [kind for kind in found["kinds"] if not kind["known"]]
    assert [(kind["kind"], kind["entity"], kind["count"]) for kind in unknown] == [
        ("coffee", False, 1),
        ("seat", False, 1),
    ]
    note = "        1          0  coffee: no schema, only what every receipt has is verified\n"
    assert note in interlock(*ASKED).out
    change(folder, ("UPDATE telemetry_events SET timestamp = 'x' WHERE event_type = 'coffee'", ()))
    code, found = verified(interlock)
    assert (code, found["invalid"], found["faults"][0]["fault"]) == (3, 1, f"`at` is …, {INSTANT}")
    change(
        folder, ("UPDATE telemetry_events SET timestamp = ?, event_type = x'00ff' WHERE event_type = 'coffee'", (AT,))
    )
    code, found = verified(interlock)
    assert (code, found["invalid"], found["faults"][0]["fault"]) == (3, 1, "`kind` is …, not text")


def test_kinds_and_faults_without_end_are_counted_together(interlock: Interlock, folder: Path) -> None:
    ledger = builder(folder)
    for number in range(500):
        ledger.receipt(f"kind-{number}", at="x")
    ledger.write()
    code, found = verified(interlock)
    assert (code, found["receipts"], found["invalid"]) == (3, 502, 500)
    (others,) = (kind for kind in found["kinds"] if kind["kind"] == "…")
    assert (others["count"], others["invalid"]) == (300, 300)
    assert sum(fault["count"] for fault in found["faults"]) == 500
    assert len(found["faults"]) == 201


def test_a_text_of_ten_megabytes(interlock: Interlock, folder: Path) -> None:
    ledger = builder(folder)
    ledger.receipt(
        "app_smoke_receipt_recorded", at=AT, attributes=RECORDED | {"payload": {"summary": "é:" * 5_000_000}}
    )
    ledger.receipt(
        "app_smoke_receipt_recorded", at=AT, attributes=RECORDED | {"role": "x" * 10_000_000}, id="i" * 10**6
    )
    ledger.write()
    ran = interlock(*ASKED)
    assert ran.code == 3
    assert ran.out.endswith("4 receipts of 2 kinds, 4 entities of 3 kinds: 1 invalid\n")
    assert len(ran.out) < 3_000


def test_text_that_is_no_utf_8_is_a_fault_of_its_receipt_and_hides_no_other(interlock: Interlock, folder: Path) -> None:
    ledger = builder(folder)
    for _ in range(5):
        ledger.receipt("app_smoke_receipt_recorded", at=AT, attributes=RECORDED)
    ledger.write()
    change(
        folder,
        ("UPDATE telemetry_events SET summary = CAST(x'ff61' AS TEXT) WHERE id = 'receipt-3'", ()),
        ("UPDATE telemetry_events SET timestamp = CAST(x'ff61' AS TEXT) WHERE id = 'receipt-4'", ()),
        ("UPDATE telemetry_events SET attributes_json = CAST(x'7b22ff223a317d' AS TEXT) WHERE id = 'receipt-5'", ()),
        ("UPDATE telemetry_events SET event_type = CAST(x'ff61' AS TEXT) WHERE id = 'receipt-6'", ()),
        ("UPDATE telemetry_events SET attributes_json = '{' WHERE id = 'receipt-7'", ()),
    )
    code, found = verified(interlock)
    assert (code, found["receipts"], found["invalid"]) == (3, 7, 6)  # the seats of smoke receipts cannot be read either
    told = {example["id"]: example["message"] for fault in found["faults"] for example in fault["first"]}
    assert told["receipt-3"] == "`summary` holds an unpaired surrogate: `\\udcffa`"
    assert told["receipt-5"] == "its document cannot be read as JSON text: it contains bytes that are not UTF-8"
    assert told["receipt-6"] == "`kind` holds an unpaired surrogate: `\\udcffa`"
    assert told.keys() == {None, *(f"receipt-{number}" for number in range(3, 8))}


@pytest.mark.parametrize(
    ("sql", "kind", "fault"),
    [
        ("UPDATE tasks SET created_at = 'x'", "task", f"`at` is …, {INSTANT}"),
        ("UPDATE bindings SET created_at = 'x'", "binding", f"`at` is …, {INSTANT}"),
        ("UPDATE sessions SET state = 7", "seat", None),
        ("UPDATE routed_notifications SET delivery_mode = 'magic'", "notification", None),
        ("UPDATE notification_acknowledgements SET status = 'maybe'", "acknowledgement", None),
        ("UPDATE worker_handoffs SET created_at = 7", "handoff", f"`at` is …, {INSTANT}"),
    ],
    ids=lambda value: value.split()[1] if value and value.startswith("UPDATE") else "",
)
def test_an_invalid_entity(sql: str, kind: str, fault: str | None, interlock: Interlock, folder: Path) -> None:
    entities(folder)
    assert verified(interlock)[0] == 0
    change(folder, (sql, ()))
    code, found = verified(interlock)
    assert code == 3
    faults = {each["fault"] for each in found["faults"] if each["kind"] == kind}
    assert faults if fault is None else fault in faults


def entities(folder: Path) -> None:
    """A ledger with facts from each of the tables."""
    ledger = builder(folder).notification("worker", at=AT)
    ledger.acknowledgement("worker", "received", of=1, at=AT).acknowledgement("worker", "accepted", of=1, at=AT)
    ledger.handoff(at=AT).write()


def test_entities_that_cannot_all_be_read_are_a_fault_and_hide_no_receipt(interlock: Interlock, folder: Path) -> None:
    entities(folder)
    change(folder, ("UPDATE notification_acknowledgements SET payload_json = '{' WHERE id = 2", ()))
    code, found = verified(interlock)
    assert (code, found["invalid"], found["receipts"]) == (3, 1, 2)
    (fault,) = found["faults"]
    assert (fault["kind"], fault["fault"]) == (
        "acknowledgement",
        "not all of them can be read, so that some are not verified",
    )
    (example,) = fault["first"]
    assert (example["id"], example["seq"]) == (None, None)
    assert example["message"].startswith("the ledger `ledger.db` holds a value that SQLite cannot read")
    assert "\n         the ledger `ledger.db`" in interlock(*ASKED).out


def test_a_plan_that_is_no_json_is_an_invalid_receipt(interlock: Interlock, folder: Path) -> None:
    builder(folder).receipt("app_wakeup_dispatch_planned", at=AT).write()
    change(folder, ("UPDATE telemetry_events SET attributes_json = '{' WHERE id = 'receipt-3'", ()))
    code, found = verified(interlock)
    assert code == 3
    assert [(fault["kind"], fault["first"][0]["id"]) for fault in found["faults"]] == [
        ("app_wakeup_dispatch_planned", "receipt-3"),
        ("wake_action", "receipt-3#0"),
    ]


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("notification", "routed_notifications"),
        ("acknowledgement", "notification_acknowledgements"),
        ("handoff", "worker_handoffs"),
    ],
)
def test_a_table_that_is_absent_is_told(kind: str, table: str, interlock: Interlock, folder: Path) -> None:
    entities(folder)
    change(folder, (f"DROP TABLE {table}", ()))
    code, found = verified(interlock)
    assert (code, found["absent"]) == (0, {kind: table})
    assert kind not in {each["kind"] for each in found["kinds"]}
    assert f"        -          -  {kind}: the ledger has no table `{table}`\n" in interlock(*ASKED).out


def test_a_ledger_without_receipts_is_not_valid(interlock: Interlock, folder: Path) -> None:
    LedgerBuilder(folder / "ledger.db").task("demo").bind().write()
    code, found = verified(interlock)
    assert (code, found["valid"], found["entities"]) == (4, None, 4)
    assert interlock(*ASKED).out.endswith("\nthe ledger holds no receipt: nothing was verified\n")


def test_a_ledger_that_is_damaged_in_the_middle(interlock: Interlock, folder: Path, ledger_path: Path) -> None:
    shutil.copyfile(ledger_path, folder / "ledger.db")
    connection = sqlite3.connect(folder / "ledger.db")
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    (last,) = (
        connection.execute(
            "SELECT max(pageno) FROM dbstat WHERE name = 'telemetry_events' AND pagetype = 'leaf'"
        ).fetchone()
        if _has_dbstat(connection)
        else (None,)
    )
    connection.close()
    if last is None:
        pytest.skip("this SQLite cannot list the pages of a table")
    with open(folder / "ledger.db", "r+b") as file:
        file.seek((last - 1) * page)
        file.write(b"\xff" * page)
    ran = interlock(*ASKED)
    assert (ran.code, ran.out) == (6, "")
    assert "is damaged" in ran.err


def _has_dbstat(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1 FROM dbstat LIMIT 1")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("args", [("--ledger", "nowhere.db"), ("--ledger", ".")])
def test_what_is_no_ledger(args: tuple[str, ...], interlock: Interlock, folder: Path) -> None:
    ran = interlock("verify-ledger", *args)
    assert (ran.code, ran.out) == (6, "")


def test_a_bar_grows_where_a_person_looks_and_nowhere_else(
    story_path: Path, process: Interlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("verify-ledger", "--ledger", str(story_path))
    assert process(*asked).err == ""
    leader, follower = os.openpty()
    run = subprocess.Popen([sys.executable, "-m", "interlock", *asked], stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    shown = b""
    while piece := read(leader):
        shown += piece
    os.close(leader)
    out = run.communicate(timeout=60)[0]
    assert run.returncode == 0
    assert out.endswith(b"all valid\n")
    assert b"verifying" in shown
    assert b"100%" in shown
