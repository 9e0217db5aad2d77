"""Where what is found of a fleet is put: lines as they come, a text or a Parquet file at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Protocol, TypeVar

import msgspec

from interlock.cli import output as terminal
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.reporting.style import RenderContext, json_text

if TYPE_CHECKING:
    from interlock.model.fleet import Fault
    from interlock.request import Request

_PARQUET = ".parquet"
_Put = Callable[[bytes], object]


class Total(Protocol):
    """What is known when all ledgers are done."""

    @property
    def end(self) -> Any:
        """The last line."""

    @property
    def faults(self) -> Sequence[Fault]:
        """The ledgers of which nothing is known."""


Found = TypeVar("Found", bound=Total)
Found_contra = TypeVar("Found_contra", bound=Total, contravariant=True)


class Output(msgspec.Struct, Generic[Found], frozen=True):
    """The format and the file, as they were given; what makes a text of what is found; and what writes a Parquet file,
    if anything does."""

    form: str
    file: str | None
    as_text: Callable[[Found, RenderContext], str]
    table: Callable[[BinaryIO], Any] | None = None


class Sink(Protocol[Found_contra]):
    """Takes what is known of each ledger, and at the end all of it."""

    def add(self, outcome: object, lines: Iterable[bytes]) -> None:
        """What is known of a ledger, and its lines, which must be gone through."""

    def end(self, found: Found_contra) -> None:
        """What is known when all ledgers are done."""


class _Json:
    def __init__(self, put: _Put) -> None:
        self._put = put

    def add(self, _: object, lines: Iterable[bytes]) -> None:
        for each in lines:
            self._put(each)

    def end(self, found: Total) -> None:
        self._put(f"{json_text(found.end)}\n".encode())


class _Text(Generic[Found]):
    def __init__(self, put: _Put, as_text: Callable[[Found, RenderContext], str], look: RenderContext) -> None:
        self._put, self._as_text, self._look = put, as_text, look

    def add(self, _: object, lines: Iterable[bytes]) -> None:
        for _line in lines:
            pass

    def end(self, found: Found) -> None:
        self._put(self._as_text(found, self._look).encode(errors="backslashreplace"))


class _Table:
    def __init__(self, file: Any) -> None:
        self._file = file

    def add(self, outcome: object, lines: Iterable[bytes]) -> None:
        for _ in lines:
            pass
        self._file.add(outcome)

    def end(self, found: Total) -> None:
        self._file.end(found.end)


@contextmanager
def sink(request: Request, output: Output[Found], read: Iterable[str]) -> Iterator[Sink[Found]]:
    """Where the output goes: to standard output, or to a file, whole or not at all.

    Raises UsageError where it cannot be written, or is one of the files that are `read`.
    """
    if output.file is None:
        encoding = "utf-8" if output.form == "json" else None
        yield _plain(output, lambda piece: terminal.report(piece.decode(), encoding), terminal.look())
        return
    from interlock.cli.reports import failing, inputs, replacing, targets

    table = output.table if output.file.endswith(_PARQUET) else None
    if output.file.endswith(_PARQUET) and table is None:
        raise UsageError(f"cannot write `{output.file}`: differences are not a table; give `--format json`")
    # What is left of a Parquet file where a run fails is not one: no reader takes it for a table without rows.
    form = output.form if table is None else "json"
    wanted = targets(form, output.file, (), summary=False, inputs=[*inputs(request), *read])
    with failing(wanted):
        try:
            with replacing(output.file) as file:
                if table is None:
                    yield _plain(output, file.write, RenderContext())
                else:
                    with closing(table(file)) as rows:
                        yield _Table(rows)
        except OSError as error:
            raise UsageError(f"cannot write `{output.file}`: {reason(error)}") from None


def _plain(output: Output[Found], put: _Put, look: RenderContext) -> Sink[Found]:
    return _Json(put) if output.form == "json" else _Text(put, output.as_text, look)
