"""Masks for what must not be disclosed: the same for the same text, different for different texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from interlock import instant, schemas
from interlock.language.walk import walk
from interlock.model.expression import Constant
from interlock.model.facts import Value
from interlock.model.policy import Policy
from interlock.policy.compile.dependencies import every_expression

_OF_RECEIPTS = frozenset({"actor", "severity", "summary", "correlation"})
"""What no entity has of its own, and no test states of one."""
Flat = dict[str, Any]
"""A fact's fields by their dotted paths, as a test states them; an object is there as `{}` before what is in it."""


class Masks:
    """What texts are called instead. `kept` are those that stay, `taken` those that no mask may be."""

    def __init__(self, kept: Iterable[str], taken: Iterable[str]) -> None:
        self.kept, self.taken = frozenset(kept), frozenset(taken)
        self.masks: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    def of(self, text: str, field: str) -> str:
        """What a text is called that is first met in a field.

        The first of a field is called what a test fills in there (`smoke_id`: `smoke-1`; `nonce`: `nonce`), so that
        it need not be written.
        """
        if not text or text in self.kept:
            return text
        while text not in self.masks:
            self.counts[field] += 1
            stem, number = field.removesuffix("_id"), self.counts[field]
            mask = field if number == 1 and stem == field else f"{stem}-{number}"
            if mask not in self.kept and mask not in self.taken and mask not in self.masks.values():
                self.masks[text] = mask
        return self.masks[text]

    def name(self, text: str, mask: str) -> None:
        """Call a text that, unless it has a mask already."""
        self.masks.setdefault(text, mask)

    def value(self, value: Value, field: str) -> Value:
        """A text or a list of them, masked; anything else as it is."""
        if isinstance(value, tuple):
            return tuple(self.of(each, field) for each in value)
        return self.of(value, field) if isinstance(value, str) else value


def flat(fact: Mapping[str, Any], now: int, masks: Masks, catalog: schemas.Catalog, clock: int | None = None) -> Flat:
    """The fields of a valid fact that a policy can read, masked, their times relative to `now`.

    With a `clock`, which a case has for its own now, a time that ends in a fraction of zeros is an instant: as a span
    it would stand for some moment of its second.
    """
    found: Flat = {}
    for path, spec in catalog.fields(fact["kind"]).items():
        if path in _OF_RECEIPTS and fact["kind"] in schemas.ENTITIES:
            continue
        there, value = _at(fact, path.split("."))
        if there and path != "kind":
            found[path] = _told(value, spec, path.rpartition(".")[2], now, masks, clock)
    return found


def nested(fields: Flat) -> dict[str, Any]:
    """The fields as a mapping of mappings."""
    found: dict[str, Any] = {}
    for path, value in fields.items():
        *above, last = path.split(".")
        place = found
        for step in above:
            place = place.setdefault(step, {})
        place[last] = {} if value == {} else value
    return found


def constants(policy: Policy) -> Iterator[str]:
    """The texts that a policy writes itself: in its expressions, and as values of its parameters."""
    for node in every_expression(policy):
        yield from (n.value for n in walk(node) if isinstance(n, Constant) and isinstance(n.value, str))
    for parameter in policy.parameters:
        yield from (*parameter.enum, *texts(parameter.default))
    for selection in policy.selections:
        yield from selection.groups


def texts(value: Any) -> Iterator[str]:
    """Every text in a value; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def _at(fact: Any, steps: list[str]) -> tuple[bool, Any]:
    """Whether a fact has something at a path, and what."""
    for step in steps:
        if not isinstance(fact, dict) or step not in fact:
            return False, None
        fact = fact[step]
    return True, fact


def _told(value: Any, spec: schemas.FieldSpec, field: str, now: int, masks: Masks, clock: int | None) -> Any:
    match value:
        case str() if spec.kind == "timestamp":
            moment = instant.parse_instant(value)
            moved = instant.format_instant(moment - now + (clock or 0))
            if clock is None or "." in moved or "." not in value:
                return instant.format_duration(moment - now)
            return moved.replace("Z", ".000Z")
        case str() if value not in spec.enum:
            return masks.of(value, field)
        case float() if spec.kind != "double" or value.is_integer():
            return int(value)
        case float():  # YAML has no fractions here: a test writes them between quotes
            return format(Decimal(repr(value)), "f")
        case dict() if spec.item is not None:
            inner = spec.item
            return {masks.of(key, field): _told(each, inner, field, now, masks, clock) for key, each in value.items()}
        case dict():  # an object that is not in a list or map has its fields at paths of their own
            known = [(name, each) for name, each in spec.fields if name in value]
            return {name: _told(value[name], each, name, now, masks, clock) for name, each in known}
        case list() if spec.item is not None:
            return [_told(each, spec.item, field, now, masks, clock) for each in value]
    return value
