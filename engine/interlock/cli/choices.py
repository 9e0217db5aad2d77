"""The values that an option may have."""

from __future__ import annotations

from typing import Any

import click


class OneOf(click.Choice):  # type: ignore[type-arg]  # before click 8.2 it takes none
    """One of several texts, refused in the same words by every version of click."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text. Raises click.BadParameter."""
        if value not in self.choices:
            self.fail(f"`{value}` is not one of {', '.join(f'`{each}`' for each in self.choices)}", param, ctx)
        return super().convert(value, param, ctx)
