"""A decision log: a file that decisions are appended to, one JSON object a line, and read from again.

It is not proof against those who may write to it: who can append a line can change one. What can be verified is that
each decision follows from its ledger and its policies.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec

from interlock import instant
from interlock.diagnostics import UsageError, digest
from interlock.escape import harmless
from interlock.evaluation.judge import Judge, Loaded, closure
from interlock.files import reason
from interlock.instant import format_instant
from interlock.language.evaluate import as_printed
from interlock.ledger import NEWEST, STANDARD_INPUT, Snapshot
from interlock.ledger.connection import Upto
from interlock.ledger.rows import Row, TwiceError, document, read_json
from interlock.model.decision import Decision, ParamNote
from interlock.model.decision_log import LogEntry, Record, RecordedRequest
from interlock.model.facts import Value
from interlock.request import Session

MAX_LINE_BYTES = 64 << 20
"""The most bytes that are read of a line."""


def answer(session: Session, head: Upto = NEWEST) -> tuple[Record, ...]:
    """The decisions of a request, each with all that it takes to judge it again. Raises as the session does.

    Of receipts, only those up to the `seq` `head` are read, of each source up to its own.
    """
    named = zip(session.request.policies, session.given, session.params, strict=True)
    asked = [_asked(session, session.library.path(name), given, params) for name, given, params in named]
    policies = list(zip(session.policies, session.arguments, asked, strict=True))

    def decided(snapshot: Snapshot) -> tuple[Record, ...]:
        unknown = session.unknown_waivers(snapshot)
        return tuple(
            _reported(
                record(session.judge(snapshot), policy, task, arguments, each, session.moment.clock),
                partial(session.reported, index, unknown),
            )
            for task in session.tasks(snapshot)
            for index, (policy, arguments, each) in enumerate(policies)
        )

    return session.over(decided, head=head)


def _reported(made: Record, reported: Callable[[Decision], Decision]) -> Record:
    return msgspec.structs.replace(made, decision=reported(made.decision))


def logged(session: Session, path: str, others: Iterable[str]) -> tuple[Decision, ...]:
    """The decisions of a request, which are appended to the log before they are given.

    Raises UsageError if the log is one of `others`, which are read or written otherwise, or is not a log; else as the
    session does.
    """
    refuse(path, others)
    records = answer(session)
    append(path, records)
    return tuple(record.decision for record in records)


def append(path: str, records: Iterable[Record]) -> None:
    """Add decisions to the log, all of them in one piece, and see them on the disk.

    Several processes may append to one log: each waits for the other. A last line that a crash cut off stays as it is;
    what is added begins on a line of its own. Raises UsageError when not all of it could be written.
    """
    lines = b"".join(harmless(msgspec.json.encode(each).decode()).encode() + b"\n" for each in records)
    try:
        log = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _add(log, lines)
        finally:
            os.close(log)
    except OSError as error:
        raise UsageError(f"cannot append to the decision log `{path}`: {reason(error)}") from None


def refuse(path: str, others: Iterable[str]) -> None:
    """Raises UsageError if the file is one of `others`, or holds something else than decisions."""
    place = os.path.realpath(path)
    if any(os.path.realpath(other) == place for other in others):
        raise UsageError(f"cannot append to the decision log `{path}`: it is read, or written as something else")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # nothing is read of a pipe: it may have no writer
            return
        with open(path, "rb") as file:
            if file.read(1) not in (b"", b"{"):
                raise UsageError(f"cannot append to `{path}`: it holds something else than decisions")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot append to the decision log `{path}`: {reason(error)}") from None


def read_log(path: str) -> Iterator[tuple[int, LogEntry | str]]:
    """The lines of a log, counted from 1: what each holds, or else what is wrong with it. Blank ones are passed over.

    Raises UsageError when the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                if line.strip():
                    yield number, _entry(line)
    except OSError as error:
        raise UsageError(f"cannot read the decision log `{path}`: {reason(error)}") from None


def _entry(line: bytes) -> LogEntry | str:
    if not line.endswith(b"\n"):
        return "it was cut off: it does not end in a line feed"
    try:
        document = read_json(line.decode())
        record = msgspec.convert(document, Record)
    except UnicodeDecodeError:
        return f"{_NONE}: it is not UTF-8 text"
    except (TwiceError, msgspec.ValidationError) as error:
        message = str(error)
        return f"{_NONE}: {message[:1].lower()}{message[1:]}"
    except (ValueError, RecursionError) as error:
        return f"{_NONE}: it is not JSON text: {error}"
    wrong = next(_odd_keys("", document, msgspec.to_builtins(record)), None)
    return LogEntry(document, record) if wrong is None else f"{_NONE}: {wrong}"


_NONE = "it is not a recorded decision"


def _odd_keys(path: str, written: Any, known: Any) -> Iterator[str]:
    """The keys that a record does not have, and those that it lacks. `known` is the record that was read of it."""
    if isinstance(written, dict) and isinstance(known, dict):
        for key in dict.fromkeys([*known, *written]):
            if key not in written:
                yield f"the key `{path}{key}` is missing"
            elif key not in known:
                yield f"unknown key `{path}{key}`"
            else:
                yield from _odd_keys(f"{path}{key}.", written[key], known[key])
    elif isinstance(written, list) and isinstance(known, list | tuple):
        for index, (each, other) in enumerate(zip(written, known, strict=True)):
            yield from _odd_keys(f"{path}{index}.", each, other)


def _add(log: int, lines: bytes) -> None:
    """Write to an open log, alone, from the start of a line on."""
    _lock(log)
    status = os.fstat(log)
    regular = stat.S_ISREG(status.st_mode)
    if regular and status.st_size and os.pread(log, 1, status.st_size - 1) != b"\n":
        lines = b"\n" + lines
    left = memoryview(lines)
    while left:
        left = left[os.write(log, left) :]
    if regular:
        os.fsync(log)


def _lock(log: int) -> None:
    """Wait until nobody else appends. The system lets go when the file is closed."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # where there is none, one process at a time may append
        return
    flock(log, LOCK_EX)


_DIGITS = 32
"""Hexadecimal digits of a fact's digest: 128 bits."""
_STORED = Row.__struct_fields__[:11]
"""What of a row is digested where it cannot be read as a fact: what the ledger stores."""


def record(
    judge: Judge, loaded: Loaded, task: str, params: Mapping[str, Value], asked: RecordedRequest, clock: int | None
) -> Record:
    """Decide, by a judge who has decided nothing yet, and record what the decision rests on.

    `clock` is what the wall clock showed, in microseconds, UTC, where the instant was found by it. Raises as
    `Judge.decide`.
    """
    judge.witness = []
    decision = judge.decide(loaded, task, params)
    newest = judge.judged(loaded, task, params).newest
    kinds = {parameter.name: parameter.kind for parameter in loaded.policy.parameters}
    return Record(
        decision=decision,
        asked=asked,
        params={name: as_printed(value, kinds[name]) for name, value in params.items()},
        policies={each.policy.id: each.policy.digest for each in closure([loaded])},
        kinds={kind: known for each in closure([loaded]) for kind, known in each.kinds.items()},
        head=judge.snapshot.newest(),
        facts=_facts(judge.witness),
        clock=None if clock is None else format_instant(clock),
        ahead=format_instant(newest.at) if newest is not None and newest.at > judge.now else None,
    )


def fingerprint(row: Row) -> str:
    """The digest of a fact: of its canonical JSON, without its `seq`, which a VACUUM may change."""
    made, wrong = document(row)
    content = [None if name == "seq" else getattr(row, name) for name in _STORED] if wrong else {**made, "seq": None}
    try:
        text = msgspec.json.encode(content, order="sorted")
    except (TypeError, ValueError, RecursionError):
        text = repr(content).encode(errors="backslashreplace")
    return sha256(text).hexdigest()[:_DIGITS]


def _facts(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        of_kind = found.setdefault(row.kind, {})
        if row.id not in of_kind:
            of_kind[row.id] = fingerprint(row)
    return found


def _asked(session: Session, path: str, given: Mapping[str, Any], params: Mapping[str, ParamNote]) -> RecordedRequest:
    """The question about one policy, whose file is at `path`."""
    request, waivers = session.request, session.waivers
    tables = (msgspec.structs.replace(each, database=_absolute(each.database), places={}) for each in session.tables)
    ledgers = tuple(path if path == STANDARD_INPUT else _absolute(path) for path in session.places)
    return RecordedRequest(
        file=_absolute(path),
        policy_dirs=tuple(_absolute(os.fspath(folder)) for folder in request.policy_dirs),
        schema_dirs=tuple(_absolute(os.fspath(folder)) for folder in request.schema_dirs),
        ledger=ledgers[0] if len(ledgers) == 1 else ledgers,
        params=dict(given),
        origins={name: params[name].origin for name in given},
        allow_long_waivers=request.allow_long_waivers,
        engine=request.engine,
        at=_named(request.at, session),
        max_skew=instant.format_duration(session.max_skew),
        strict_ledger=session.ledger.strict,
        waivers=None if request.waivers is None else _absolute(os.fspath(request.waivers)),
        sources=tuple(tables),
        waivers_digest=None if waivers is None or waivers.source is None else digest(waivers.source.text),
    )


def _named(at: object, session: Session) -> str | None:
    """The instant as it was named; where the sources name it, which may be others later, the instant itself."""
    if at in ("head", "feed") or (at is None and session.ledger.taken is not None):
        return instant.format_instant(session.moment.now)
    return at if isinstance(at, str) else None


def _absolute(path: str) -> str:
    """The path from the root, as text: bytes that are none are shown as escapes."""
    return os.fsencode(os.path.abspath(path)).decode(errors="backslashreplace")
