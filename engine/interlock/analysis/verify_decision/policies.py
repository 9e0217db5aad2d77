"""Which policy files judge a recorded decision again: a log is not believed about them without saying so."""

from __future__ import annotations

import os
from collections.abc import Sequence

from interlock.diagnostics import UsageError
from interlock.evaluation.judge import closure
from interlock.model.decision_log import Record
from interlock.policy.library import Library
from interlock.request import library
from interlock.resources import data_folder


class Policies:
    """Finds the policies of records: in the folders of who verifies, else in the files that the record names.

    Unless `locked`, a file that a record names does not judge under the id of a policy that ships with interlock.
    """

    def __init__(self, policy_dirs: Sequence[str], *, locked: bool) -> None:
        self._dirs, self._locked = tuple(policy_dirs), locked

    def find(self, before: Record) -> tuple[str, tuple[str, ...]]:
        """The policy's file, and the folders in which those that it needs are looked for. Raises UsageError."""
        file = before.asked.file
        folders = self._dirs or before.asked.policy_dirs
        for path in (file, *folders[: 0 if self._dirs else None]):
            if not os.path.isabs(path):
                raise UsageError(f"`{path}` is not an absolute path")
        own = [path for each in self._dirs if os.path.isfile(path := os.path.join(each, os.path.basename(file)))]
        if len(own) > 1:
            raise UsageError(f"`{os.path.basename(file)}` is in several places: {', '.join(own)}; name one folder")
        if not own and not os.path.isfile(file):
            raise UsageError(f"the policy file `{file}` is not there; name the folder that has it with `--policy-dir`")
        for folder in folders:
            if not os.path.isdir(folder):
                raise UsageError(f"the policy folder `{folder}` is not there; name another with `--policy-dir`")
        return own[0] if own else file, folders

    def files(self, file: str, folders: Sequence[str]) -> dict[str, str]:
        """The file of the policy and of each that it needs, by id. Raises UsageError, PolicyError."""
        policies = library(folders, cached=False)
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


def _within(path: str, folder: str) -> bool:
    return os.path.dirname(os.path.abspath(path)) == os.path.abspath(folder)
