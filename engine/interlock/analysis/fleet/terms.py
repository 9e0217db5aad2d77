"""The terms of a fleet: what its decisions depend on, and how two of them differ."""

from __future__ import annotations

import msgspec

from interlock.diagnostics import digest
from interlock.evaluation.judge import closure
from interlock.instant import format_duration
from interlock.model.fleet import PinnedPolicy, Terms
from interlock.request import Session
from interlock.resources import __version__


def terms_of(session: Session) -> Terms:
    """The terms of a session's request. Raises as the session does; no ledger is opened."""
    request, waivers = session.request, session.waivers
    asked = tuple(PinnedPolicy(each.policy.id, each.policy.digest) for each in session.policies)
    every = list(closure(session.policies))
    pinned = dict.fromkeys(PinnedPolicy(each.policy.id, each.policy.digest) for each in every)
    tables = [msgspec.structs.replace(table, places={}) for table in session.tables]
    return Terms(
        interlock=__version__,
        policies=asked,
        needs=tuple(each for each in pinned if each not in asked),
        kinds={kind: known for each in every for kind, known in sorted(each.kinds.items())},
        params={
            f"{each.policy.id}.{name}": str(value)
            for each, given in zip(session.policies, session.given, strict=True)
            for name, value in sorted(given.items())
        },
        engine=request.engine,
        max_skew=format_duration(session.max_skew),
        strict_ledger=request.strict_ledger,
        waivers=None if waivers is None or waivers.source is None else digest(waivers.source.text),
        sources=digest(msgspec.json.encode(tables).decode()) if tables else None,
    )


def difference(expected: Terms, found: Terms) -> str | None:
    """How terms differ from those that are expected, in words; None where they do not."""
    if found.interlock != expected.interlock:
        return f"interlock {found.interlock}, not {expected.interlock}"
    for what in ("policies", "needs"):
        before, after = getattr(expected, what), getattr(found, what)
        if before != after:
            return f"other policies: {_pinned(after, before)}, not {_pinned(before, after)}"
    for name in Terms.__struct_fields__:
        before, after = getattr(expected, name), getattr(found, name)
        if before != after:
            return f"other {_CALLED.get(name, name)}: {_shown(after)}, not {_shown(before)}"
    return None


_CALLED = {"kinds": "fact kinds", "params": "parameters", "max_skew": "`max-skew`", "strict_ledger": "`strict-ledger`"}


def _pinned(policies: tuple[PinnedPolicy, ...], others: tuple[PinnedPolicy, ...]) -> str:
    """Those that the others lack, or all where only the order differs."""
    apart = [each for each in policies if each not in others] or policies
    return ", ".join(f"`{each.policy}` {each.digest[:15]}" for each in apart) or "none"


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode() if value is not None else "none"
