"""The names that an expression may use at its position, and their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from interlock.model.expression import Reference, Type
from interlock.model.policy import Shape

Position = Literal["where", "condition", "value"]


class SelectionType(msgspec.Struct, frozen=True):
    """A selection as an expression sees it. `key` is the type of a map's key, where it has one field for it.

    With `groups`, its facts include those of absent named groups.
    """

    shape: Shape
    fields: Mapping[str, Type]
    key: Type | None = None
    groups: bool = False


class FactType(msgspec.Struct, frozen=True):
    """A fact named as a whole: not a value, but it can be compared with null, and has fields.

    With `groups`, it may be that of an absent named group.
    """

    of: Reference
    fields: Mapping[str, Type]
    name: str
    groups: bool = False


class TypeCheckAborted(Exception):
    """A fault was reported: nothing more can be said about the expression around it."""


class Scope(msgspec.Struct, frozen=True):
    """The names in sight. `hidden` are selections that exist but may not be named here, each with the reason.

    `place` says what is allowed: `where` has no macros, `condition` no text `+` and no choice, `value` has everything.
    `groups` are the variables whose facts include those of absent named groups. `refused` is what cannot be had,
    which was reported where they are declared: nothing more is reported of an expression that names one.
    """

    place: Position
    params: Mapping[str, Type] = {}
    selections: Mapping[str, SelectionType] = {}
    variables: Mapping[str, Mapping[str, Type]] = {}
    hidden: Mapping[str, str] = {}
    blocked: bool = False
    groups: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def within(self, variable: str, known: SelectionType) -> Scope:
        """This scope inside a macro that names a fact of a selection `variable`."""
        groups = self.groups | {variable} if known.groups else self.groups
        return msgspec.structs.replace(self, variables={**self.variables, variable: known.fields}, groups=groups)


OPERATORS = "== != < <= > >= in && || ! + - ?:"
FUNCTIONS = ("duration", "timestamp", "has")
MACROS = ("exists", "all", "size")
EVERYTHING = f'{OPERATORS}, duration("3m"), timestamp("…"), has(x.f), S.exists(x, c), S.all(x, c), S.size()'

ORDERED = ("int", "timestamp", "duration")
"""The kinds that `<` and its kin compare, and that `+` and `-` join."""


def with_article(kind: str) -> str:
    """The kind with its article, as messages name it."""
    return kind if kind == "null" else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
