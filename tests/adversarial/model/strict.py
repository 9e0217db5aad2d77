"""The strict smoke gate: the smoke gate, the worker first, its report read, and all that was read acknowledged."""

from __future__ import annotations

from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.docket import Answer, Docket, Params
from tests.adversarial.model.rows import Book, Receipt, Row
from tests.adversarial.model.seats import When
from tests.adversarial.model.selections import proved_since
from tests.adversarial.model.smoke import proofs_of, session_of, smoke


def smoke_strict(book: Book, task: str, when: When, params: Params) -> Answer:
    gate = smoke(book, task, when, params)
    docket = Docket()
    session = session_of(book, task, when, params, docket)
    if gate.allow == {None} or session is None or session.at is None or docket.unread:
        return Answer(gate.allow - {True} | {None}, why=gate.why)
    proved = {allow is True and session.of("mode") == "required" for allow in gate.allow}
    docket.need(proved, "smoke-not-proved", "")
    verdicts = {role: _verdict(book, task, role, session, when, docket) for role in ("manager", "worker")}
    manager, worker = verdicts["manager"], verdicts["worker"]
    first = {False}
    if manager and worker and manager.of("status") == worker.of("status") == "accepted":
        first = _before(worker, manager)
    docket.need(first, "worker-not-first", "")
    messages = [_seen(book, row, when) for row in book.tables["routed_notifications"] if row["task_id"] == task]
    known = [row for row in messages if row is not None]
    docket.unread += ["message"] if any(row["created"] is None for row in known) else []
    _check_report(book, f"{session.of('smoke_id')}-worker-report", known, manager, docket)
    _check_answers(book, task, session, known, manager, when, docket)
    answer = docket.answer(allowed="proved", denied="blocked")
    return Answer(answer.allow | {None}, why=gate.why) if None in gate.allow else answer


def _verdict(book: Book, task: str, role: str, session: Receipt, when: When, docket: Docket) -> Receipt | None:
    said = [r for r in proofs_of(book, task, session, when, docket) if r.of("status") in ("accepted", "blocked")]
    mine = [receipt for receipt in said if receipt.of("role") == role and receipt.at is not None]
    return max(mine, key=lambda receipt: (receipt.at, receipt.seq), default=None)


def _before(one: Receipt, other: Receipt) -> set[bool]:
    """Whether one receipt was written before another: by time, and within one stamp by the order of insertion."""
    if one.at == other.at:
        return {one.seq < other.seq}
    return proved_since(other, one, equal_counts=False)


def _seen(book: Book, row: Row, when: When) -> dict[str, Any] | None:
    """A message as it stood at the instant; None where it was not yet there."""
    created = book.time(row["created_at"])
    if when.sees(created) is False:
        return None
    found: dict[str, Any] = {
        **row,
        "created": created,
        "role": (book.session(row["target_session_id"]) or {}).get("role"),
    }
    for name in ("delivered_at", "consumed_at"):
        at = book.time(row[name])
        found[name] = at if at is not None and when.sees(at) else None
    return found


def _check_report(book: Book, name: str, messages: list[Any], manager: Receipt | None, docket: Docket) -> None:
    mine = [row for row in messages if row["correlation_id"] == name and row["role"] == "manager"]
    report = max(mine, key=lambda row: (row["created"] or 0, row["seq"]), default=None)
    if report is None:
        docket.blocks.append(("no-report", ""))
    elif report["delivered_at"] is None:
        docket.blocks.append(("report-not-delivered", ""))
    else:
        consumed = report["consumed_at"]
        read = {False}
        if manager is not None and consumed is not None and consumed >= report["delivered_at"]:
            read = _by(book, report, manager)
            read |= {False} if True in stamps.unordered(consumed, report["delivered_at"]) else set()
        docket.need(read, "report-not-consumed", "")


def _by(book: Book, message: Any, verdict: Receipt) -> set[bool]:
    """Whether a message was consumed no later than a verdict was recorded."""
    assert verdict.at is not None
    consumed = message["consumed_at"]
    found = {consumed <= verdict.at} if False in stamps.unordered(consumed, verdict.at) else set()
    if True not in stamps.unordered(consumed, verdict.at):
        return found
    receipts = [r for r in book.of_kinds("dispatch_inbox_consumed") if r.seq < verdict.seq]
    told = any(r.of("notification_id", int, correlation=True) == message["seq"] for r in receipts)
    return found | ({True, False} if told else {False})


def _check_answers(
    book: Book, task: str, session: Receipt, messages: list[Any], manager: Receipt | None, when: When, docket: Docket
) -> None:
    if manager is None or manager.at is None:
        return
    opened = session.at or 0
    for row in messages:
        if row["consumed_at"] is None or row["created"] is None:
            continue
        meant = {True, False} if stamps.unordered(row["created"], opened) else {row["created"] >= opened}
        before = (
            {True, False} if stamps.unordered(row["consumed_at"], manager.at) else {row["consumed_at"] <= manager.at}
        )
        answered = {_answered(book, task, row, opened, when, exact=exact) for exact in (True, False)}
        docket.need({not (m and b) or a for m in meant for b in before for a in answered}, "not-acknowledged", "")


def _answered(book: Book, task: str, message: Any, opened: int, when: When, *, exact: bool) -> bool:
    for row in book.tables["notification_acknowledgements"]:
        at = book.time(row["created_at"])
        mine = row["task_id"] == task and row["notification_id"] == message["seq"] and row["role"] == message["role"]
        if mine and at is not None and when.sees(at):
            since = at >= opened if exact else at // stamps.SECOND >= opened // stamps.SECOND
            if since:
                return True
    return False
