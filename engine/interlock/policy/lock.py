"""The policies that a project relies on, each pinned by its digest: no other judges where the lock is held to.

A policy's digest is that of its whole text, comments too, but not of what it needs: so the lock holds those policies as
well, and the schemas of the project's own fact kinds. A kind that it does not hold is none where it is held to. Which
version of interlock judges is pinned where a project pins its dependencies.

It may hold the values of parameters and the text of the waivers as well: then no caller changes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from interlock.diagnostics import LockError
from interlock.evaluation.arguments import value_of
from interlock.evaluation.judge import Loaded, closure
from interlock.files import UnreadableError, read_file
from interlock.language.evaluate import as_printed
from interlock.ledger.rows import read_json
from interlock.model.facts import Value
from interlock.model.policy import Parameter, Policy
from interlock.schemas import Catalog

REMEDY = "if this is intended, run `interlock lock` and have the change reviewed"
_LARGEST = 1 << 20


class Locked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy as it was locked: the version of its language, and the SHA-256 of its text, as `sha256:…`."""

    version: int
    digest: str


class LockedWaivers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waivers as they were locked: their file, from the folder of the lock, and the SHA-256 of its text."""

    file: str
    digest: str


class Lock(msgspec.Struct, frozen=True):
    """The locked policies by id, and the digests of the own kinds of facts. `path` is the file that they are in.

    `params` are values of parameters by policy and name, as they are printed; None where it holds none. `waivers` are
    None where no finding may be waived, and unset where the lock says nothing of them.
    """

    path: str
    policies: Mapping[str, Locked]
    kinds: Mapping[str, str] = {}
    params: Mapping[str, Mapping[str, Any]] | None = None
    waivers: LockedWaivers | msgspec.UnsetType | None = msgspec.UNSET

    def verify(self, loaded: Iterable[Loaded]) -> None:
        """Raise LockError for each policy, and own kind that one reads, that is not as locked; needed ones included."""
        every = list(closure(loaded))
        read = {kind: known for each in every for kind, known in each.kinds.items()}
        wrong = [self._wrong_policy(each.policy) for each in every]
        self._refuse([*wrong, *(self._wrong_kind(kind, known) for kind, known in sorted(read.items()))])

    def verify_kinds(self, digests: Mapping[str, str]) -> None:
        """Raise LockError that names each kind that is in the lock as another one."""
        self._refuse([self._wrong_kind(kind, digests[kind]) for kind in sorted(digests.keys() & self.kinds.keys())])

    def given(self, policy: Policy, params: Mapping[str, Any], *, trusted: bool) -> dict[str, Any]:
        """The values of a policy's parameters that are given, or that the lock holds and are not the default.

        A lock that only the project's own folder says to hold (not `trusted`) sets none: its folder must not soften
        its own gates. Raises LockError for each parameter that is not as locked.
        """
        known = {each.name: each for each in policy.parameters}
        found = {name: value for name, value in params.items() if name in known}
        wrong = []
        for name, held in (self.params or {}).get(policy.id, {}).items():
            parameter = known.get(name)
            if parameter is None:
                wrong.append(f"{self.path}: error: `{policy.id}` has no parameter `{name}`, which the lock holds")
                continue
            try:
                expected = value_of(parameter, held)
                value = value_of(parameter, params[name]) if name in params else parameter.default
            except ValueError as error:
                if name not in params:
                    wrong.append(f"{self.path}: error: not a lock: {error}")
                continue  # what is wrong with a value that is given is reported where it is read
            if name not in params and trusted and expected != parameter.default:
                found[name] = held
            elif value != expected:
                shown = _printed(parameter, value), _printed(parameter, expected)
                wrong.append(
                    f"{self.path}: error: parameter `{name}` of `{policy.id}` does not match the lock:"
                    f" found {shown[0]}, expected {shown[1]}"
                )
        self._refuse(wrong)
        return found

    def verify_waivers(self, path: str, found: str) -> None:
        """Raise LockError where the waivers in a file, whose text has the digest `found`, are not as locked."""
        if self.waivers is None:
            self._refuse([f"{self.path}: error: the lock holds that nothing is waived, and `{path}` is given"])
        elif isinstance(self.waivers, LockedWaivers) and self.waivers.digest != found:
            wrong = f"waivers `{path}` do not match the lock: found {found}, expected {self.waivers.digest}"
            self._refuse([f"{self.path}: error: {wrong}"])

    def _refuse(self, messages: Iterable[str]) -> None:
        wrong = [message for message in messages if message]
        if wrong:
            raise LockError("\n".join([*wrong, f"   = {REMEDY}"]))

    def _wrong(self, named: str, found: str, locked: str | None) -> str:
        """What is wrong with the digest of something; empty where nothing is."""
        if locked is None:
            return f"{self.path}: error: the {named} is not locked: {found}"
        mismatch = f"{self.path}: error: {named} does not match the lock: found {found}, expected {locked}"
        return "" if locked == found else mismatch

    def _wrong_kind(self, kind: str, found: str) -> str:
        return self._wrong(f"fact kind `{kind}`", found, self.kinds.get(kind))

    def _wrong_policy(self, policy: Policy) -> str:
        locked = self.policies.get(policy.id)
        return self._wrong(f"policy `{policy.id}`", policy.digest, None if locked is None else locked.digest)

    @property
    def text(self) -> str:
        """What is in the file: the same text for the same policies."""
        policies = {name: self.policies[name] for name in sorted(self.policies)}
        kinds = {name: self.kinds[name] for name in sorted(self.kinds)}
        params = None if self.params is None else {name: dict(self.params[name]) for name in sorted(self.params)}
        form = _Form(1, policies, kinds, params, self.waivers)
        return msgspec.json.format(msgspec.json.encode(form), indent=2).decode() + "\n"


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file, as `schemas/lock.schema.json` says."""

    lock: Literal[1]
    policies: dict[str, Locked]
    kinds: dict[str, str] = {}
    params: dict[str, dict[str, Any]] | None = None
    waivers: LockedWaivers | msgspec.UnsetType | None = msgspec.UNSET


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
    return Lock(path, form.policies, form.kinds, form.params, form.waivers)


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


def values_of(loaded: Iterable[tuple[Loaded, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The values that a lock holds of policies with what is given of their parameters, by policy and name.

    A parameter that must be given and is not is left to callers. Raises ValueError for a wrong value.
    """
    return {each.policy.id: dict(_values(each.policy, given)) for each, given in loaded}


def _values(policy: Policy, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for parameter in policy.parameters:
        if parameter.name in given or not parameter.required:
            value = value_of(parameter, given[parameter.name]) if parameter.name in given else parameter.default
            yield parameter.name, as_printed(value, parameter.kind)


def _printed(parameter: Parameter, value: Value) -> str:
    shown = as_printed(value, parameter.kind)
    return shown if isinstance(shown, str) else msgspec.json.encode(shown).decode()


def locked_kinds(path: str, catalog: Catalog) -> Catalog:
    """The kinds that ship, and those of a catalog that a lock holds. Raises LockError for one that is not as locked."""
    lock = read_lock(path)
    lock.verify_kinds(catalog.digests)
    from interlock.schemas.own import only

    return only(catalog, lock.kinds)
