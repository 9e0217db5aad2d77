"""What an earlier run of a fleet decided, read from its lines: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec

from interlock.analysis.fleet.judged import judged
from interlock.analysis.fleet.terms import difference
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.instant import parse_instant
from interlock.ledger.written import written_state
from interlock.model.decision import Decision
from interlock.model.fleet import FleetEnd, Judged, LedgerLine, Terms
from interlock.moment import Moment

_Line = LedgerLine | FleetEnd
_LONGEST = 1 << 26


class Earlier:
    """The ledgers of an earlier run, by their paths, of which those that are as they were may be taken over.

    Raises UsageError where the file is not whole, or the run was judged by other terms, or at a later instant.
    """

    def __init__(self, file: str, terms: Terms, moment: Moment) -> None:
        self._terms, self._now = terms, moment.now
        try:
            self._found = dict(self._read(file, moment))
        except OSError as error:
            raise UsageError(f"cannot read `{file}`: {reason(error)}") from None
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise UsageError(
                f"`{file}` is not what `interlock fleet --format json` writes: {str(error).lower()}"
            ) from None

    def unchanged(self, path: str, files: Iterable[str]) -> Judged | None:
        """What was decided of a ledger, if it still holds and none of its `files` was written to; else None."""
        if path not in self._found:
            return None
        line, written = self._found[path]
        if line.state is None or line.judged_at is None or written_state(files) != line.state:
            return None
        decisions = [_decoded(each) for each in written]
        count = len(self._terms.policies)
        if [(each.policy, each.policy_digest) for each in decisions] != [
            (each.policy, each.digest) for each in self._terms.policies
        ] * (len(decisions) // count) or not all(map(self._holds, decisions)):
            return None
        return judged(
            path, line.judged_at, decisions, b"".join(written), count, line.notes, line.state, taken_over=True
        )

    def _holds(self, decision: Decision) -> bool:
        until = decision.valid_until
        return parse_instant(decision.now) <= self._now and (until is None or self._now < parse_instant(until))

    def _read(self, file: str, moment: Moment) -> Iterator[tuple[str, tuple[LedgerLine, list[bytes]]]]:
        """The ledgers, each with the lines of its decisions. Raises UsageError, OSError, ValueError."""
        seen, end = sha256(), None
        found: list[tuple[LedgerLine, list[bytes]]] = []
        with open(file, "rb") as stream:
            while line := stream.readline(_LONGEST):
                if end is not None:
                    raise UsageError(f"`{file}` goes on after its last line: it is not of one run")
                document: dict[str, Any] = msgspec.json.decode(line)
                if "kind" not in document:
                    self._place(found, line)
                elif isinstance(known := msgspec.convert(document, _Line), FleetEnd):
                    end = known
                    continue
                else:
                    _complete(found)
                    found.append((known, []))
                seen.update(line)
        self._check(file, end, seen.hexdigest(), moment)
        _complete(found)
        for ledger, written in found:
            yield ledger.path, (ledger, written)

    def _place(self, found: list[tuple[LedgerLine, list[bytes]]], line: bytes) -> None:
        """Put a decision to those of the last ledger. Raises ValueError for one that is not of it."""
        decision = _decoded(line)
        if not found or decision.ledger.path != found[-1][0].path:
            raise ValueError("a decision is not beside its ledger")
        found[-1][1].append(line)

    def _check(self, file: str, end: FleetEnd | None, digest: str, moment: Moment) -> None:
        """Raises UsageError where nothing may be taken over from the file."""
        if end is None:
            raise UsageError(f"`{file}` has no last line: the run that wrote it did not end, or it was cut off")
        if end.digest != f"sha256:{digest}":
            raise UsageError(f"`{file}` is not as it was written: its digest is another")
        wrong = difference(self._terms, end.terms)
        if wrong is None and end.live is not moment.live:
            wrong = f"an instant of the {'present' if end.live else 'past'}: `--at` must be of the same sort"
        if wrong is None and parse_instant(end.now) > moment.now:
            wrong = f"a later instant, {end.now}"
        if wrong is not None:
            raise UsageError(f"nothing can be taken over from `{file}`, which was judged by {wrong}")


def _decoded(line: bytes) -> Decision:
    return msgspec.json.decode(line, type=Decision)


def _complete(found: list[tuple[LedgerLine, list[bytes]]]) -> None:
    """Raises ValueError where the last ledger has not as many decisions as its line says."""
    if found and found[-1][0].decisions != len(found[-1][1]):
        raise ValueError("the decisions of a ledger are not all there")
