"""A fact as the rules see it: an identity, and the fields that some rule reads, each under its dotted path."""

from __future__ import annotations

from typing import Any

import msgspec

Value = None | bool | int | float | str | tuple[Any, ...] | dict[Any, Any]
"""The value of a field or an expression. Instants and durations are ints, in microseconds; a list is a tuple."""


class Json(str):
    """A list or an object of a fact, as JSON text: a policy may ask whether it is there, and nothing else."""

    __slots__ = ()


class Fact(msgspec.Struct, frozen=True):
    """One selected fact. `fields` maps dotted paths to values (absent = null); instants are in microseconds, UTC.

    `id` and `kind` name the receipt or entity it came from, `at` is its time as the ledger has it; a counted, derived
    or needed fact has neither. An `absent` one stands for a group that the policy names and the ledger has nothing of,
    or is a number of such facts alone. `previous` is the fact before it, where its selection asks for that and there is
    one: its fields are among the `fields` too.
    """

    kind: str
    fields: dict[str, Value]
    id: str | None = None
    seq: int = 0
    at: str | None = None
    absent: bool = False
    previous: Fact | None = None

    def identity(self) -> tuple[object, ...]:
        """What makes it this fact and no other; a derived fact is its fields."""
        return (
            self.kind,
            self.id or "",
            self.seq,
            *(self.fields if self.id else sorted(self.fields.items(), key=_order)),
        )


def _order(item: tuple[str, Value]) -> str:
    return item[0]


def in_order(facts: list[Fact]) -> list[Fact]:
    """Derived facts in an order of their own, whatever order they were derived in: by their fields, null first."""
    return sorted(facts, key=lambda fact: [_rank(value) for _, value in sorted(fact.fields.items(), key=_order)])


def _rank(value: Value) -> tuple[int, int, str]:
    if value is None:
        return (0, 0, "")
    return (1, int(value), "") if isinstance(value, int) else (2, 0, str(value))


class FactView(msgspec.Struct, frozen=True):
    """A fact of a selection. `id` and `seq` are None for one that was counted, or is a needed decision.

    `fields` are those that the policy reads; instants and durations as text, lists and objects as they are.
    """

    selection: str
    kind: str
    id: str | None
    seq: int | None
    fields: dict[str, Any]


class SelectionView(msgspec.Struct, frozen=True):
    """A selection (or a needed decision) and its facts, in their order; `of` says what it selects from."""

    name: str
    of: str
    facts: tuple[FactView, ...]
