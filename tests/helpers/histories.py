"""Histories made by hand: a small one, one that flaps, one that is hostile."""

from __future__ import annotations

import msgspec

from interlock.instant import SECOND, format_instant, parse_instant
from interlock.model.decision import Finding
from interlock.model.history import Cause, History, Interval, Lane, Mark

START = "2026-06-22T09:00:00Z"
HOSTILE = '</script></title></style><img src=x onerror="window.ran=1"> ]]> '
HOSTILE += "\u202egnp.exe\u2066 \0\x1b[31m ' & &lt; \ud800 שלום"
LONG = "x" * 5_000

SENT = Mark("receipt-1", "app_smoke_started", "2026-06-22T09:00:40Z", None, "operator", "App smoke started.")
ACCEPTED = Mark("receipt-2", "app_smoke_receipt_recorded", "2026-06-22T09:03:00Z", "worker", "worker", "Accepted.")
BEAT = Mark("receipt-3", "app_heartbeat", "2026-06-22T09:03:02Z", "worker", "worker")
STALE = Finding("stale", "block", "worker heartbeat is stale", "wake the worker", evidence=("receipt-3",))
UNSENT = Finding("unsent", "block", "the prompt was not sent", "conveyor app-smoke record demo")

TINY = History(
    task="demo",
    since=START,
    until="2026-06-22T09:10:00Z",
    lanes=(
        Lane(
            policy="smoke",
            version=1,
            title="Smoke",
            question="May real work start?",
            policy_digest="sha256:" + "0" * 64,
            intervals=(
                Interval(START, SENT.at, None, "undecided", "no smoke session has been started", ()),
                Interval(SENT.at, ACCEPTED.at, False, "blocked", None, (UNSENT,), Cause((SENT,), (UNSENT.message,))),
                Interval(
                    ACCEPTED.at,
                    "2026-06-22T09:06:02Z",
                    True,
                    "proved",
                    None,
                    (),
                    Cause((ACCEPTED,), (), (UNSENT.message,)),
                ),
                Interval(
                    "2026-06-22T09:06:02Z",
                    "2026-06-22T09:10:00Z",
                    False,
                    "blocked",
                    None,
                    (STALE,),
                    Cause((), (STALE.message,)),
                ),
            ),
        ),
    ),
    marks=(SENT, ACCEPTED, BEAT),
)


def flapping(number: int, *, every: int = 3 * SECOND) -> History:
    """A gate that changes its mind at each receipt, and one that never does; each third stretch is short."""
    start = parse_instant(START)
    ends = [start]
    for index in range(number):
        ends.append(ends[-1] + (every // 10 if index % 3 else every) + (600 * SECOND if index % 200 == 199 else 0))
    times = [format_instant(at) for at in ends]
    marks = tuple(
        Mark(f"receipt-{i}", "app_heartbeat", at, ("manager", "worker")[i % 2]) for i, at in enumerate(times[:-1])
    )
    verdicts = (False, True, None)
    states = {False: "blocked", True: "proved", None: "undecided"}
    intervals = tuple(
        Interval(
            times[i],
            times[i + 1],
            verdicts[i % 3],
            states[verdicts[i % 3]],
            "no session" if i % 3 == 2 else None,
            (STALE, UNSENT) if i % 3 == 0 else (),
            Cause((marks[i],)) if i else None,
        )
        for i in range(number)
    )
    steady = Interval(times[0], times[-1], True, "healthy", None, ())
    lanes = (_lane("smoke", "May real work start?", *intervals), _lane("loop", "Is the pair alive?", steady))
    return History("flapping", times[0], times[-1], lanes, marks)


def hostile() -> History:
    """The small history with a hostile or endless text wherever a text may stand."""
    mark = Mark(HOSTILE, HOSTILE, "2026-06-22T09:03:00Z", None, HOSTILE, LONG)
    finding = Finding(HOSTILE, "block", HOSTILE + LONG, HOSTILE, {"x": HOSTILE}, (HOSTILE,))
    cause = Cause((mark,), (HOSTILE,), (LONG,))
    first, second, *_ = TINY.lanes[0].intervals
    intervals = (
        msgspec.structs.replace(first, reason=HOSTILE, state=HOSTILE),
        msgspec.structs.replace(second, until=TINY.until, state=LONG, findings=(finding,), cause=cause),
    )
    lane = msgspec.structs.replace(TINY.lanes[0], policy=HOSTILE, question=HOSTILE, intervals=intervals)
    worker = msgspec.structs.replace(mark, seat="worker", kind=LONG)
    return msgspec.structs.replace(TINY, task=HOSTILE, lanes=(lane,), marks=(mark, worker))


def _lane(policy: str, question: str, *intervals: Interval) -> Lane:
    return Lane(policy, 1, policy.title(), question, "sha256:" + "0" * 64, intervals)
