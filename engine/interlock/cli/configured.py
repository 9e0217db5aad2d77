"""What a configuration file says where neither a flag nor the environment does: click asks for it by parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from interlock.project import Settings

KEYS = {
    "ledger": "ledger",
    "strict_ledger": "strict-ledger",
    "policy_dirs": "policy-dir",
    "engine": "engine",
    "max_skew": "max-skew",
    "lock": "lock",
    "locked": "locked",
}
"""The key of each parameter that can be set in a file."""


class Configured(Mapping[str, Any]):
    """The values of parameters. The file is looked for when the first of them is asked for. Raises UsageError."""

    def __init__(self) -> None:
        self._looked = False
        self._found: Settings | None = None

    @property
    def settings(self) -> Settings | None:
        """What the file sets; None where there is no file."""
        if not self._looked:
            from interlock.project import find

            self._found, self._looked = find(), True
        return self._found

    def __getitem__(self, parameter: str) -> Any:
        asked_for_help = click.get_current_context().resilient_parsing  # help is told whatever a file says
        if parameter not in KEYS or asked_for_help or self.settings is None:
            raise KeyError(parameter)
        return self.settings.values[KEYS[parameter]]

    def __iter__(self) -> Iterator[str]:
        return iter([parameter for parameter in KEYS if parameter in self])

    def __len__(self) -> int:
        return len(list(iter(self)))
