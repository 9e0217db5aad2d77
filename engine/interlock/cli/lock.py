"""`interlock lock`: the policies that a project relies on, pinned by their digests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.renamed import formerly
from interlock.cli.request import asking
from interlock.diagnostics import LockError, UsageError
from interlock.project import LOCK
from interlock.reporting.style import counted

if TYPE_CHECKING:
    from interlock.policy.lock import Lock
    from interlock.request import Request


_EXAMPLES = """\b
Examples:
  interlock lock smoke readiness
  interlock lock --check
"""


@click.command("lock", short_help="Pin the policies that a project relies on.", epilog=_EXAMPLES)
@click.argument("policies", metavar="[POLICY]...", nargs=-1, shell_complete=options.completes("policies"))
@options.lock(f"by default $INTERLOCK_LOCK, else the nearest {LOCK}")
@click.option("--check", is_flag=True, help="Write nothing: are the policies as they were locked?")
@asking("policy-dir", "schema-dir")
@formerly("--output", "lock", "`--lock FILE`")
def command(request: Request, policies: Sequence[str], lock: str | None, check: bool) -> int:
    """Write the digests of policies, and of all that they need, into a lock; show what is new in it.

    `interlock eval --locked` then judges by no other policy. A POLICY is the id of one that `interlock policies` lists,
    or the path of a file; without any, those that are in the lock are locked as they are now.

    The lock is the nearest interlock.lock in this folder or above it, else a new one beside the configuration file, or
    here.

    Exit code: 0 locked, 5 a policy is invalid or (with --check) not as it was locked, 2 usage error, 1 a bug in
    interlock.
    """
    from interlock.cli.reports import write_file
    from interlock.policy.lock import make_lock, read_lock
    from interlock.request import Session

    path = _path(lock)
    if not policies and not check and not os.path.lexists(path):
        raise UsageError("there is no lock yet: name the policies to be locked")
    known = None if policies and not check else read_lock(path)
    named = policies or sorted(known.policies if known else ())
    session = Session(request.about(named, None, cached=False))
    loaded, catalog = session.policies, session.catalog
    if check and known:
        known.verify(loaded)
        known.verify_kinds(catalog.digests)
        output.put(f"{_many(known)} in {path}: as locked\n")
        return exit_codes.ALLOWED
    new = make_lock(path, loaded, catalog)
    output.put("".join(f"{line}\n" for line in _changes(known or _replaced(path), new)))
    write_file(path, new.text)
    output.put(f"{_many(new)} in {path}\n")
    return exit_codes.ALLOWED


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


def _many(lock: Lock) -> str:
    return counted(len(lock.policies), "policy", "policies")
