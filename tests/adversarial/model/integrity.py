"""The integrity audit: what contradicts what."""

from __future__ import annotations

from typing import Any

from tests.adversarial.model.docket import Answer, Docket, Params, undecided
from tests.adversarial.model.rows import MISSING, Book, Receipt, Row
from tests.adversarial.model.seats import ROTATED, Pair, When, end, pair, registrations, rotations
from tests.adversarial.model.selections import meant
from tests.adversarial.model.smoke import proofs_sound
from tests.adversarial.model.stamps import Stamp

OVER = ("ended", "invalid")
"""The states of a binding that is over."""


def integrity(book: Book, task: str, when: When, params: Params) -> Answer:
    bound = pair(book, task, when)
    if bound is None:
        return undecided(f"No active binding for task: {params['task']}")
    docket = Docket(unread=[] if bound.readable else ["binding"])
    _check_answers(book, task, bound, when, docket)
    _check_proofs(book, task, when, docket)
    _check_deliveries(book, task, when, docket)
    return docket.answer(allowed="consistent", denied="contradicted")


def _mine(rows: list[Row], task: str, book: Book, when: When) -> list[Row]:
    return [row for row in rows if row["task_id"] == task and when.sees(book.time(row["created_at"])) is not False]


def _check_answers(book: Book, task: str, bound: Pair, when: When, docket: Docket) -> None:
    messages = {row["seq"]: row for row in _mine(book.tables["routed_notifications"], task, book, when)}
    for row in _mine(book.tables["notification_acknowledgements"], task, book, when):
        message = messages.get(row["notification_id"])
        target = None if message is None else book.session(message["target_session_id"])
        seen = {
            column: message is not None and message[column] is not None and when.sees(book.time(message[column]))
            for column in ("delivered_at", "consumed_at")
        }
        docket.need([target is not None and target["role"] == row["role"]], "answer-of-another", "")
        if row["status"] == "received":
            docket.need([bool(seen["delivered_at"])], "received-undelivered", "")
        if row["status"] in ("accepted", "blocked"):
            docket.need([bool(seen["consumed_at"])], "answered-unconsumed", "")
        if row["binding_id"] != bound.binding["id"]:
            # Under an earlier binding of the task it was right when it was recorded.
            at = book.time(row["created_at"])
            docket.unread += ["acknowledgement"] if at is None else []
            own = [b for b in bound_then(book, task, at) if b["id"] == row["binding_id"]] if at is not None else []
            over = [b for b in own if b["state"] in OVER and when.sees(book.time(b["ended_at"]))]
            docket.need([bool(over)], "answer-outside-binding", "")


def bound_then(book: Book, task: str, at: Stamp) -> list[Row]:
    """The bindings of a task that may have been active at some moment that a stamp means."""
    found = []
    for row in book.tables["bindings"]:
        begun, ended = book.time(row["created_at"]), book.time(row["ended_at"])
        lasted = row["state"] not in OVER or (ended is not None and end(ended) >= at)
        if row["task_id"] == task and begun is not None and begun <= end(at) and lasted:
            found.append(row)
    return found


def _check_thread(book: Book, task: str, receipt: Receipt, at: Stamp, docket: Docket) -> None:
    """A smoke receipt comes from the thread that its seat had then; where nothing says that, nothing is decided."""
    named = receipt.of("thread_id")
    docket.unread += ["thread"] if named is MISSING else []
    if named is None or named is MISSING:
        return
    bindings = bound_then(book, task, at)
    session = book.session(bindings[0][f"{receipt.of('role')}_session_id"]) if len(bindings) == 1 else None
    if session is None:
        docket.unread.append("seat")
        return
    since = [each for each in rotations(book, session["id"]) if each.seq > receipt.seq]
    first = min(since, key=lambda each: each.seq, default=None)
    if named == (session["codex_app_thread_id"] if first is None else first.of("old_worker_thread_id")):
        return
    until = 1 << 62 if first is None else end(first.at)
    hidden = any(at <= each <= until for each in registrations(book, session))
    hidden = hidden or any(
        each.attributes is None and each.task_id == task and each.seq > receipt.seq for each in book.of_kinds(ROTATED)
    )
    if hidden:
        docket.unread.append("thread")
    else:
        docket.need([False], "proof-of-another-thread", "")


def _check_proofs(book: Book, task: str, when: When, docket: Docket) -> None:
    sessions = meant(book, task, ["app_smoke_started", "app_smoke_skipped"], when, lambda _: True)
    opened = {(receipt.of("smoke_id"), receipt.of("nonce")) for receipt in sessions}
    for receipt in meant(book, task, ["app_smoke_receipt_recorded"], when, lambda _: True):
        if not proofs_sound(receipt) or receipt.at is None:
            docket.unread.append("proof")
            continue
        _check_thread(book, task, receipt, receipt.at, docket)
        docket.need([(receipt.of("smoke_id"), receipt.of("nonce")) in opened], "proof-of-no-session", "")


def _check_deliveries(book: Book, task: str, when: When, docket: Docket) -> None:
    plans = meant(book, task, ["app_wakeup_dispatch_planned"], when, lambda _: True)
    actions = {plan.id: plan.of("actions", list) or [] for plan in plans}
    for receipt in meant(book, task, ["app_wakeup_delivery_recorded"], when, lambda _: True):
        planned: Any = actions.get(receipt.of("dispatch_receipt"), [])
        mine = [each for each in planned if isinstance(each, dict) and each.get("role") == receipt.of("role")]
        docket.need([bool(mine)], "delivery-unplanned", "")
        _check_delivery(receipt, mine, docket)


def _check_delivery(receipt: Receipt, planned: list[dict[str, Any]], docket: Docket) -> None:
    status, words = receipt.of("delivery_status"), [each.get("status") for each in planned]
    if status == "sent":
        ready = [a for a in planned if a.get("status") == "ready_to_send" and a.get("send_ready") is True]
        there = any(each.get("thread_id") == receipt.of("thread_id") for each in ready)
        docket.need([there], "sent-not-ready", "")
    elif status == "skipped":
        docket.need(["skipped_healthy" in words], "skipped-not-healthy", "")
    elif status == "blocked":
        reason = isinstance(receipt.of("reason"), str) and "ready_to_send" in words
        docket.need(["blocked_missing_thread" in words or reason], "blocked-without-reason", "")
    else:
        docket.unread.append("delivery")
