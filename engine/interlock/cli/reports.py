"""What reports show of the policies that were applied, and the files that they are written to: whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from interlock.diagnostics import InterlockError, UsageError
from interlock.evaluation.judge import Loaded
from interlock.files import SUFFIXES, TEST_SUFFIXES, reason
from interlock.model.decision import Decision, FailOn
from interlock.policy.library import Library, near
from interlock.policy.parse import parse_valid as parsed
from interlock.project import find, nearest_ledger
from interlock.reporting import PolicyView, RenderContext, RuleView, render, render_failure
from interlock.resources import data_folder
from interlock.schemas import beside

if TYPE_CHECKING:
    from interlock.request import Request

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub Actions names the file that a step's summary is appended to."""


class Target(msgspec.Struct, frozen=True):
    """A file, and the format of what is written to it, or else appended."""

    form: str
    path: str
    append: bool = False


def inputs(request: Request) -> Iterator[str]:
    """The files that a request reads, or may read, and that no report must overwrite; before any has been read."""
    ledgers = request.ledger if isinstance(request.ledger, tuple) else [request.ledger]
    found = [os.fspath(each) for each in ledgers if isinstance(each, str | os.PathLike)]
    if request.ledger is None and (ledger := nearest_ledger()):
        found.append(ledger)
    tables = request.sources if isinstance(request.sources, tuple) else ()
    for database in (*found, *(table.database for table in tables)):
        yield from (f"{database}{end}" for end in ("", "-wal", "-shm", "-journal"))
    named = [request.waivers, request.lock, None if isinstance(request.sources, tuple) else request.sources]
    yield from (os.fspath(each) for each in named if each is not None)
    yield from (place.rsplit(":", 2)[0] for table in tables for place in table.places.values())
    with suppress(UsageError):
        configured = find()
        yield from [] if configured is None else [configured.path]
    yield from _policies(request)


def _policies(request: Request) -> Iterator[str]:
    """The files of the policies of a request, of those that they may need, and of their own fact kinds."""
    for folder in ("", data_folder("policies"), *request.policy_dirs):
        for policy in request.policies:
            yield from (os.path.join(folder, policy), os.path.join(folder, f"{os.fspath(policy)}.yaml"))
    places = [os.fspath(each) for each in (*map(os.path.dirname, request.policies), *request.policy_dirs)]
    for folder in places:
        with suppress(OSError):
            names = [name for name in os.listdir(folder or os.curdir) if name.endswith(SUFFIXES)]
            yield from (os.path.join(folder, name) for name in names if not name.endswith(TEST_SUFFIXES))
    for folder in (*request.schema_dirs, *(each for place in places for each in beside(place))):
        with suppress(OSError):
            yield from (os.path.join(folder, name) for name in os.listdir(folder))


def refuse_read(path: str, request: Request) -> None:
    """Raises UsageError where a file that is to be written is one that the request reads."""
    place = os.path.realpath(path)
    if any(os.path.realpath(each) == place for each in inputs(request)):
        raise UsageError(f"cannot write `{path}`: {_READ}")


_READ = "it is read, and must not be overwritten"


def targets(
    form: str, output: str | None, reports: Sequence[tuple[str, str]], summary: bool, inputs: Iterable[str]
) -> list[Target]:
    """The requested files. Raises UsageError for one that is requested twice, or must not be overwritten."""
    found = [] if output is None else [Target(form, output)]
    found += [Target(*report) for report in reports]
    taken = dict.fromkeys(map(os.path.realpath, inputs), _READ)
    if SUMMARY in os.environ:
        taken[os.path.realpath(os.environ[SUMMARY])] = "a step's summary is appended to; that is what `--summary` does"
    for target in found:
        place = os.path.realpath(target.path)
        if place in taken:
            raise UsageError(f"cannot write `{target.path}`: {taken[place]}")
        taken[place] = "it is written already; give each report a file of its own"
    return [*found, Target("markdown", _summary(), append=True)] if summary else found


@contextmanager
def failing(found: Sequence[Target], failure: Callable[[str, str], str] = render_failure) -> Iterator[None]:
    """Write files that fail where what is done within raises: none of an earlier run stays, whatever happens.

    `failure` gives what one of a format holds then, and why.
    """
    stale = [each for each in found if not each.append and os.path.isfile(each.path)]
    _write(stale, lambda form, _: failure(form, "the run did not end"))
    try:
        yield
    except BaseException as error:
        message = str(error) if isinstance(error, InterlockError) else f"it ended early: {type(error).__name__}"
        with suppress(UsageError):  # what is raised says more
            _write(found, lambda form, _: failure(form, message))
        raise


def write(found: Iterable[Target], decisions: Sequence[Decision], look: RenderContext) -> None:
    """Write every file that can be written. Raises UsageError that names each of the others."""
    _write(found, lambda form, room: render(form, decisions, msgspec.structs.replace(look, room=room or look.room)))


def _write(found: Iterable[Target], text: Callable[[str, int | None], str]) -> None:
    """Write the files. `text` gives what one of a format holds, that has room for so many bytes. Raises UsageError."""
    failed = []
    for target in found:
        try:
            if target.append:
                _append(target, text)
            else:
                replace_file(target.path, _encoded(text(target.form, None)))
        except OSError as error:
            failed.append(f"cannot write `{target.path}`: {reason(error)}")
    if failed:
        raise UsageError("\n".join(failed))


def _summary() -> str:
    path = os.environ.get(SUMMARY)
    if not path:
        raise UsageError(f"`--summary` appends to the file that `${SUMMARY}` names, and it is not set; is this GitHub?")
    return path


def _append(target: Target, text: Callable[[str, int | None], str]) -> None:
    """Add to what there is. GitHub shows nothing of a summary that is too large, so the room is what is left of it."""
    with open(target.path, "ab") as file:
        room = RenderContext().room - file.tell()
        content = _encoded(text(target.form, room - 1))
        if len(content) >= room:
            raise OSError("it has no room for more")
        file.write(b"\n" + content if file.tell() else content)


def replace_file(path: str, content: bytes) -> None:
    """Write a file whole, as `replacing` does. Raises OSError."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """What is written to this takes the file's place when all of it is on the disk; where anything is raised, nothing.

    What is not a file, such as a pipe, is written to as it is. Raises OSError.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as file:
                yield file
            return
    place = os.path.realpath(path)
    temporary = f"{place}.{os.getpid()}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(os.stat(place).st_mode))
        os.replace(temporary, place)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def write_file(path: str, text: str) -> None:
    """Write a text to a file, whole; what UTF-8 cannot say is escaped. Raises UsageError."""
    try:
        replace_file(path, _encoded(text))
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {reason(error)}") from None


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


_HELP = ("block", "warn", "note", "fix", "hint", "for", "when", "unless")


def informed(policies: Sequence[str], library: Library, fail_on: FailOn = "block") -> RenderContext:
    """A render context with the policies: each one's question, file and rules, by its digest. It has no colours."""
    loaded = dict(zip(policies, library.loads(policies), strict=True))
    questions = {each.policy.digest: each.policy.question for each in loaded.values()}
    asked = {each.policy.digest: _asked(each, library.path(name)) for name, each in loaded.items()}
    return RenderContext(questions=questions, asked=asked, fail_on=fail_on)


def _asked(loaded: Loaded, path: str) -> PolicyView:
    document = parsed(loaded.source)
    written = {rule["id"]: rule for rule in document.data.get("rules", [])}
    rules = tuple(
        RuleView(rule.id, rule.line, rule.effect, *_texts(written.get(rule.id, {})))
        for rule in loaded.policy.rules
        if rule.effect != "derive"
    )
    return PolicyView(near(path), document.locate_key(("policy",)).line, rules)


def _texts(rule: Mapping[str, Any]) -> tuple[str, str]:
    """A rule's message, and everything that it says, a line each."""
    message = next((str(rule[key]) for key in _HELP[:3] if key in rule), "")
    return message, "\n".join(f"{key}: {_text(rule[key])}" for key in _HELP if key in rule)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
