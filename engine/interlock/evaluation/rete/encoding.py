"""How the values of facts become the numbers that the rules engine is sent.

The engine compares strings, bools and nulls wrongly and ints exactly (docs/design/engine.md, sections 3 and 6.1). So it
only ever gets ints, and every field of every fact is there:

- an int is itself, as long as it is within ±2**53;
- null is a number above every sum of ints, or one below, whichever makes the test at hand come out right;
- a string or a bool is interned: equal values have equal numbers, which no int, sum or null has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from interlock.diagnostics import EngineError
from interlock.model.compiled import Relation
from interlock.model.facts import Value

INT_LIMIT = 1 << 53
"""Every int that is sent or compared with is nearer to 0 than this."""

MAX_TERMS = 8
"""The most fields in one sum. So no sum of ints reaches half of `NULL_ABOVE`, and no sum of nulls a symbol."""

MAX_FIELDS = 240
"""The most fields of one relation: the C module holds 254 properties of a fact."""

NULL_ABOVE = 1 << 57
NULL_BELOW = -NULL_ABOVE
FIRST_SYMBOL = 1 << 61

Symbols = dict[str | bool, int]
"""The number of every string and bool met so far."""


def new_symbols() -> Symbols:
    """The symbols that are there before any string is met."""
    return {False: FIRST_SYMBOL, True: FIRST_SYMBOL + 1}


def symbol(value: str | bool, symbols: Symbols) -> int:
    """The number of a string or bool, which is added to `symbols` when it is new."""
    return symbols.setdefault(value, FIRST_SYMBOL + len(symbols))


def too_far(value: int, place: str) -> EngineError:
    """What to raise for an int that is not within the limit, such as would make a sum overflow."""
    return EngineError(f"{place} is {value:,}, too far from 0 for the rules engine: the limit is {INT_LIMIT - 1:,}")


class EngineField(msgspec.Struct, frozen=True):
    """A number sent of a fact: the sum of its columns, each added or subtracted, plus a constant.

    As soon as one column is null the sum is, and `null` (NULL_ABOVE or NULL_BELOW) is sent for it.
    """

    terms: tuple[tuple[Literal[1, -1], str], ...]
    constant: int = 0
    null: int = NULL_ABOVE


class EngineLayout:
    """What is sent of the facts of one relation: its number as `f0`, and its fields as `f1`, `f2`, … in order."""

    def __init__(self, relation: Relation, kind: int) -> None:
        self.relation = relation.name
        self.kind = kind
        self.fields: dict[EngineField, int] = {}
        self._columns = {column.name for column in relation.columns}
        self._ints: set[str] = set()
        self._never_null: set[str] = set()

    def place(self, field: EngineField, *, ints: bool, never_null: tuple[str, ...] = ()) -> int:
        """The place of a field in a row, from 0; a new field gets the next one.

        With `ints`, its columns may hold nothing but ints and null; those in `never_null` may not hold null. Raises
        KeyError when the relation has no such column (a bug of the compiler), EngineError when there are too many.
        """
        columns = [column for _, column in field.terms]
        for column in columns:
            if column not in self._columns:
                raise KeyError(f"{self.relation} has no column {column!r}")
        if ints:
            self._ints.update(columns)
        self._never_null.update(never_null)
        place = self.fields.setdefault(field, len(self.fields))
        if place >= MAX_FIELDS:
            raise EngineError(f"the rules read more than {MAX_FIELDS} fields of `{self.relation}`; split the policy")
        return place

    def rows(self, facts: Sequence[Mapping[str, Value]], symbols: Symbols) -> list[tuple[int, ...]]:
        """The numbers sent for each fact. Raises EngineError for a value that the engine would mistake."""
        return [tuple([self._number(field, fact, symbols) for field in self.fields]) for fact in facts]

    def _number(self, field: EngineField, fact: Mapping[str, Value], symbols: Symbols) -> int:
        total = field.constant
        for sign, column in field.terms:
            value = fact[column]
            if type(value) is int:
                if not -INT_LIMIT < value < INT_LIMIT:
                    raise too_far(value, f"`{self.relation}.{column}`")
                total += sign * value
            elif value is None:
                if column in self._never_null:
                    raise EngineError(
                        f"`{self.relation}.{column}` is null, but a rule adds it to fields of other facts; "
                        "let the rule test it for null first"
                    )
                return field.null
            elif not isinstance(value, str | bool):
                raise TypeError(f"{self.relation}.{column} is {value!r}")
            elif column in self._ints:
                held = "text" if isinstance(value, str) else str(value).lower()
                raise EngineError(f"`{self.relation}.{column}` is {held}, but a rule needs a number there")
            else:
                return symbol(value, symbols)
        return total
