"""An engine that fails, lies, is interrupted or is not there decides nothing; what would crash it never gets there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from interlock.diagnostics import EngineError
from interlock.evaluation.rete import session
from tests.helpers.branches import build, fact, facts, rule, some
from tests.helpers.engine import needs_engine


def spy(monkeypatch: pytest.MonkeyPatch, call: str, change: Callable[..., object]) -> None:
    """Lets `change` see the answers of one of the engine's calls, and answer instead."""
    real = session._engine

    class Spy:
        def __getattr__(self, name: str) -> Any:
            if name != call:
                return getattr(real, name)
            return lambda *given: change(getattr(real, name)(*given), *given)

    monkeypatch.setattr(session, "_engine", Spy())


def fail(answer: object, *given: object) -> object:
    raise session._engine.error("Could not do it, error code: 303")


def run_out(answer: object, *given: object) -> object:
    raise MemoryError


TWICE = '{"0":{"g":{"sid":"s","id":"999999","f0":0}}}'
LIES: dict[str, tuple[str, Callable[..., object], str]] = {
    "an error": ("assert_fact", fail, "the rules engine failed: Could not do it, error code: 303"),
    "no memory": ("assert_fact", run_out, "the rules engine failed: "),
    "a dropped fact": (
        "assert_fact",
        lambda answer, handle, text: (2, answer[1]),
        'the rules engine dropped a fact (code 2): {"sid":"s","id":"000000","f0":1}',
    ),
    "go dropped": (
        "assert_fact",
        lambda answer, handle, text: (1, answer[1]),
        "the rules engine did not start (code 1)",
    ),
    "nothing delivered": ("start_action_for_state", lambda *_: None, "the rules engine did not deliver every match"),
    "the last match not delivered": (
        "complete_and_start_action",
        lambda answer, *_: None if "~" in (answer or "") else answer,
        "the rules engine did not deliver every match",
    ),
    "a match twice": (
        "complete_and_start_action",
        lambda answer, *_: answer and TWICE,
        "the rules engine delivered a match twice",
    ),
    "matches held back": (
        "start_action_for_state",
        lambda answer, *_: answer or ("{}", TWICE),
        "the rules engine held matches back",
    ),
    "no match": (
        "start_action_for_state",
        lambda answer, *_: answer and (answer[0], '{"0":{"g":7}}'),
        'the rules engine delivered no match: {"0":{"g":7}}',
    ),
    "a match of two rules": (
        "start_action_for_state",
        lambda answer, *_: answer and (answer[0], '{"0":{},"1":{}}'),
        'the rules engine delivered no match: {"0":{},"1":{}}',
    ),
}


@pytest.mark.parametrize(("call", "change", "message"), LIES.values(), ids=LIES)
def test_an_engine_that_does_not_keep_its_word_decides_nothing(
    call: str, change: Callable[..., object], message: str
) -> None:
    made = build(rule(), rule(target=1), rule(some("seat"), target=2))
    right = made.run(facts(seat=[fact()]))
    assert [match.target for match in right] == [0, 1, 2]
    with pytest.MonkeyPatch.context() as monkeypatch:
        spy(monkeypatch, call, change)
        with pytest.raises(EngineError) as caught:
            made.run(facts(seat=[fact()]))
    assert str(caught.value) == message
    assert made.run(facts(seat=[fact()])) == right


def test_rules_that_the_engine_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    spy(monkeypatch, "create_ruleset", fail)
    with pytest.raises(EngineError) as caught:
        build(rule())
    assert str(caught.value).startswith("the rules engine refuses the rules: ")


@pytest.mark.parametrize(("call", "times"), [("assert_fact", 1), ("start_action_for_state", 0), ("delete_state", 0)])
def test_an_interrupted_run_leaves_nothing_behind(call: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = session._engine
    made = build(rule(some("seat"), loops=("s",)))

    class Interrupt:
        def __init__(self) -> None:
            self.left = times

        def __getattr__(self, name: str) -> Any:
            if name != call or self.left:
                self.left -= name == call
                return getattr(real, name)
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "_engine", Interrupt())
    with pytest.raises(KeyboardInterrupt):
        made.run(facts(seat=[fact(), fact()]))
    monkeypatch.undo()
    assert made.run(facts()) == []
    assert [match.loops for match in made.run(facts(seat=[fact()]))] == [(0,)]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


MISSING = """
import sys
{setting}
from interlock.evaluation.rete import AVAILABLE, Ruleset
from interlock.model.compiled import Stratum
from interlock.diagnostics import EngineError
print(AVAILABLE)
try:
    Ruleset((), Stratum(()))
except EngineError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("sys.modules['durable_rules_engine'] = None", ""),
        ("import msgspec; sys.platform = 'win32'", "on Windows it cuts numbers short"),
    ],
)
def test_without_the_engine_the_module_is_there_but_no_ruleset(setting: str, reason: str) -> None:
    available, message = python(MISSING.format(setting=setting)).stdout.splitlines()
    assert available == "False"
    assert message.startswith(f"the rules engine is not available: {reason}")
    assert message.endswith(
        "; `pip install durable-rules` builds it with a C compiler; the reference evaluator needs no engine"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="durable-rules is not a dependency on every Python here")
def test_the_engine_is_imported_where_a_symbol_that_is_never_called_is_missing() -> None:
    """Since Python 3.13 only lazy binding loads it; `LD_BIND_NOW` forbids that, and the reference decides alone."""
    code = "from interlock.evaluation.rete import AVAILABLE; print(AVAILABLE)"
    assert python(code).stdout == "True\n"
    assert python(code, LD_BIND_NOW="1").stdout == f"{sys.version_info < (3, 13)}\n"


@pytest.mark.skipif(not hasattr(sys, "setdlopenflags"), reason="this system has no dlopen")
@pytest.mark.parametrize(
    "setting", ["", "sys.modules['durable_rules_engine'] = None", "del sys.setdlopenflags, sys.getdlopenflags"]
)
def test_other_modules_are_bound_as_they_were(setting: str) -> None:
    code = f"""
import sys
flags = sys.getdlopenflags
before = flags()
{setting}
import interlock.evaluation.rete
print(flags() == before)
"""
    done = python(code)
    assert (done.stdout, done.stderr) == ("True\n", "")


ALIVE = """
from interlock.model.compiled import Branch, Column, Pattern, Relation, Slot, Stratum, Test
from interlock.diagnostics import EngineError
from interlock.evaluation.rete import Ruleset, session
used = [b"A" * size for _ in range(200) for size in (33000, 34000, 40000)]
del used
x = (Column("x", ((1, "x"),)),)
relations = (Relation("a", x), Relation("b", x))
first = Pattern("a", "a", (Test("x", ">", 9),))
found = []
for op in ("<", ">", "<=", ">=", "!="):
    false = Pattern("b", "b", (Test("x", op, None, ((1, Slot("a", "x")),)),))
    apart = Pattern("b", "b", (Test("x", op, 5, ((1, Slot("a", "x")), (-1, Slot("a", "x")))),))
    ruleset = Ruleset(relations, Stratum((Branch(0, (first, false)), Branch(1, (first, apart)))))
    for other in (100, 200, "x" * 10_000_000 if op == "!=" else 300):
        found.append(len(ruleset.run({"a": [{"x": 100}], "b": [{"x": other}]})))
        ruleset.run({"a": [], "b": []})
    ruleset.close()


class Fail:
    error = session._engine.error

    def __getattr__(self, name):
        if name == "start_action_for_state":
            raise self.error("nothing was started")
        return getattr(real, name)


ruleset = Ruleset(relations, Stratum((Branch(0, (first,)),)))
real, session._engine = session._engine, Fail()
try:
    ruleset.run({"a": []})
except EngineError as error:
    found.append(str(error))
print(found)
"""


@needs_engine
@pytest.mark.parametrize("perturb", ["0", "165"])
def test_what_crashes_the_engine_does_not_get_there(perturb: str) -> None:
    done = python(ALIVE, MALLOC_PERTURB_=perturb)
    assert (done.returncode, done.stderr) == (0, "")
    numbers = "0, 0, 0, 1, 2, 2, 1, 0, 0, 2, 2, 2, 1, 2, 2"
    assert done.stdout == f"[{numbers}, 'the rules engine failed: nothing was started']\n"
