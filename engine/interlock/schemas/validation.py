"""Whether a document is valid, and why it is not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from interlock.schemas.documents import fact_schema, schema
from interlock.schemas.translation import fact_type, is_fact, made_type
from interlock.schemas.violation import Violation
from interlock.schemas.writable import is_writable


def check(kind: str, fact: dict[str, object]) -> tuple[str, ...]:
    """What is wrong with a fact of `kind`, a line each, sorted by place; () when it is valid. See `faults`."""
    return tuple(violation.told for violation in faults(kind, fact))


def faults(kind: str | None, fact: dict[str, object]) -> Sequence[Violation]:
    """What is wrong with a fact of `kind`, sorted by place; () when it is valid.

    Of a receipt whose kind has no schema (None), only that is asked which every receipt has. A fact that can not be
    written as JSON in UTF-8 (an unpaired surrogate) is invalid too. A whole number with a fraction of nothing, such as
    2.0, is an integer here as everywhere in JSON Schema. Raises KeyError for a kind that `kinds()` does not name.
    """
    if is_valid(kind, fact):
        return ()
    from interlock.schemas.complaints import complaints

    # Invalid for the one validator and not for the other: nobody can say which is wrong, so it proves nothing.
    return complaints(fact_schema(kind), fact, "fact") or [
        Violation((), "the two validators disagree about the fact, so it is not taken as valid")
    ]


def is_valid(kind: str | None, fact: dict[str, object]) -> bool:
    """Whether a fact of `kind`, or a receipt of a kind without a schema (None), is valid. See `faults`."""
    return is_writable(fact) and is_fact(fact, fact_type(kind))


def wrong(schema_name: str, document: object) -> tuple[str, ...]:
    """What is wrong with `document` by `schemas/SCHEMA_NAME.schema.json`; () when it is valid, which is seen quickly.

    Raises TypeError or ValueError for a schema that says what is not translated.
    """
    if is_writable(document) and is_fact(document, _type(schema_name)):
        return ()
    found = tuple(each.message for each in violations(schema_name, document))
    return found or ("the two validators disagree about it, so it is not taken as valid",)


@cache
def _type(schema_name: str) -> Any:
    return made_type(schema(schema_name))


def violations(schema_name: str, document: object) -> list[Violation]:
    """Everything that is wrong with `document` by `schemas/SCHEMA_NAME.schema.json`, sorted by path.

    Slow: it imports the validator that explains.
    """
    from interlock.schemas.complaints import complaints

    return complaints(schema(schema_name), document, schema_name)
