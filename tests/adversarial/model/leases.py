"""Gates about who is alive and who is bound: loop, wakeup, preflight, rotation."""

from __future__ import annotations

from typing import Any

from tests.adversarial.model.docket import Answer, Docket, Params, seated, skewed, undecided
from tests.adversarial.model.rows import MISSING, Book, Receipt
from tests.adversarial.model.seats import Pair, Seat, When, pair
from tests.adversarial.model.selections import both, equal, latest, meant


def lease(beat: Any, when: When, stale: int) -> str:
    if beat is None:
        return "missing"
    return "healthy" if when.instant - beat <= stale else "stale"


def pulse(book: Book, when: When, params: Params, docket: Docket) -> Receipt | None:
    def test(receipt: Receipt) -> bool | None:
        mine = equal(receipt.of("dispatcher_id", correlation=True), params["dispatcher_id"])
        return both(receipt.actor == "dispatch", mine, True if receipt.attributes is not None else None)

    return latest(meant(book, None, ["dispatch_watch_heartbeat"], when, test), test, docket, "pulse")


def check_pulse(book: Book, when: When, params: Params, docket: Docket) -> None:
    newest = pulse(book, when, params, docket)
    state = lease(None if newest is None else newest.at or 0, when, params["stale_after"])
    docket.need([state == "healthy"], "dispatcher-lease", f"Dispatch {params['dispatcher_id']} is {state}.")


def check_seats(bound: Pair, when: When, params: Params, docket: Docket, *, capital: bool = False) -> None:
    for seat in bound.seats:
        name = seat.role.capitalize() if capital else seat.role
        if MISSING in seat.heartbeats:
            docket.unread.append(f"{seat.role} heartbeat")
            continue
        states = {lease(beat, when, params["stale_after"]) for beat in seat.heartbeats}
        if len(states) > 1 and "healthy" not in states:
            docket.doubts.append("seat-lease")
        docket.need((s == "healthy" for s in states), "seat-lease", f"{name} heartbeat is {min(states)}.")


def loop(book: Book, task: str, when: When, params: Params) -> Answer:
    found = seated(book, task, when, f"No active binding for task: {params['task']}")
    if isinstance(found, Answer):
        return found
    bound, docket = found
    check_pulse(book, when, params, docket)
    check_seats(bound, when, params, docket, capital=True)
    return skewed(docket.answer(allowed="healthy", denied="unhealthy"), docket, when)


def wakeup(book: Book, task: str, when: When, params: Params) -> Answer:
    found = seated(book, task, when, f"No active binding for task: {params['task']}")
    if isinstance(found, Answer):
        return found
    bound, docket = found
    for seat in bound.seats:
        thread = seat.of("codex_app_thread_id")
        docket.unread += [seat.role] if thread is MISSING else []
        if thread is None and MISSING in seat.heartbeats:
            docket.unread.append(seat.role)
        elif thread is None:
            awake = {lease(beat, when, params["stale_after"]) == "healthy" for beat in seat.heartbeats}
            docket.need(awake, "no-thread", f"{seat.role} sleeps, and has no Codex app thread to be woken through")
    return skewed(docket.answer(allowed="wakeable", denied="blocked"), docket, when)


def preflight(book: Book, task: str, when: When, params: Params) -> Answer:
    docket = Docket()
    if params["mode"] != "required":
        return Answer(frozenset([True, None]), why="nothing is required, though what is invalid may be reported")
    bound = pair(book, task, when)
    if bound is not None and not bound.readable:
        docket.unread.append("binding")
    if bound is None or not bound.seated:
        message = f'active_binding: no active session-based binding for task "{params["task"]}"'
        docket.blocks.append(("no-binding", message))
    seats = () if bound is None else bound.seats
    threads = {seat.role: seat.of("codex_app_thread_id") for seat in seats}
    for role in ("manager", "worker"):
        docket.need([threads.get(role) is not None], f"no-{role}-thread", f"{role}_thread_metadata")
        docket.unread += ["thread"] if threads.get(role) is MISSING else []
    return skewed(docket.answer(allowed="ready", denied="blocked"), docket, when)


def rotation(book: Book, task: str, when: When, params: Params) -> Answer:
    bound = pair(book, task, when)
    if bound is None or not bound.seated:
        return undecided(f'no active session-based binding for task "{params["task"]}"')
    docket = Docket(unread=[] if bound.readable else ["binding"])
    manager, worker = bound.seats
    thread, other = worker.of("codex_app_thread_id"), manager.of("codex_app_thread_id")
    assert worker.session is not None
    assert manager.session is not None
    same = manager.session["id"] == worker.session["id"] or thread == other
    docket.need([bound.state == "active"], "binding-not-active", "active_binding_not_active")
    docket.need([worker.of("state") == "active"], "worker-not-active", "worker_session_not_active")
    docket.need([worker.of("tmux_session") is None], "worker-in-tmux", "worker_session_is_tmux_backed")
    docket.need([thread is not None], "no-worker-thread", "missing_worker_codex_app_thread_id")
    docket.need([thread == params["old_worker_thread_id"]], "another-thread", "old_worker_thread_id_mismatch")
    docket.need([not same], "not-distinct", "manager_worker_thread_not_distinct")
    docket.unread += ["thread"] if MISSING in (thread, other) else []
    if params["require_handoff"]:
        _check_handoff(book, task, when, worker, docket)
    return skewed(docket.answer(allowed="eligible", denied="blocked"), docket, when)


def _check_handoff(book: Book, task: str, when: When, worker: Seat, docket: Docket) -> None:
    mine = [row for row in book.tables["worker_handoffs"] if row["task_id"] == task]
    dated = [(book.time(row["created_at"]), row["seq"], row) for row in mine]
    docket.unread += ["handoff"] if any(at is None for at, _, _ in dated) else []
    seen = [(at, seq, row) for at, seq, row in dated if at is not None and when.sees(at)]
    newest = max(seen, key=lambda each: each[:2], default=None)
    docket.need([newest is not None], "no-handoff", "missing_worker_handoff")
    if newest is not None and worker.session is not None:
        mine_too = newest[2]["worker_session_id"] == worker.session["id"]
        docket.need([mine_too], "handoff-of-another", "handoff_worker_session_mismatch")
