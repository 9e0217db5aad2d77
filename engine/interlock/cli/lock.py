"""`interlock lock`: the policies that a project relies on, pinned by their digests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
from msgspec import UNSET, structs

from interlock.cli import exit_codes, options, output
from interlock.cli.renamed import formerly
from interlock.cli.request import asking
from interlock.diagnostics import LockError, UsageError
from interlock.project import LOCK
from interlock.reporting.style import counted, json_text

if TYPE_CHECKING:
    from interlock.policy.lock import Lock
    from interlock.request import Request


_EXAMPLES = """\b
Examples:
  interlock lock smoke readiness
  interlock lock smoke --params --param stale_after=5m --waivers waivers.yaml
  interlock lock --check
"""


_NONE = "\0"
"""What `--waivers` without a file is: no name of one."""


@click.command("lock", short_help="Pin the policies that a project relies on.", epilog=_EXAMPLES)
@click.argument("policies", metavar="[POLICY]...", nargs=-1, shell_complete=options.completes("policies"))
@options.lock(f"by default $INTERLOCK_LOCK, else the nearest {LOCK}")
@click.option("--check", is_flag=True, help="Write nothing: are the policies as they were locked?")
@click.option(
    "--params",
    "holds_params",
    is_flag=True,
    help="Hold the values of parameters too: those of --param, else the defaults.",
)
@click.option(
    "--waivers",
    "waivers",
    metavar="FILE",
    is_flag=False,
    flag_value=_NONE,
    help="Waive the findings listed in FILE until they expire; no other file may then be given, and none without FILE.",
)
@asking("params", "allow-long-waivers", "policy-dir", "schema-dir")
@formerly("--output", "lock", "`--lock FILE`")
def command(
    request: Request,
    policies: Sequence[str],
    lock: str | None,
    check: bool,
    holds_params: bool,
    waivers: str | None,
) -> int:
    """Write the digests of policies, and of all that they need, into a lock; show what is new in it.

    `interlock eval --locked` then judges by no other policy. A POLICY is the id of one that `interlock policies` lists,
    or the path of a file; without any, those that are in the lock are locked as they are now.

    The lock is the nearest interlock.lock in this folder or above it, else a new one beside the configuration file, or
    here. What it holds of parameters and waivers no caller changes; it holds them again where --params or --waivers was
    given when it was written.

    Exit code: 0 locked, 5 a policy is invalid or (with --check) not as it was locked, 2 usage error, 1 a bug in
    interlock.
    """
    from interlock.analysis.lock import answer, verify
    from interlock.cli.reports import refuse_read, write_file
    from interlock.policy.lock import read_lock
    from interlock.request import Session

    _refuse_odd(request, holds_params)
    path = _path(lock)
    if not policies and not check and not os.path.lexists(path):
        raise UsageError("there is no lock yet: name the policies to be locked")
    known = None if policies and not check else read_lock(path)
    named = policies or sorted(known.policies if known else ())
    request = request.about(named, None, cached=False)
    refuse_read(path, structs.replace(request, waivers=None if waivers == _NONE else waivers, lock=None))
    session = Session(request)
    if check and known:
        _refuse_held(holds_params, waivers)
        verify(session, known)
        output.put(f"{_many(known)} in {path}: as locked\n")
        return exit_codes.ALLOWED
    new = answer(session, path, known, params=holds_params, waivers=None if waivers == _NONE else waivers or UNSET)
    changes = [*_changes(known or _replaced(path), new), f"{_many(new)} in {path}"]
    write_file(path, new.text)
    output.put("".join(f"{line}\n" for line in changes))
    return exit_codes.ALLOWED


def _refuse_odd(request: Request, holds_params: bool) -> None:
    if request.params and not holds_params:
        raise UsageError("`--param` is what the lock is to hold; add `--params`")


def _refuse_held(params: bool, waivers: str | None) -> None:
    for name in (*(["--params"] if params else ()), *(["--waivers"] if waivers is not None else ())):
        raise UsageError(f"`--check` writes nothing; leave out `{name}`: what the lock holds is checked")


def _path(lock: str | None) -> str:
    """The file of the lock: the one that is named, else the nearest, else a new one beside the configuration file."""
    from interlock.project import find, nearest_lock
    from interlock.settings import settle

    named = settle(["lock"], {"lock": lock})["lock"]
    if named.origin in ("flag", "environment"):
        return str(named.value)
    project = find()
    return nearest_lock() or os.path.join(os.path.dirname(project.path) if project else "", LOCK)


def _replaced(path: str) -> Lock:
    """The lock that is about to be replaced; one that cannot be read holds nothing."""
    from interlock.policy.lock import Lock, read_lock

    try:
        return read_lock(path)
    except LockError:
        return Lock(path, {})


def _changes(old: Lock, new: Lock) -> Iterator[str]:
    policies = [{name: locked.digest for name, locked in each.policies.items()} for each in (old, new)]
    wide = max(map(len, {**policies[0], **policies[1], **old.kinds, **new.kinds}), default=0)
    for was, now in (policies, (old.kinds, new.kinds)):
        for name in sorted({*was, *now}):
            before, after = was.get(name), now.get(name)
            if before is None:
                yield f"added    {name:{wide}}  {after}"
            elif after is None:
                yield f"removed  {name:{wide}}  {before}"
            elif before != after:
                yield f"changed  {name:{wide}}  {after}, was {before}"
    yield from _changed_params(old, new)
    if old.waivers != new.waivers:
        yield f"waivers  {_held(new)}, was {_held(old)}"


def _changed_params(old: Lock, new: Lock) -> Iterator[str]:
    was, now = (
        {
            f"{policy}.{name}": json_text(value)
            for policy, held in (each.params or {}).items()
            for name, value in held.items()
        }
        for each in (old, new)
    )
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield f"param    {name}  {now.get(name, 'not held')}, was {was.get(name, 'not held')}"


def _held(lock: Lock) -> str:
    """What a lock holds of waivers, in words."""
    if lock.waivers is UNSET:
        return "not held"
    return "none may be given" if lock.waivers is None else f"{lock.waivers.file} {lock.waivers.digest}"


def _many(lock: Lock) -> str:
    return counted(len(lock.policies), "policy", "policies")
