"""The smoke gate."""

from __future__ import annotations

from typing import Any

from tests.adversarial.model import stamps
from tests.adversarial.model.docket import Answer, Docket, Params, seated, skewed, undecided
from tests.adversarial.model.rows import MISSING, Book, Receipt
from tests.adversarial.model.seats import BEATS, Pair, Seat, When, session_of_beat
from tests.adversarial.model.selections import both, equal, latest, meant


def session_of(book: Book, task: str, when: When, params: Params, docket: Docket) -> Receipt | None:
    wanted = params.get("smoke_id")

    def test(receipt: Receipt) -> bool | None:
        fields = [receipt.of(name) for name in ("smoke_id", "nonce")]
        mine = True if wanted is None else equal(fields[0], wanted)
        texts = all(isinstance(value, str) for value in fields)
        closed = receipt.of("mode") in ("required", "advisory", "skip") and receipt.of("scope") in (
            "pair",
            "worker-set",
        )
        number = receipt.of("worker_count", int)
        sound = texts and closed and isinstance(number, int) and receipt.correlation is not None
        return both(mine, True if sound else None)

    kinds = ("app_smoke_started", "app_smoke_skipped")
    return latest(meant(book, task, kinds, when, test), test, docket, "session")


def since(book: Book, seat: Seat, beat: Any, session: Receipt) -> set[bool]:
    """Whether a heartbeat is proved not to be before a session; where time cannot decide, the ledger's order may."""
    if beat is None or session.at is None:
        return {False}
    found = set[bool]()
    for unknown in stamps.unordered(beat, session.at):
        found |= {True, False} if unknown and _beaten(book, seat, beat, session.seq) else set()
        found.add(not unknown and bool(beat >= session.at))
    return found


def _beaten(book: Book, seat: Seat, beat: Any, after: int) -> bool:
    """Whether the ledger has the heartbeat's receipt after that number."""
    identity = None if seat.session is None else seat.session["id"]
    beats = [r for r in book.of_kinds(*BEATS) if r.at == beat and r.seq > after]
    return any(session_of_beat(receipt) == identity for receipt in beats)


def smoke(book: Book, task: str, when: When, params: Params) -> Answer:
    docket = Docket()
    session = session_of(book, task, when, params, docket)
    if session is None and not docket.unread:
        wanted = params.get("smoke_id")
        none = "No app smoke session has been started for this task."
        return undecided(none if wanted is None else f"Unknown app smoke session: {wanted}")
    found = seated(book, task, when, "No active app smoke binding for task.")
    if isinstance(found, Answer):
        easy = found.reason is None and session is not None and session.of("mode") in ("advisory", "skip")
        return Answer(found.allow | ({True} if easy else set()), found.findings, found.reason, found.state, found.why)
    bound, more = found
    docket.unread += more.unread
    if session is None or session.at is None or docket.unread:
        return docket.answer(allowed="", denied="")
    mode = session.of("mode")
    if mode == "skip":
        return skewed(docket.answer(allowed="", denied="", anyway="skipped"), docket, when, sure=False)
    _check_smoke(book, task, session, bound, when, params, docket)
    anyway = "advisory" if mode == "advisory" else None
    return skewed(docket.answer(allowed="proved", denied="blocked", anyway=anyway), docket, when)


def proofs_sound(receipt: Receipt) -> bool:
    """Whether a receipt of a smoke step says which step of which session it is."""
    statuses = ("sent", "received", "accepted", "blocked", "skipped")
    named = all(isinstance(receipt.of(name), str) for name in ("smoke_id", "nonce"))
    step = receipt.of("role") in ("manager", "worker") and receipt.of("status") in statuses
    return named and step and receipt.correlation is not None and receipt.sound


def proofs_of(book: Book, task: str, session: Receipt, when: When, docket: Docket) -> list[Receipt]:
    """The receipts of a session: of its id and nonce."""
    smoke_id, nonce = session.of("smoke_id"), session.of("nonce")

    def test(receipt: Receipt) -> bool | None:
        mine = both(equal(receipt.of("smoke_id"), smoke_id), equal(receipt.of("nonce"), nonce))
        return both(mine, True if proofs_sound(receipt) else None)

    proofs = meant(book, task, ["app_smoke_receipt_recorded"], when, test)
    docket.unread += ["proof" for receipt in proofs if test(receipt) is None or receipt.at is None]
    docket.used += proofs
    return proofs


def _check_smoke(
    book: Book, task: str, session: Receipt, bound: Pair, when: When, params: Params, docket: Docket
) -> None:
    if session.of("scope") == "worker-set" and session.of("worker_count", int) > 1:
        message = f"worker-set smoke for one task proves 1 of {session.of('worker_count', int)} workers; "
        docket.blocks.append(("one-of-many", message + "run per-worker smoke and aggregate in the plugin skill"))

    proofs = proofs_of(book, task, session, when, docket)
    for seat in bound.seats:
        mine = [receipt for receipt in proofs if receipt.of("role") == seat.role and receipt.at is not None]
        _check_seat(book, seat, mine, session, when, params, docket)


def _check_seat(
    book: Book, seat: Seat, proofs: list[Receipt], session: Receipt, when: When, params: Params, docket: Docket
) -> None:
    role, thread = seat.role, seat.of("codex_app_thread_id")
    said = {receipt.of("status") for receipt in proofs}
    docket.unread += ["thread"] if thread is MISSING else []
    docket.need([thread is not None], "no-thread", f"{role} has no Codex app thread id")
    docket.need(["sent" in said], "not-sent", f"{role} smoke prompt has not been recorded as sent")
    if MISSING in seat.heartbeats:
        docket.unread.append(f"{role} heartbeat")
    else:
        stale = params["stale_after"]
        fresh = {
            proved and when.instant - beat <= stale
            for beat in seat.heartbeats
            for proved in since(book, seat, beat, session)
        }
        docket.need(fresh, "heartbeat-not-fresh", f"{role} heartbeat is not fresh after smoke start")
    if role == "worker":
        docket.need(["received" in said], "not-received", "worker has not recorded smoke received")
    verdicts = [receipt for receipt in proofs if receipt.of("status") in ("accepted", "blocked")]
    newest = max(verdicts, key=lambda receipt: (receipt.at, receipt.seq), default=None)
    verdict = None if newest is None else newest.of("status")
    docket.need([verdict == "accepted"], "not-accepted", f"{role} has not accepted smoke")
    if newest is not None and verdict == "blocked":
        payload = newest.of("payload", dict)
        summary = payload.get("summary") if isinstance(payload, dict) else None
        told = f": {summary}" if isinstance(summary, str) and summary else ""
        docket.blocks.append(("blocked", f"{role} smoke blocked{told}"))
