"""What was found in a ledger that was verified: how many facts of which kinds, and what is wrong with which."""

from __future__ import annotations

import msgspec


class KindCounts(msgspec.Struct):
    """A kind of facts: how many there are, and how many of them are invalid.

    Without a schema (`known` is False) only the fields of every receipt are checked.
    """

    kind: str
    entity: bool
    known: bool
    count: int = 0
    invalid: int = 0


class Example(msgspec.Struct, frozen=True):
    """A fact with a fault, and the fault in its own words. `id` and `seq` are null when nobody can say which it is."""

    id: str | None
    seq: int | None
    message: str


class FaultCounts(msgspec.Struct):
    """What is wrong with `count` facts of a kind, whatever their values are; `first` are the first of them."""

    kind: str
    fault: str
    count: int = 0
    first: list[Example] = []


class FutureTimes(msgspec.Struct):
    """How many facts carry a time that is later than the clock, which is not a fault; `first` are the first of them."""

    count: int = 0
    first: list[Example] = []


class Verification(msgspec.Struct, frozen=True):
    """What a ledger holds, and what of it is invalid. `head` is the `seq` of its newest receipt.

    `damage` is what SQLite finds damaged in the file itself, in its own words: facts may then be missed. `absent`
    are the kinds of entities for which there is no table, with the table's name. `ahead` is None where an instant
    was requested.
    """

    ledger: str
    head: int
    valid: bool | None
    receipts: int
    entities: int
    invalid: int
    kinds: tuple[KindCounts, ...]
    damage: tuple[str, ...]
    absent: dict[str, str]
    faults: tuple[FaultCounts, ...]
    ahead: FutureTimes | None
