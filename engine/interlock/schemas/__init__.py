"""The shipped JSON Schemas: what a fact, a policy and a decision look like, and what is wrong with one that does not.

The only reader of the `schemas/` folder and the only importer of `jsonschema`, whose word is law. Whether a fact is
valid msgspec says, tens of times faster; `jsonschema` is asked only about an invalid one, and says why in words.
"""

from __future__ import annotations

from interlock.schemas.documents import ENTITIES, digest, kinds, schema
from interlock.schemas.fields import FieldSpec, fields, latest_of
from interlock.schemas.validation import check, faults, is_valid, violations, wrong
from interlock.schemas.violation import Violation
from interlock.schemas.words import generalised

__all__ = [
    "ENTITIES",
    "FieldSpec",
    "Violation",
    "check",
    "digest",
    "faults",
    "fields",
    "generalised",
    "is_valid",
    "kinds",
    "latest_of",
    "schema",
    "violations",
    "wrong",
]
