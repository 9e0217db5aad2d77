"""Judging recorded decisions again: by the same policy, at the same instant, over the receipts that there were then.

A record is recomputed from its inputs, which are the question (`asked`), the clock and the ledger's head; then every
field of it is compared. What cannot be recomputed is named, and the outcome is not `same`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from interlock.analysis.decision_log import answer, fingerprint
from interlock.analysis.verify_decision.heads import Heads, RecordedHead
from interlock.diagnostics import LedgerError, LockError, PolicyError, UsageError, digest
from interlock.evaluation.judge import closure
from interlock.instant import parse_instant
from interlock.ledger import STANDARD_INPUT, Ledger, Snapshot, is_feed, open_ledger
from interlock.ledger.connection import Upto
from interlock.model.decision import Finding
from interlock.model.decision_log import FactChange, FieldChange, LogEntry, Record, Rejudged
from interlock.moment import Moment, by_clock, moment
from interlock.policy.library import Library
from interlock.request import Request, Session, library
from interlock.resources import data_folder
from interlock.schemas import Catalog


class Policies:
    """Finds the policies of records: in the folders of who verifies, else in the files that the record names.

    Unless `locked`, a file that a record names does not judge under the id of a policy that ships with interlock.
    """

    def __init__(self, policy_dirs: Sequence[str], schema_dirs: Sequence[str], *, locked: bool) -> None:
        self._dirs, self._schema_dirs, self._locked = tuple(policy_dirs), tuple(schema_dirs), locked

    def find(self, before: Record) -> tuple[str, tuple[str, ...]]:
        """The policy's file, and the folders in which those that it needs are looked for. Raises UsageError."""
        file = before.asked.file
        folders = self._dirs or before.asked.policy_dirs
        _refuse_relative(file, *folders[: 0 if self._dirs else None])
        own = [path for each in self._dirs if os.path.isfile(path := os.path.join(each, os.path.basename(file)))]
        if len(own) > 1:
            raise UsageError(f"`{os.path.basename(file)}` is in several places: {', '.join(own)}; name one folder")
        if not own and not os.path.isfile(file):
            raise UsageError(f"the policy file `{file}` is not there; name the folder that has it with `--policy-dir`")
        for folder in folders:
            if not os.path.isdir(folder):
                raise UsageError(f"the policy folder `{folder}` is not there; name another with `--policy-dir`")
        return own[0] if own else file, folders

    def schema_dirs(self, before: Record) -> tuple[str, ...]:
        """The folders of own fact kinds: those of who verifies, else those that the record names. Raises UsageError."""
        if self._schema_dirs:
            return self._schema_dirs
        for path in before.asked.schema_dirs:
            _refuse_relative(path)
            if not os.path.isdir(path):
                raise UsageError(f"the schema folder `{path}` is not there; name another with `--schema-dir`")
        return before.asked.schema_dirs

    def files(self, file: str, folders: Sequence[str], schema_dirs: Sequence[str]) -> dict[str, str]:
        """The file of the policy and of each that it needs, by id. Raises UsageError, PolicyError."""
        policies = library(folders, cached=False, schema_dirs=schema_dirs)
        needed = {each.policy.id: each.source.name for each in closure([policies.load(file)])}
        found = {**needed, next(iter(needed)): file}
        for identity, path in found.items():
            self._refuse_impostor(identity, path, policies)
        return found

    def _refuse_impostor(self, identity: str, path: str, policies: Library) -> None:
        """Raises UsageError where another policy has the id of a shipped one, and nobody but the log vouches for it."""
        shipped = os.path.join(data_folder("policies"), f"{identity}.yaml")
        vouched = self._locked or any(_within(path, each) for each in self._dirs)
        if vouched or not os.path.isfile(shipped) or os.path.samefile(path, shipped):
            return
        if policies.load(path).policy.digest != policies.load(shipped).policy.digest:
            raise UsageError(
                f"`{path}` is not the policy `{identity}` that ships with interlock; if that is intended, hold it in a"
                " lock (`--lock FILE`) or name its folder with `--policy-dir`"
            )


def _refuse_relative(*paths: str) -> None:
    """Raises UsageError for a path that a record names and that depends on where it is read."""
    for path in paths:
        if not os.path.isabs(path):
            raise UsageError(f"`{path}` is not an absolute path")


def _within(path: str, folder: str) -> bool:
    return os.path.dirname(os.path.abspath(path)) == os.path.abspath(folder)


_INPUTS = frozenset({"asked"})
"""What a record is recomputed from: it shows in the fields that follow from it."""
_APART = frozenset({"facts", "findings"})
"""What is compared fact by fact and finding by finding."""


def field_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[FieldChange, ...]:
    """The fields in which two records, as JSON objects, differ; those of the decision first.

    Facts are left out, and so are findings that are in one of them only (see `only`).
    """
    was, now = before["decision"], after["decision"]
    found = list(_members("", was, now, _APART))
    if not only(was["findings"], now["findings"]) and not only(now["findings"], was["findings"]):
        found += _differing("findings", was["findings"], now["findings"])
    found += _members("", before, after, _INPUTS | _APART | {"decision"})
    return tuple(found)


def only(findings: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that the others do not have, whatever evidence each names."""
    left = [{**other, "evidence": ()} for other in others]
    found = []
    for finding in findings:
        bare = {**finding, "evidence": ()}
        if bare in left:
            left.remove(bare)
        else:
            found.append(finding)
    return found


def _members(path: str, before: dict[str, Any], after: dict[str, Any], apart: frozenset[str]) -> Iterator[FieldChange]:
    for name in dict.fromkeys([*after, *before]):
        if name in apart:
            continue
        if name in before and name in after:
            yield from _differing(f"{path}{name}", before[name], after[name])
        else:
            yield FieldChange(f"{path}{name}", before.get(name), after.get(name))


def _differing(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(f"{path}.", before, after, frozenset())
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _differing(f"{path}.{index}", *pair)
    elif (type(before), before) != (type(after), after):
        yield FieldChange(path, before, after)


_SAME = {True: "the same", False: "another"}

_AHEAD = ("valid_until", "next_change", "validity")
_UNKNOWN = "for how long it holds is not verified: the substituted feed may lack what came later"


class Reevaluator:
    """Judges recorded decisions again, each over the ledger that it names, or over one that stands in for all.

    The session's ledger stands in for all, where its request names one. A ledger is opened once, and kept open. With a
    lock, no policy judges that is not in it. Waivers count only as long as their text is the one that was recorded.
    """

    def __init__(self, session: Session) -> None:
        self._request = request = session.request
        self._session = session
        folders = tuple(os.fspath(folder) for folder in request.policy_dirs)
        schemas = tuple(os.fspath(folder) for folder in request.schema_dirs)
        self._policies = Policies(folders, schemas, locked=request.lock is not None)
        self._open: dict[tuple[object, ...], Ledger] = {}
        self._heads = Heads()
        self._lines: dict[bytes, int] = {}

    def judge(self, line: int, found: LogEntry | str) -> Rejudged:
        """The result for a line of a log. Raises LedgerError when a ledger cannot be read."""
        if isinstance(found, str):
            return Rejudged(line, "unjudged", why=found)
        decision = found.record.decision
        result = Rejudged(line, "unjudged", decision.policy, decision.task, decision.now)
        first = self._lines.setdefault(_digest(found.record), line)
        if first != line:
            return msgspec.structs.replace(result, why=f"it repeats line {first}: one decision is recorded twice")
        try:
            return self._rejudged(result, found)
        except LedgerError:
            raise
        except PolicyError as error:
            return msgspec.structs.replace(result, why=f"the policy is invalid: {error.issues[0].message}")
        except LockError as error:
            return msgspec.structs.replace(result, why=str(error).partition("\n")[0])
        except (UsageError, ValueError) as error:
            return msgspec.structs.replace(result, why=str(error))

    def close(self) -> None:
        """Let go of the ledgers that were opened here."""
        for ledger in self._open.values():
            ledger.close()

    def _rejudged(self, result: Rejudged, entry: LogEntry) -> Rejudged:
        before = entry.record
        places = self._places(before)
        file, folders = self._policies.find(before)
        schemas = self._policies.schema_dirs(before)
        files = self._policies.files(file, folders, schemas)
        ledger = self._ledger(places, before, library(folders, cached=False, schema_dirs=schemas).catalog([file]))
        now = _moment(before, ledger)
        head = self._heads.find(ledger, before, now.now)
        again = self._recomputed(before, ledger, file, folders, now, head.seq)
        after = _document(again, before)
        differing, notes, doubt = list(field_changes(entry.document, after)), list(head.notes), None
        if before.asked.waivers is not None and self._request.waivers is None:
            notes.append(f"judged with the waivers `{before.asked.waivers}`, which only the log names")
        if ledger.path != before.decision.ledger.path and any(map(is_feed, ledger.paths)) and not before.asked.live:
            known = [change for change in differing if change.field.partition(".")[0] not in _AHEAD]
            notes += [_UNKNOWN] if known != differing else []
            differing = known
        if head.passed is not None:
            differing.append(FieldChange("head", before.head, head.passed))
        elif head.possible is not None:
            later = self._recomputed(before, ledger, file, folders, now, head.possible)
            same = _says(_document(later, before)) == _says(after)
            notes.append(f"{head.doubtful} may have been in the ledger by then; the decision is {_SAME[same]} with it")
            doubt = (
                None if same else f"it cannot be determined whether the head is older than the ledger was: {notes[-1]}"
            )
        was, findings = entry.document["decision"]["findings"], after["decision"]["findings"]
        appeared, vanished = _findings(only(findings, was)), _findings(only(was, findings))
        facts = self._shifts(before, again, ledger, now, head)
        if before.facts != again.facts and not facts:
            differing.append(FieldChange("facts", sorted(before.facts), sorted(again.facts)))
        different = differing or appeared or vanished or facts
        return msgspec.structs.replace(
            result,
            outcome="different" if different else "same" if doubt is None else "unjudged",
            why=None if different else doubt,
            changes=tuple(differing),
            appeared=appeared,
            vanished=vanished,
            facts=facts,
            notes=tuple(notes),
            decision=again.decision,
            ledger=ledger.path,
            policies=files,
        )

    def _recomputed(
        self, before: Record, ledger: Ledger, file: str, folders: Sequence[str], now: Moment, head: Upto
    ) -> Record:
        """The record of the same question, over the ledger as it was when that was its head."""
        asked = before.asked
        request = Request(
            policies=(file,),
            tasks=(before.decision.task,),
            ledger=ledger,
            at=now,
            max_skew=asked.max_skew,
            params=asked.params,
            origins=asked.origins,
            engine=asked.engine,
            policy_dirs=tuple(folders),
            schema_dirs=self._policies.schema_dirs(before),
            lock=self._request.lock,
            waivers=self._waivers(before),
            allow_long_waivers=asked.allow_long_waivers or self._request.allow_long_waivers,
            cached=False,
        )
        session = Session(request)
        waivers = session.waivers
        if waivers is not None and waivers.source is not None and digest(waivers.source.text) != asked.waivers_digest:
            raise UsageError(f"the waivers `{request.waivers}` are not those that it was judged with")
        (again,) = answer(session, head)
        return again

    def _waivers(self, before: Record) -> str | None:
        """The file of the waivers that the record was judged with. Raises UsageError where it cannot be."""
        path = before.asked.waivers
        if path is None:
            return None
        if self._request.waivers is not None:
            return os.fspath(self._request.waivers)
        if self._request.lock is not None:  # who holds a lock does not take the log's word for what may pass
            raise UsageError(f"it was judged with the waivers `{path}`; under a lock, name them with `--waivers`")
        _refuse_relative(path)
        if not os.path.isfile(path):
            raise UsageError(f"the waivers `{path}` are not there; name the file with `--waivers`")
        return path

    def _places(self, before: Record) -> tuple[str, ...]:
        """The files of the sources. Raises UsageError where there are none to judge from."""
        if self._request.ledger is not None:
            return self._session.places
        paths = _paths(before)
        for path in paths:
            if path == STANDARD_INPUT:
                raise UsageError("it was judged on a feed from standard input; name a ledger with `--ledger PATH`")
            _refuse_relative(path)
        _refuse_relative(*(table.database for table in before.asked.sources))
        return paths

    def _ledger(self, places: tuple[str, ...], before: Record, catalog: Catalog) -> Ledger:
        """The ledger, whose receipts are of the kinds of a catalog. Raises LedgerError."""
        tables, instead = before.asked.sources, self._request.ledger is not None
        if instead and not tables and (STANDARD_INPUT in places or not any(map(is_feed, places))):
            return self._session.ledger
        strict = self._request.strict_ledger if instead else before.asked.strict_ledger
        key = places, strict, catalog, msgspec.json.encode(tables)
        if key not in self._open:
            self._open[key] = open_ledger(places, strict=strict, catalog=catalog, tables=tables)
        return self._open[key]

    def _shifts(
        self, before: Record, after: Record, ledger: Ledger, now: Moment, head: RecordedHead
    ) -> tuple[FactChange, ...]:
        """The facts that are not what they were."""
        if before.facts == after.facts:
            return ()
        return ledger.ask(
            now.now,
            lambda snapshot: tuple(_shifts(before, after, snapshot)),
            head.seq,
            live=now.live,
            as_of=now.as_of,
        )


def _digest(record: Record) -> bytes:
    return sha256(msgspec.json.encode(record, order="sorted")).digest()


def _moment(before: Record, ledger: Ledger) -> Moment:
    """The instant that the question means, by the clock that was recorded. Raises UsageError, ValueError.

    A live question sees entities as they were then, or as far ahead as was read.
    """
    at, clock = before.asked.at, before.clock
    if clock is None and by_clock(at):
        raise UsageError("its request was for the clock's own instant, and its `clock` is missing")
    found = moment(at, ledger, None if clock is None else parse_instant(clock))
    if not found.live:
        return found
    ahead = found.now if before.ahead is None else parse_instant(before.ahead)
    return msgspec.structs.replace(found, as_of=max(found.now, ahead))


def _document(again: Record, before: Record) -> dict[str, Any]:
    """The recomputed record as a JSON object, with the ledger as it was called."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(again))
    places = (*_paths(before), *(table.path for table in before.asked.sources))
    ledger = document["decision"]["ledger"]
    sources = ledger.get("sources", [ledger])
    called = [each.path for each in before.decision.ledger.sources or [before.decision.ledger]]
    if len(places) == len(sources) == len(called):
        for source, path, place in zip(sources, called, places, strict=True):
            source["path"] = path if _leads(path, place) else place
        ledger["path"] = " + ".join(source["path"] for source in sources)
    return document


def _paths(before: Record) -> tuple[str, ...]:
    """The sources that the record names."""
    named = before.asked.ledger
    return (named,) if isinstance(named, str) else named


def _leads(path: str, place: str) -> bool:
    """Whether `path`, which may be relative, can have named the file at `place`."""
    if path == STANDARD_INPUT or os.path.isabs(path):
        return os.path.normpath(path) == place
    below = os.path.normpath(path)
    while below.startswith(os.pardir + os.sep):
        below = below[len(os.pardir + os.sep) :]
    return place.endswith(os.sep + below)


def _says(document: dict[str, Any]) -> dict[str, Any]:
    """What a record says beside where its ledger ended."""
    decision = {**document["decision"], "ledger": None}
    return {**document, "decision": decision, "head": None}


def _findings(documents: list[dict[str, Any]]) -> tuple[Finding, ...]:
    return tuple(msgspec.convert(each, Finding) for each in documents)


def _shifts(before: Record, after: Record, snapshot: Snapshot) -> Iterator[FactChange]:
    """The facts that are not what they were. `snapshot` is of the instant and the head of both."""
    for kind, identity, recorded in _each(before.facts):
        now = after.facts.get(kind, {}).get(identity)
        row = snapshot.fact(kind, identity) if now is None else None
        stored = now if row is None else fingerprint(row)
        if stored is None:
            yield FactChange(kind, identity, "missing")
        elif stored != recorded:
            yield FactChange(kind, identity, "changed")
        elif now is None:
            yield FactChange(kind, identity, "unread")
    for kind, identity, _ in _each(after.facts):
        if identity not in before.facts.get(kind, {}):
            yield FactChange(kind, identity, "new")


def _each(facts: dict[str, dict[str, str]]) -> Iterator[tuple[str, str, str]]:
    return ((kind, identity, digest) for kind, of_kind in facts.items() for identity, digest in of_kind.items())
