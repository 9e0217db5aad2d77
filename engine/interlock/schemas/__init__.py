"""The shipped JSON Schemas: the form of a fact, a policy and a decision, and what is wrong with an invalid one.

The only reader of the `schemas/` folder and the only importer of `jsonschema`, whose word is law. Whether a fact is
valid msgspec says, tens of times faster; `jsonschema` only explains what is wrong with an invalid one.
"""

from __future__ import annotations

from interlock.schemas.catalog import ENTITIES, SHIPPED, Catalog
from interlock.schemas.documents import beside, schema, schemas_digest
from interlock.schemas.fields import FieldSpec
from interlock.schemas.validate import fact_errors, faults, is_valid, violations, wrong
from interlock.schemas.wording import Violation

__all__ = [
    "ENTITIES",
    "SHIPPED",
    "Catalog",
    "FieldSpec",
    "Violation",
    "beside",
    "fact_errors",
    "faults",
    "is_valid",
    "schema",
    "schemas_digest",
    "violations",
    "wrong",
]
