"""What a lock is to hold: policies, and at will the values of parameters and the text of the waivers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.diagnostics import LockError, UsageError, digest
from interlock.evaluation.judge import Loaded, closure
from interlock.policy.lock import Lock, LockedWaivers, make_lock, values_of
from interlock.request import Session, refuse_unknown


def answer(
    session: Session,
    path: str,
    known: Lock | None = None,
    *,
    params: bool = False,
    waivers: str | UnsetType | None = UNSET,
) -> Lock:
    """The lock of the policies of a request, for the file at `path`.

    With `params`, it holds the values of their parameters: what the request gives, else what a `known` lock that is
    written again held, else the default. `waivers` is the file of those that may be given, or None where none may.
    What a known lock held of either stays. Raises LockError for policies that no lock can hold; else as the session.
    """
    new = make_lock(path, session.policies, session.catalog)
    old = None if known is None else known.params
    values = _values(session, path, old or {}) if params or old is not None else None
    return msgspec.structs.replace(new, params=values, waivers=_waivers(session, path, known, waivers))


def verify(session: Session, known: Lock) -> None:
    """Raise LockError where the policies of a request, the own kinds, the parameters or the waivers are not as they
    were locked."""
    known.verify(session.policies)
    known.verify_kinds(session.catalog.digests)
    for each in closure(session.policies):
        known.given(each.policy, {}, trusted=True)
    if isinstance(known.waivers, LockedWaivers):
        path = os.path.join(os.path.dirname(known.path), known.waivers.file)
        known.verify_waivers(path, _digest(session, path))


def _values(session: Session, path: str, held: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    every = list(closure(session.policies))
    refuse_unknown(session.request.params, every)
    given = [_of(each, session.request.params) for each in every]
    try:
        values_of(zip(every, given, strict=True))
    except ValueError as error:
        raise UsageError(str(error)) from None
    kept = [{**_of(each, held.get(each.policy.id, {})), **now} for each, now in zip(every, given, strict=True)]
    try:
        return values_of(zip(every, kept, strict=True))
    except ValueError as error:
        raise LockError(f"{path}: error: not a lock: {error}") from None


def _of(loaded: Loaded, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are of parameters of the policy."""
    return {each.name: values[each.name] for each in loaded.policy.parameters if each.name in values}


def _waivers(
    session: Session, path: str, known: Lock | None, named: str | UnsetType | None
) -> LockedWaivers | UnsetType | None:
    if named is None:
        return None
    if isinstance(named, UnsetType):
        old = UNSET if known is None else known.waivers
        if not isinstance(old, LockedWaivers):
            return old
        named = os.path.join(os.path.dirname(path), old.file)
    folder = os.path.dirname(os.path.abspath(path))
    return LockedWaivers(os.path.relpath(named, folder).replace(os.sep, "/"), _digest(session, named))


def _digest(session: Session, named: str) -> str:
    """The digest of the text of waivers. Raises UsageError, PolicyError where they are not valid."""
    found = Session(msgspec.structs.replace(session.request, waivers=named)).waivers
    assert found is not None
    assert found.source is not None
    return digest(found.source.text)
