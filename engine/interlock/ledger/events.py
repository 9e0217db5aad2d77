"""A CloudEvent 1.0 in JSON, and the fact that it brings: type = kind, subject = task, time = at, data = attributes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from interlock.instant import in_utc
from interlock.ledger.rows import HIDING
from interlock.schemas import ENTITIES
from interlock.schemas.wording import quoted_value, typed

_NEEDED: Final = ("id", "source", "type", "time")
_TEXTS: Final = (*_NEEDED, "subject", "datacontenttype")
"""Attributes that are texts, and not empty, where they are there."""
_JSON: Final = re.compile(r"[^/;\s]+/(?:[^/;\s]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
"""A media type of JSON: its subtype is `json`, or ends in `+json`."""
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_VERSION: Final = re.compile(r"[./:_-][vV]?[0-9]+([._][0-9]+)*$")
_GIVEN: Final[dict[str, Any]] = {"actor": None, "severity": None, "summary": None}
"""Extension attributes that are fields of the envelope, and what they are where an event lacks them."""


def fact_of(event: dict[str, Any], number: int, kind: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fact that an event brings, or what is wrong with the event.

    `number` is the `seq` of one that brings none. `kind` is the fact kind that its type means, where that has a name of
    its own. An event is identified by its source and its id: a receipt's id has both. `correlation` has them too, each
    under its own name.
    """
    event = {name: value for name, value in event.items() if value is not None or name == "data"}  # null means unset
    wrong = tuple(_faults(event))
    if wrong:
        return {}, wrong
    kind = event["type"] if kind is None else kind
    data = event.get("data", {})
    fact = {name: value for name, value in data.items() if name not in HIDING}
    hidden = {name: value for name, value in data.items() if name in HIDING}
    fact |= {name: event.get(name, value) for name, value in _GIVEN.items()}
    fact |= {"attributes": hidden} if hidden else {}
    fact |= {"kind": kind, "id": _identity(kind, event), "task": event.get("subject"), "at": in_utc(event["time"])}
    given = event.get("correlation", {})
    correlation = {**given, "source": event["source"], "id": event["id"]} if isinstance(given, dict) else given
    return fact | {"seq": event.get("seq", number), "correlation": correlation}, ()


def lacks_data(kind: str, required: tuple[str, ...]) -> str | None:
    """Why an event without data is not one of `kind`, of which the `required` fields are always there; or None."""
    own = [name for name in required if name.partition(".")[0] not in HIDING]
    if not own:
        return None
    listed = ", ".join(f"`{name}`" for name in own)
    return f"a CloudEvent of `{kind}` needs `data`: {listed} {'is' if len(own) == 1 else 'are'} required"


def meant(event_type: str, kinds: Iterable[str]) -> str | None:
    """The one of the kinds that a type, which is the name of none, ends in; its version does not count.

    So does `com.example.DeployApproved.v1` in `deploy_approved`. A name without a namespace ends in none.
    """
    named = _VERSION.sub("", event_type)
    words = [word.lower() for word in _WORD.findall(named)]
    if not re.search(r"[^a-z0-9_]", named) and named == event_type:
        return None
    found = (kind for kind in kinds if (own := [each.lower() for each in _WORD.findall(kind)]) == words[-len(own) :])
    return max(found, key=len, default=None)


def _identity(kind: str, event: dict[str, Any]) -> str:
    """The id of the fact. Of an entity, which is a state and not an event, it is that by which others refer to it."""
    return str(event["id"]) if kind in ENTITIES else f"{event['source']}#{event['id']}"


def _faults(event: dict[str, Any]) -> Iterator[str]:
    yield from (f"a CloudEvent needs `{name}`" for name in _NEEDED if name not in event)
    for name in _TEXTS:
        value = event.get(name)
        if name in event and not (isinstance(value, str) and value):
            yield f"its `{name}` is {'empty' if value == '' else f'{typed(value)}, not text'}"
    if event.get("specversion") != "1.0":
        yield "its `specversion` is not `1.0`"
    time = event.get("time")
    if isinstance(time, str) and time and in_utc(time) is None:
        yield f"its `time` is `{quoted_value(time)}`, not an RFC 3339 instant such as `2026-06-11T12:00:05Z`"
    source = event.get("source")
    if isinstance(source, str) and any(not each.isprintable() or each.isspace() for each in source):
        yield f"its `source` is `{quoted_value(source)}`, not a URI reference"
    if "data_base64" in event:
        yield "its data is binary (`data_base64`), not a JSON object of the attributes in `data`"
    media = event.get("datacontenttype")
    if isinstance(media, str) and media and not _JSON.fullmatch(media.strip()):
        yield f"its `datacontenttype` is `{quoted_value(media)}`, not JSON"
    if not isinstance(event.get("data", {}), dict):
        yield "its `data` is not a JSON object of the attributes"
