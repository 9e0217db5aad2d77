"""How two records of one question differ: every field of both is compared, whatever fields there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interlock.model.decision_log import FieldChange

_INPUTS = frozenset({"asked"})
"""What a record is recomputed from: it shows in the fields that follow from it."""
_APART = frozenset({"facts", "findings"})
"""What is compared fact by fact and finding by finding."""


def field_changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[FieldChange, ...]:
    """The fields in which two records, as JSON objects, differ; those of the decision first.

    Facts are left out, and so are findings that are in one of them only (see `only`).
    """
    was, now = before["decision"], after["decision"]
    found = list(_members("", was, now, _APART))
    if not only(was["findings"], now["findings"]) and not only(now["findings"], was["findings"]):
        found += _differing("findings", was["findings"], now["findings"])
    found += _members("", before, after, _INPUTS | _APART | {"decision"})
    return tuple(found)


def only(findings: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that the others do not have, whatever evidence each names."""
    left = [{**other, "evidence": ()} for other in others]
    found = []
    for finding in findings:
        bare = {**finding, "evidence": ()}
        if bare in left:
            left.remove(bare)
        else:
            found.append(finding)
    return found


def _members(path: str, before: dict[str, Any], after: dict[str, Any], apart: frozenset[str]) -> Iterator[FieldChange]:
    for name in dict.fromkeys([*after, *before]):
        if name in apart:
            continue
        if name in before and name in after:
            yield from _differing(f"{path}{name}", before[name], after[name])
        else:
            yield FieldChange(f"{path}{name}", before.get(name), after.get(name))


def _differing(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _members(f"{path}.", before, after, frozenset())
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _differing(f"{path}.{index}", *pair)
    elif (type(before), before) != (type(after), after):
        yield FieldChange(path, before, after)
