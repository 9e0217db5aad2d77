"""The policies that a project relies on, each pinned by its digest: no other judges where the lock is held to.

A policy's digest is that of its whole text, comments too, but not of what it needs: so the lock holds those policies as
well, and the schemas of the project's own fact kinds. A kind that it does not hold is none where it is held to. Which
version of interlock judges is pinned where a project pins its dependencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from interlock.diagnostics import LockError
from interlock.evaluation.judge import Loaded, closure
from interlock.files import UnreadableError, read_file
from interlock.ledger.rows import read_json
from interlock.model.policy import Policy
from interlock.schemas import Catalog

REMEDY = "if this is intended, run `interlock lock` and have the change reviewed"
_LARGEST = 1 << 20


class Locked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy as it was locked: the version of its language, and the SHA-256 of its text, as `sha256:…`."""

    version: int
    digest: str


class Lock(msgspec.Struct, frozen=True):
    """The locked policies by id, and the digests of the own kinds of facts. `path` is the file that they are in."""

    path: str
    policies: Mapping[str, Locked]
    kinds: Mapping[str, str] = {}

    def verify(self, loaded: Iterable[Loaded]) -> None:
        """Raise LockError for each policy, and own kind that one reads, that is not as locked; needed ones included."""
        every = list(closure(loaded))
        read = {kind: known for each in every for kind, known in each.kinds.items()}
        wrong = [message for each in every if (message := self._wrong(each.policy))]
        wrong += [message for kind, known in sorted(read.items()) if (message := self._wrong_kind(kind, known))]
        self._refuse(wrong)

    def verify_kinds(self, digests: Mapping[str, str]) -> None:
        """Raise LockError that names each kind that is in the lock as another one."""
        self._refuse([self._wrong_kind(kind, digests[kind]) for kind in sorted(digests.keys() & self.kinds.keys())])

    def _refuse(self, messages: Iterable[str]) -> None:
        wrong = [message for message in messages if message]
        if wrong:
            raise LockError("\n".join([*wrong, f"   = {REMEDY}"]))

    def _wrong_kind(self, kind: str, digest: str) -> str:
        locked = self.kinds.get(kind)
        if locked is None:
            return f"{self.path}: error: the fact kind `{kind}` is not locked: {digest}"
        if locked == digest:
            return ""
        return f"{self.path}: error: fact kind `{kind}` does not match the lock: found {digest}, expected {locked}"

    def _wrong(self, policy: Policy) -> str:
        locked = self.policies.get(policy.id)
        if locked is None:
            return f"{self.path}: error: the policy `{policy.id}` is not locked: {policy.digest}"
        if locked.digest == policy.digest:
            return ""
        digests = f"found {policy.digest}, expected {locked.digest}"
        return f"{self.path}: error: policy `{policy.id}` does not match the lock: {digests}"

    @property
    def text(self) -> str:
        """What is in the file: the same text for the same policies."""
        policies = {name: self.policies[name] for name in sorted(self.policies)}
        form = _Form(1, policies, {name: self.kinds[name] for name in sorted(self.kinds)})
        return msgspec.json.format(msgspec.json.encode(form), indent=2).decode() + "\n"


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file, as `schemas/lock.schema.json` says."""

    lock: Literal[1]
    policies: dict[str, Locked]
    kinds: dict[str, str] = {}


def read_lock(path: str) -> Lock:
    """The lock in a file. Raises LockError when there is none that can be believed."""
    try:
        form = msgspec.convert(read_json(read_file(path, _LARGEST).decode()), _Form)
    except UnreadableError as error:
        why = f"the lock cannot be read: {error}"
        raise LockError(f"{path}: error: {why}\n   = `interlock lock POLICY` writes one") from None
    except (ValueError, RecursionError) as error:
        why = f"not a lock: {error}"
        raise LockError(f"{path}: error: {why}\n   = write it again with `interlock lock POLICY`") from None
    return Lock(path, form.policies, form.kinds)


def make_lock(path: str, loaded: Iterable[Loaded], catalog: Catalog) -> Lock:
    """The lock of policies, and of those that they need, and of the own kinds of a catalog.

    Raises LockError when two policies have the same id.
    """
    found: dict[str, Policy] = {}
    for policy in (each.policy for each in closure(loaded)):
        known = found.setdefault(policy.id, policy)
        if known.digest != policy.digest:
            raise LockError(
                f"{path}: error: there are two policies `{policy.id}`: {known.digest} and {policy.digest}\n"
                "   = a lock has one of an id; give them different ids"
            )
    return Lock(path, {each.id: Locked(each.version, each.digest) for each in found.values()}, catalog.digests)


def locked_kinds(path: str, catalog: Catalog) -> Catalog:
    """The kinds that ship, and those of a catalog that a lock holds. Raises LockError for one that is not as locked."""
    lock = read_lock(path)
    lock.verify_kinds(catalog.digests)
    from interlock.schemas.own import only

    return only(catalog, lock.kinds)
