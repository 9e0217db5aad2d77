"""Gates about the autopilot: readiness, quiescence."""

from __future__ import annotations

from tests.adversarial.model.docket import Answer, Docket, Params, seated, skewed
from tests.adversarial.model.leases import check_pulse, check_seats
from tests.adversarial.model.rows import MISSING, Book, Receipt
from tests.adversarial.model.seats import When
from tests.adversarial.model.selections import both, equal, latest, meant, proved_since


def switch_of(book: Book, task: str, when: When, params: Params, docket: Docket) -> Receipt | None:
    def test(receipt: Receipt) -> bool | None:
        mine = equal(receipt.of("dispatcher_id", correlation=True), params["dispatcher_id"])
        return both(mine, True if receipt.attributes is not None else None)

    kinds = ("app_autopilot_started", "app_autopilot_stopped")
    return latest(meant(book, task, kinds, when, test), test, docket, "switch")


def applied(book: Book, task: str, role: str, switch: Receipt, when: When, docket: Docket) -> set[bool]:
    outcomes: set[bool] = {False}
    for receipt in meant(book, task, ["app_autopilot_automation_applied"], when, lambda r: equal(r.of("role"), role)):
        there = isinstance(receipt.of("automation_id"), str) and receipt.of("role") == role and receipt.sound
        if receipt.at is None or not there or receipt.correlation is None:
            continue
        proved = proved_since(receipt, switch, equal_counts=True)
        if proved == {True}:
            docket.used.append(receipt)
            return proved
        outcomes |= proved
    return outcomes


def readiness(book: Book, task: str, when: When, params: Params) -> Answer:
    found = seated(book, task, when, f"No active binding for task: {params['task']}")
    if isinstance(found, Answer):
        return found
    bound, docket = found
    switch = switch_of(book, task, when, params, docket)
    started = switch is not None and switch.kind == "app_autopilot_started"
    docket.need([started], "not-started", "App-autopilot policy is not active.")
    check_pulse(book, when, params, docket)
    check_seats(bound, when, params, docket)
    if switch is not None and started and switch.at is not None:
        for seat in bound.seats:
            thread = seat.of("codex_app_thread_id")
            docket.unread += ["thread"] if thread is MISSING else []
            message = f"No Codex app thread id is registered for the {seat.role}; "
            message += "register app thread metadata before creating an app heartbeat automation."
            docket.need([thread is not None], "no-thread", message)
            message = f"{seat.role} heartbeat automation has not been recorded as applied."
            outcome = applied(book, task, seat.role, switch, when, docket)
            docket.need(outcome, "automation-not-applied", message)
    denied = "setup_required" if started else "not_active"
    return skewed(docket.answer(allowed="autonomous_ready", denied=denied), docket, when)


def quiescence(book: Book, task: str, when: When, params: Params) -> Answer:
    found = seated(book, task, when, f"No active binding for task: {params['task']}")
    if isinstance(found, Answer):
        return found
    bound, docket = found
    switch = switch_of(book, task, when, params, docket)
    if switch is None or switch.kind == "app_autopilot_stopped" or params["quiet_after"] <= 0:
        if docket.unread:
            return docket.answer(allowed="", denied="")
        return Answer(frozenset([False]), (), state="not_applicable")
    check_pulse(book, when, params, docket)
    check_seats(bound, when, params, docket)

    def test(receipt: Receipt) -> bool | None:
        sound = True if None not in (receipt.attributes, receipt.correlation) else None
        if receipt.kind == "app_autopilot_started":
            sound = both(sound, equal(receipt.of("dispatcher_id", correlation=True), params["dispatcher_id"]))
        return sound

    kinds = ("command_created", "dispatch_inbox_consumed", "app_autopilot_started")
    anchor = latest(meant(book, task, kinds, when, test), test, docket, "anchor")
    if anchor is not None and anchor.at is not None:
        _check_quiet(book, task, anchor, when, params, docket)
    return skewed(docket.answer(allowed="stop_recommended", denied="monitoring"), docket, when)


def _check_quiet(book: Book, task: str, anchor: Receipt, when: When, params: Params, docket: Docket) -> None:
    for role in ("manager", "worker"):
        counted = meant(book, task, ["app_heartbeat"], when, lambda receipt: receipt.actor == role)  # noqa: B023
        sound = [r for r in counted if r.sound and r.at is not None and None not in (r.attributes, r.correlation)]
        outcomes = [proved_since(receipt, anchor, equal_counts=False) for receipt in sound]
        docket.used += [receipt for receipt, outcome in zip(sound, outcomes, strict=True) if True in outcome]
        least, most = sum(o == {True} for o in outcomes), sum(True in o for o in outcomes)
        if len(sound) < len(counted) and most < params["quiet_after"]:
            docket.unread.append("beats")
        docket.need({least >= params["quiet_after"], most >= params["quiet_after"]}, "not-quiet", "")
