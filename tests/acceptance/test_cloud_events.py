"""CloudEvents 1.0 in JSON: each is a receipt, known by its source and its id, or is refused by name, in every face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

import interlock as api
from interlock import LedgerError
from interlock.mcp_server import server
from interlock.request import Request
from tests.acceptance.conftest import Interlock

TASK, AT = "release-1", "2026-06-22T09:20:00Z"
DATA = {"smoke_id": "s", "nonce": "n", "role": "worker", "status": "accepted"}
POLICY = """\
policy: proved
version: 1
title: Proved
question: Is it proved?
facts:
  proof: {from: app_smoke_receipt_recorded, take: latest, required: nothing is proved}
  count: {from: app_smoke_receipt_recorded, take: count}
rules:
  - {id: rejected, unless: proof.status == "accepted", block: "{proof.status} by {proof.id}"}
decide:
  - {state: rejected, when: blocked, allow: false}
  - {state: proved, allow: true}
outputs: {at: proof.at, count: count.count}
"""


def event(**more: Any) -> dict[str, Any]:
    """An event; what is `...` is left out of it."""
    base = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "app_smoke_receipt_recorded", "subject": TASK}
    return {name: value for name, value in {**base, "time": AT, "data": DATA, **more}.items() if value is not ...}


def lines(*events: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in events)


@pytest.fixture
def policy(folder: Path) -> Path:
    path = folder / "proved.yaml"
    path.write_text(POLICY)
    return path


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"source": ...}, "a CloudEvent needs `source`"),
    "a source that is null": ({"source": None}, "a CloudEvent needs `source`"),
    "an empty source": ({"source": ""}, "its `source` is empty"),
    "a source that is a number": ({"source": 7}, "its `source` is the number `7`, not text"),
    "a source with a blank": ({"source": "my ci"}, "its `source` is `my ci`, not a URI reference"),
    "no id": ({"id": ...}, "a CloudEvent needs `id`"),
    "an empty id": ({"id": ""}, "its `id` is empty"),
    "an id that is a number": ({"id": 1}, "its `id` is the number `1`, not text"),
    "an empty type": ({"type": ""}, "its `type` is empty"),
    "a type that is a list": ({"type": ["x"]}, "its `type` is a list, not text"),
    "an empty subject": ({"subject": ""}, "its `subject` is empty"),
    "no time": ({"time": ...}, "a CloudEvent needs `time`"),
    "a time that is null": ({"time": None}, "a CloudEvent needs `time`"),
    "a time without an offset": (
        {"time": "2026-06-22T09:20:00"},
        "its `time` is `2026-06-22T09:20:00`, not an RFC 3339 instant such as `2026-06-11T12:00:05Z`",
    ),
    "a time of no day": ({"time": "2026-02-30T09:20:00Z"}, "its `time` is `2026-02-30T09:20:00Z`, not an RFC 3339"),
    "an offset of no place": ({"time": "2026-06-22T09:20:00+25:00"}, "its `time` is `2026-06-22T09:20:00+25:00`, not"),
    "a time with a blank": ({"time": "2026-06-22 09:20:00Z"}, "its `time` is `2026-06-22 09:20:00Z`, not"),
    "a leap second": ({"time": "2026-06-22T23:59:60Z"}, "its `time` is `2026-06-22T23:59:60Z`, not"),
    "a time that is a number": ({"time": 1_782_119_000}, "its `time` is the number `1782119000`, not text"),
    "a time before 1970": ({"time": "1969-12-31T23:59:59Z"}, "`at`"),
    "another version": ({"specversion": "0.3"}, "its `specversion` is not `1.0`"),
    "a version that is a number": ({"specversion": 1.0}, "its `specversion` is not `1.0`"),
    "a version that is null": ({"specversion": None}, "its `specversion` is not `1.0`"),
    "no version": ({"specversion": ...}, "a CloudEvent needs `specversion`"),
    "binary data": (
        {"data": ..., "data_base64": "e30="},
        "its data is binary (`data_base64`), not a JSON object of the attributes in `data`",
    ),
    "data twice": ({"data_base64": "e30="}, "its data is binary (`data_base64`)"),
    "no data": (
        {"data": ...},
        "a CloudEvent of `app_smoke_receipt_recorded` needs `data`: `smoke_id`, `nonce`, `role`, `status` are required",
    ),
    "data that is null": ({"data": None}, "its `data` is not a JSON object of the attributes"),
    "data that is text": ({"data": "{}"}, "its `data` is not a JSON object of the attributes"),
    "data that lacks a field": ({"data": {**DATA, "nonce": None}}, "`nonce`"),
    "data of another type": ({"datacontenttype": "text/xml"}, "its `datacontenttype` is `text/xml`, not JSON"),
    "a type of data that only looks like JSON": (
        {"datacontenttype": "application/jsonl"},
        "its `datacontenttype` is `application/jsonl`, not JSON",
    ),
    "a type of data that is empty": ({"datacontenttype": ""}, "its `datacontenttype` is empty"),
    "a correlation that is text": ({"correlation": "x"}, "`correlation`"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_an_event_that_is_none_is_refused_by_name(
    change: dict[str, Any], message: str, interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(lines(event(id="0"), event(**change)))
    ran = interlock("eval", str(policy), "--ledger", str(path), "--task", TASK, "--at", AT)
    assert (ran.code, ran.out) == (6, "")
    assert f"  line 2: {message}" in ran.err or ("; " not in message and message in ran.err)
    verified = interlock("verify-ledger", "--ledger", str(path))
    assert verified.code == 3
    assert "1 invalid" in verified.out
    with pytest.raises(LedgerError) as refused:
        api.evaluate(policy, ledger=path, task=TASK, at=AT)
    assert f"error: {refused.value}\n" == ran.err


ACCEPTED: dict[str, tuple[dict[str, Any], str]] = {
    "an offset ahead of UTC": ({"time": "2026-06-22T11:20:00+02:00"}, AT),
    "an offset behind UTC": ({"time": "2026-06-21T23:50:00.250-09:30"}, "2026-06-22T09:20:00.250Z"),
    "an unknown offset": ({"time": "2026-06-22T09:20:00-00:00"}, AT),
    "small letters": ({"time": "2026-06-22t09:20:00z"}, AT),
    "many digits": ({"time": "2026-06-22T09:20:00.12345678901Z"}, "2026-06-22T09:20:00.123456Z"),
    "a type of data that is JSON": ({"datacontenttype": "application/json; charset=utf-8"}, AT),
    "a type of data that is written as JSON": ({"datacontenttype": "application/vnd.ci.proof+json"}, AT),
    "an attribute that is null": ({"datacontenttype": None, "dataschema": None}, AT),
    "an extension": ({"traceparent": "00-1", "sequence": "7"}, AT),
}


@pytest.mark.parametrize(("change", "at"), ACCEPTED.values(), ids=ACCEPTED)
def test_an_event_is_a_receipt(change: dict[str, Any], at: str, policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(lines(event(**change)))
    found = api.evaluate(policy, ledger=path, task=TASK, at="2026-06-22T10:00:00Z")
    assert (found.allow, found.outputs["count"], found.evidence) == (True, 1, ("/ci#1",))
    assert found.outputs["at"] == at


LATER = event(id="2", time="2026-06-22T09:30:00Z", data={**DATA, "status": "blocked"})
REPEATED: dict[str, tuple[list[dict[str, Any]], int]] = {
    "an event again": ([event(), LATER, event()], 2),
    "members in another order": ([event(), dict(reversed(event().items())), LATER], 2),
    "data in another order": ([event(), event(data=dict(reversed(DATA.items()))), LATER], 2),
    "the instant in another offset": ([event(), event(time="2026-06-22T11:20:00+02:00"), LATER], 2),
    "delivered with another trace": ([event(), event(traceparent="00-2"), LATER], 2),
    "one id of two sources": ([event(), event(source="/other"), LATER], 3),
}


@pytest.mark.parametrize(("events", "count"), REPEATED.values(), ids=REPEATED)
def test_an_identical_event_counts_once(
    events: list[dict[str, Any]], count: int, interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(lines(*events))
    found = api.evaluate(policy, ledger=path, task=TASK, at="2026-06-22T10:00:00Z")
    assert (found.allow, found.outputs["count"]) == (False, count)
    assert found.findings[0].message == "blocked by /ci#2"
    verified = interlock("verify-ledger", "--ledger", str(path), "--format", "json")
    assert (verified.code, json.loads(verified.out)["receipts"]) == (0, count)


CONTRADICTING: dict[str, dict[str, Any]] = {
    "data": event(data={**DATA, "status": "blocked"}),
    "time": event(time="2026-06-22T09:20:01Z"),
    "subject": event(subject="release-2"),
    "type": event(type="com.example.other"),
    "actor": event(actor="worker"),
}


@pytest.mark.parametrize("other", CONTRADICTING.values(), ids=CONTRADICTING)
def test_a_contradicting_event_is_refused_with_both_places(
    other: dict[str, Any], interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.ndjson"
    for events in ([event(), LATER, other], [other, LATER, event()]):
        path.write_text(lines(*events))
        ran = interlock("eval", str(policy), "--ledger", str(path), "--task", TASK)
        assert ran.code == 6
        assert ran.err.endswith(f"bad line:\n  line 3: {events[2]['type']} `/ci#1` contradicts line 1\n")
        verified = interlock("verify-ledger", "--ledger", str(path))
        assert verified.code == 3
        assert f"line 3: {events[2]['type']} `/ci#1` contradicts line 1" in verified.out


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_may_be_one_array_of_events(
    indent: int | None, mark: str, interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    path.write_text(f"\n{mark}" * (not mark) + mark + json.dumps([event(), LATER], indent=indent))
    assert api.evaluate(policy, ledger=path, task=TASK, at=AT).allow is True
    assert api.evaluate(policy, ledger=path, task=TASK, at="2026-06-22T09:30:00Z").allow is False
    path.write_text(json.dumps([event(), LATER, event(source=...), event(time="2026-06-22T09:20:01Z")], indent=indent))
    ran = interlock("eval", str(policy), "--ledger", str(path), "--task", TASK)
    assert ran.code == 6
    assert ran.err.splitlines() == [
        f"error: the feed `{path}` has 2 bad events:",
        "  event 3: a CloudEvent needs `source`",
        "  event 4: app_smoke_receipt_recorded `/ci#1` contradicts event 1",
    ]
    verified = interlock("verify-ledger", "--ledger", str(path))
    assert (verified.code, "event 3: a CloudEvent needs `source`" in verified.out) == (3, True)


def test_a_file_may_be_one_event_over_several_lines(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event(), indent=1))
    assert api.evaluate(policy, ledger=path, task=TASK, at=AT).allow is True


NO_ARRAYS = {
    "cut off": (json.dumps([event(), LATER], indent=1)[:-2], "is not JSON, neither as one text nor line by line: "),
    "followed by an event": (json.dumps([event()]) + "\n" + lines(LATER), "is not JSON, neither as one text"),
    "of nothing": ("[]", "holds no fact"),
    "of an array": (json.dumps([[event()]]), "event 1: it is not a JSON object"),
    "of a key twice": (
        json.dumps([event()]).replace('"id"', '"source": "/x", "id"'),
        "event 1: its document has a key",
    ),
}


@pytest.mark.parametrize(("content", "message"), NO_ARRAYS.values(), ids=NO_ARRAYS)
def test_what_is_no_array_of_events_is_refused(
    content: str, message: str, interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    path.write_text(content)
    ran = interlock("eval", str(policy), "--ledger", str(path), "--task", TASK)
    assert (ran.code, message in ran.err) == (6, True)
    assert interlock("verify-ledger", "--ledger", str(path)).code in {3, 4, 6}


MEANT = {
    "com.example.app_smoke_receipt_recorded": True,
    "com.example.AppSmokeReceiptRecorded.v2": True,
    "org/ci/app-smoke-receipt-recorded": True,
    "com.example.app.smoke.receipt.recorded-v1.2": True,
    "App_Smoke_Receipt_Recorded": True,
    "com.example.recorded": False,
    "com.example.app_smoke_receipt_recorded.revoked": False,
    "other": False,
}


@pytest.mark.parametrize(("event_type", "undecided"), MEANT.items(), ids=MEANT)
def test_a_type_that_may_be_meant_as_what_a_policy_reads_leaves_it_undecided(
    event_type: str, undecided: bool, interlock: Interlock, policy: Path, tmp_path: Path
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(lines(event(), event(id="2", type=event_type)))
    found = api.evaluate(policy, ledger=path, task=TASK, at=AT)
    assert found.allow is (None if undecided else True)
    if undecided:
        assert found.reason == (
            f"the feed has events of the type `{event_type}`, which no kind has; if `app_smoke_receipt_recorded` is "
            "meant, name the type in its schema (`x-cloudevents-type`), and else leave them out"
        )
    verified = interlock("verify-ledger", "--ledger", str(path))
    assert (verified.code, event_type in verified.out) == (0, True)
    assert api.evaluate("loop", ledger=path, task=TASK, at=AT).reason == f"No active binding for task: {TASK}"


def test_the_tools_for_agents_judge_events(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"

    def called() -> CallToolResult:
        async def talk() -> CallToolResult:
            request = Request(ledger=path, policy_dirs=(policy.parent,))
            async with Client(server(request)) as client:
                return await client.call_tool("evaluate", {"policy": "proved", "task": TASK, "at": AT})

        return anyio.run(talk)

    path.write_text(lines(event(), event()))
    found = called()
    assert found.structured_content is not None
    assert (found.structured_content["allow"], found.structured_content["outputs"]["count"]) == (True, 1)
    path.write_text(lines(event(), event(data={**DATA, "status": "blocked"})))
    refused = called()
    assert refused.is_error
    assert isinstance(refused.content[0], TextContent)
    assert "line 2: app_smoke_receipt_recorded `/ci#1` contradicts line 1" in refused.content[0].text
