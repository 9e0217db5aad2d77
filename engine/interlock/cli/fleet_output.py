"""Where what a fleet decides is put: lines as they come, a text or a Parquet file at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from interlock.cli import output as terminal
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.reporting.style import json_text

if TYPE_CHECKING:
    from interlock.analysis.fleet.work import Outcome
    from interlock.model.fleet import Summary
    from interlock.request import Request

_PARQUET = ".parquet"
_Put = Callable[[bytes], object]


class Sink(Protocol):
    """Takes what is decided of each ledger, and at the end all of it."""

    def add(self, outcome: Outcome, lines: Iterable[bytes]) -> None:
        """What is decided of a ledger, and its lines, which must be gone through."""

    def end(self, found: Summary) -> None:
        """What is known when all ledgers are judged."""


class _Json:
    def __init__(self, put: _Put) -> None:
        self._put = put

    def add(self, _: Outcome, lines: Iterable[bytes]) -> None:
        for each in lines:
            self._put(each)

    def end(self, found: Summary) -> None:
        self._put(f"{json_text(found.end)}\n".encode())


class _Text:
    def __init__(self, put: _Put) -> None:
        self._put = put

    def add(self, _: Outcome, lines: Iterable[bytes]) -> None:
        for _line in lines:
            pass

    def end(self, found: Summary) -> None:
        from interlock.reporting.fleet import as_text

        self._put(as_text(found, terminal.look()).encode(errors="backslashreplace"))


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        try:
            from interlock.reporting.parquet import Parquet
        except ImportError:
            raise UsageError("Parquet needs pyarrow; install it with `pip install 'interlock[fleet]'`") from None
        self._file = Parquet(file)

    def add(self, outcome: Outcome, lines: Iterable[bytes]) -> None:
        for _ in lines:
            pass
        self._file.add(outcome)

    def end(self, found: Summary) -> None:
        self._file.end(found.end)

    def close(self) -> None:
        self._file.close()


@contextmanager
def sink(request: Request, form: str, output: str | None, read: Iterable[str]) -> Iterator[Sink]:
    """Where the output goes: to standard output, or to a file, whole or not at all.

    Raises UsageError where it cannot be written, or is one of the files that are `read`.
    """
    if output is None:
        encoding = "utf-8" if form == "json" else None
        yield (_Json if form == "json" else _Text)(lambda piece: terminal.report(piece.decode(), encoding))
        return
    from interlock.cli.reports import failing, inputs, replacing, targets

    as_table = output.endswith(_PARQUET)
    # What is left of a Parquet file where a run fails is not one: no reader takes it for a table without rows.
    wanted = targets("json" if as_table else form, output, (), summary=False, inputs=[*inputs(request), *read])
    with failing(wanted):
        try:
            with replacing(output) as file:
                if as_table:
                    with closing(_Parquet(file)) as table:
                        yield table
                else:
                    yield (_Json if form == "json" else _Text)(file.write)
        except OSError as error:
            raise UsageError(f"cannot write `{output}`: {reason(error)}") from None
