"""The only place that calls the C module: rules in, facts in, matches out, one session at a time.

The order of the calls and every check is from docs/design/engine.md, section 6; section 1 says what crashes without
them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from interlock.diagnostics import EngineError


def load_engine() -> Any:
    """Import durable-rules' C module. Raises ImportError where it cannot be had.

    The module refers to `PyEval_CallObject`, which Python 3.13 removed, in callbacks that interlock never sets. By
    default Python binds every symbol of a module at load, and the import would fail; a lazy symbol is never looked up.
    """
    if sys.platform == "win32":
        # A rule's constants are C longs, which have 32 bits there: all strings would be equal.
        raise ImportError("on Windows it cuts numbers short")
    with _lazy_binding():
        import durable_rules_engine
    return durable_rules_engine


@contextmanager
def _lazy_binding() -> Iterator[None]:
    if not hasattr(sys, "setdlopenflags"):
        yield
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY | os.RTLD_LOCAL)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)


_engine: Any = None
_missing = ""
try:
    _engine = load_engine()
except ImportError as error:
    _missing = str(error)
AVAILABLE = _engine is not None
"""Whether the rules engine can be imported here. Where it cannot, the reference evaluator decides alone."""

GO = 0
"""The kind of the fact that is asserted last and sets every rule going. No relation has it."""

_SESSION = "s"
_GO_FACT = f'{{"sid":"{_SESSION}","id":"999999","f0":{GO}}}'
_GO_PATTERN: dict[str, object] = {"g": {"f0": GO}}
_WITNESS = "~"
_NOT_MATCHED = 1


class _Bound(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(dict[str, dict[str, _Bound]]).decode


def require_engine() -> None:
    """Raises EngineError, with the remedy, when the rules engine cannot be imported here."""
    if _engine is None:
        raise EngineError(
            f"the rules engine is not available: {_missing}; "
            "`pip install durable-rules` builds it with a C compiler; the reference evaluator needs no engine"
        )


def fact_text(kind: int, fields: int) -> str:
    """The text of a fact as a format: it takes the fact's number (under 20,000) and then its fields."""
    places = "".join(f',"f{place + 1}":%d' for place in range(fields))
    return f'{{"sid":"{_SESSION}","id":"%06d","f0":{kind}{places}}}'


class EngineSession:
    """A C ruleset and, while it runs, the one session on it. Not safe for threads: the caller has the lock."""

    def __init__(self, rules: dict[str, list[dict[str, object]]]) -> None:
        """`rules` are patterns by name. Raises EngineError when the engine refuses them."""
        everything = {**rules, _WITNESS: []}
        text = msgspec.json.encode(
            # `go` first: a negation is exact then. dist 0: one fact may fill two places, as in logic.
            {name: {"dist": 0, "all": [_GO_PATTERN, *patterns]} for name, patterns in everything.items()}
        ).decode()
        try:
            self._handle = _engine.create_ruleset("interlock", text)
        except (_engine.error, MemoryError) as error:
            raise EngineError(f"the rules engine refuses the rules: {error}") from error
        self._begun = False
        self.matches(())  # the first deletion of a session reads memory that only a started action sets

    def matches(self, facts: Iterable[str]) -> list[tuple[str, dict[str, int]]]:
        """Every match over the facts (texts as of `fact_text`): the rule's name, and each alias's fact number.

        Raises EngineError when the engine fails, drops a fact, or cannot prove that it delivered every match.
        """
        self._forget()  # there is one only if an interrupt kept the last call from deleting it
        self._begun = True
        try:
            texts = self._run(facts)
        except (_engine.error, MemoryError) as error:
            raise EngineError(f"the rules engine failed: {error}") from error
        finally:
            self._forget()
        if len(set(texts)) != len(texts):
            raise EngineError("the rules engine delivered a match twice")
        found = [_read(text) for text in texts]
        if [rule for rule, _ in found].count(_WITNESS) != 1:
            raise EngineError("the rules engine did not deliver every match")
        return [match for match in found if match[0] != _WITNESS]

    def close(self) -> None:
        """Frees the C ruleset; the session must not be used after that."""
        _engine.delete_ruleset(self._handle)

    def _run(self, facts: Iterable[str]) -> list[str]:
        for text in facts:
            code, _ = _engine.assert_fact(self._handle, text)
            if code > _NOT_MATCHED:
                raise EngineError(f"the rules engine dropped a fact (code {code}): {text}")
        code, state = _engine.assert_fact(self._handle, _GO_FACT)
        if code:
            raise EngineError(f"the rules engine did not start (code {code})")
        delivered = []
        started = _engine.start_action_for_state(self._handle, state)
        text = started and started[1]
        while text:
            delivered.append(text)
            text = _engine.complete_and_start_action(self._handle, state)
        if _engine.start_action_for_state(self._handle, state):
            raise EngineError("the rules engine held matches back")
        return delivered

    def _forget(self) -> None:
        if self._begun:
            with suppress(_engine.error):  # the only error there is: no session to delete
                _engine.delete_state(self._handle, _SESSION)
            self._begun = False


def _read(text: str) -> tuple[str, dict[str, int]]:
    try:
        ((rule, frame),) = _decode(text).items()
        return rule, {alias: int(bound.id) for alias, bound in frame.items()}
    except (msgspec.DecodeError, ValueError) as error:
        raise EngineError(f"the rules engine delivered no match: {text}") from error
