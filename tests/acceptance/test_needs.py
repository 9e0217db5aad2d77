"""Policies that need others, many times over: each file is read once, each decision made once, each cause reported
once.

Needs under several names have twice as many ways at each step. Nothing here goes by the clock: reads and judgements are
counted, and the first of too many fails.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

import interlock as api
from interlock.evaluation.judge import Judge
from interlock.mcp_server import server
from interlock.policy.library import MAX_NEED_DEPTH, Library
from interlock.request import Request
from tests.acceptance.conftest import Interlock

DEPTH = 40
TASK = "checkout-refactor"
AT = "2026-06-22T09:20:00Z"
LONGEST = 40_000
"""Characters of output: a few lines for each policy, and by far not one for each way from the first to the last."""

TOP = """\
policy: NAME
version: 1
question: Are those below done?
needs:
  a: {policy: FIRST}
  b: {policy: SECOND}
rules:
  - {id: below, when: "!a.allow || !b.allow", block: "below it is {a.state}", fix: look there}
decide:
  - {state: blocked, when: blocked, allow: false}
  - {state: done, allow: true}
"""
LAST = """\
policy: NAME
version: 1
question: Is there a task?
facts:
  found: {from: task, take: latestREQUIRED}
rules:
  - {id: few, when: FEW, block: there is none, fix: make one}
decide:
  - {state: blocked, when: blocked, allow: false}
  - {state: done, allow: true}
"""
KINDS = {
    "allowed": LAST.replace("REQUIRED", "").replace("FEW", "found == null"),
    "denied": LAST.replace("REQUIRED", "").replace("FEW", "found != null"),
    "undecided": LAST.replace(
        "latestREQUIRED", "latest, where: 'found.name == \"x\"', required: nobody was seen"
    ).replace("FEW", "found.state == null"),
    "invalid": LAST.replace("REQUIRED", "").replace("FEW", "nothing.there"),
}
CODES = {"allowed": 0, "denied": 3, "undecided": 4, "invalid": 5}

reads: Counter[str] | None = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and reads is not None and args[1] in ("r", "rb", None) and "/chain/" in str(args[0]):
        reads[str(args[0])] += 1


sys.addaudithook(_audit)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each policy of the chain is read, by its path. Too many judgements, or searches for a policy, fail."""
    global reads
    made = Counter[str]()

    def limited(of: type, name: str, most: int) -> None:
        does = getattr(of, name)

        def counting(self: object, *args: Any, **how: Any) -> Any:
            made[name] += 1
            assert made[name] < most, f"more calls of {name} than any command needs"
            return does(self, *args, **how)

        monkeypatch.setattr(of, name, counting)

    limited(Judge, "_judged", 200 * DEPTH)
    limited(Library, "path", 20 * DEPTH)
    reads = Counter()
    yield reads
    reads = None


def chain(folder: Path, kind: str, *, ladder: bool = False, depth: int = DEPTH) -> list[str]:
    """Policies that each need the next under two names; as a ladder, the next two under one each."""
    place = folder / "chain"
    place.mkdir()
    last = depth // 2 if ladder else depth
    rungs = [[f"{side}{step:02}" for side in ("pq" if ladder else "p")] for step in range(1, last + 1)]
    for here, below in zip(rungs, [*rungs[1:], []], strict=True):
        for name in here:
            text = TOP.replace("FIRST", below[0]).replace("SECOND", below[-1]) if below else KINDS[kind]
            (place / f"{name}.yaml").write_text(text.replace("NAME", name), "utf-8")
    return [name for rung in rungs for name in rung if name != "q01"]  # which nothing needs


ASKED = ("--ledger", "LEDGER", "--task", TASK)
ONE = ("p01", "--policy-dir", "chain", *ASKED)
COMMANDS: dict[str, tuple[str, ...]] = {
    "eval": ("eval", *ONE, "--at", AT),
    "eval now": ("eval", *ONE),
    "eval json": ("eval", *ONE, "--at", AT, "--format", "json"),
    "eval junit": ("eval", *ONE, "--at", AT, "--format", "junit"),
    "eval sarif": ("eval", *ONE, "--at", AT, "--format", "sarif"),
    "eval log": ("eval", *ONE, "--at", AT, "--decision-log", "../log.ndjson"),
    "eval locked": ("eval", *ONE, "--at", AT, "--lock", "../held.lock"),
    "fleet": ("fleet", *ONE[:3], "--ledgers", "LEDGER", "--workers", "1", "--at", AT),
    "explain": ("explain", *ONE, "--at", AT),
    "unblock": ("unblock", *ONE, "--at", AT),
    "replay": ("replay", *ONE),
    "facts": ("facts", *ONE, "--at", AT),
    "diff": ("diff", "chain/p01.yaml", "chain/p01.yaml", *ASKED),
    "fleet-diff": ("fleet-diff", "chain/p01.yaml", "chain/p01.yaml", "--ledgers", "LEDGER", "--workers", "1"),
    "watch": ("watch", *ONE, "--until", "change", "--timeout", "1s"),
    "capture": ("capture", *ONE, "--at", AT),
    "export": ("export", *ONE),
    "check": ("check", "chain"),
    "lock": ("lock", "p01", "--policy-dir", "chain", "--lock", "../new.lock"),
    "policies": ("policies", "--policy-dir", "chain"),
    "docs": ("docs", "p01", "--policy-dir", "chain"),
    "show": ("show", "p01", "--policy-dir", "chain"),
    "graph": ("show", "p01", "--policy-dir", "chain", "--graph"),
    "test": ("test", "chain"),
}
FINE = {"check", "lock", "policies", "docs", "show", "graph", "export", "facts", "replay", "watch", "capture"}
FINE |= {"diff", "fleet-diff"}
"""Commands whose exit code does not follow the verdict."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reads_each_file_once(
    command: str,
    kind: str,
    interlock: Interlock,
    process: Interlock,
    folder: Path,
    story_path: Path,
    counted: Counter[str],
) -> None:
    chain(folder, "allowed" if kind == "invalid" else kind)
    if command == "eval locked":
        assert process("lock", "p01", "--policy-dir", "chain", "--lock", "../held.lock").code == 0
    if kind == "invalid":
        (folder / "chain" / f"p{DEPTH}.yaml").write_text(KINDS[kind].replace("NAME", f"p{DEPTH}"), "utf-8")
    if command == "test":
        (folder / "chain" / "p01_test.yaml").write_text("policy: p01\ncases:\n- {case: one, expect: {allow: true}}\n")
    counted.clear()
    ran = interlock(*(str(story_path) if word == "LEDGER" else word for word in COMMANDS[command]))
    policies = {path: count for path, count in counted.items() if not path.endswith("_test.yaml")}
    assert len({Path(path).name for path in policies}) == DEPTH
    assert set(Counter(Path(path).name for path in policies for _ in range(policies[path])).values()) == {1}
    assert len(ran.out) + len(ran.err) < LONGEST
    if kind == "invalid":
        assert ran.code == 5
    elif command not in FINE and command != "test":
        assert ran.code == CODES[kind]


def test_an_invalid_policy_is_told_once_and_those_that_need_it_are_not(interlock: Interlock, folder: Path) -> None:
    chain(folder, "invalid")
    ran = interlock("check", "chain")
    assert ran.code == 5
    assert [line for line in (ran.out + ran.err).splitlines() if ": error" in line] == [
        f"chain/p{DEPTH}.yaml:7:21: error[E204]: unknown name `nothing`"
    ]


@pytest.mark.parametrize("first", ["p01", "p02"], ids=["the first first", "one by one"])
def test_a_row_of_needs_has_an_end(interlock: Interlock, folder: Path, story_path: Path, first: str) -> None:
    chain(folder, "allowed", depth=MAX_NEED_DEPTH + 1)
    asked = ("--policy-dir", "chain", "--ledger", str(story_path), "--task", TASK, "--at", AT)
    if first != "p01":
        assert interlock("eval", first, *asked).code == 0
    ran = interlock("eval", "p01", *asked)
    assert (ran.code, f"more than {MAX_NEED_DEPTH} policies in a row need each other" in ran.err) == (5, True)
    assert interlock("eval", "p02", *asked).code == 0, "what another could not have is had by itself"


def test_an_invalid_need_far_below_is_named_with_the_one_that_leads_there(interlock: Interlock, folder: Path) -> None:
    chain(folder, "invalid")
    ran = interlock("check", "chain/p01.yaml")
    told = f"the needed policy `p02` is invalid: the needed policy `p{DEPTH}` is invalid: unknown name `nothing`"
    assert (ran.code, (ran.out + ran.err).splitlines()[0]) == (5, f"chain/p01.yaml:5:15: error[E601]: {told}")
    assert ran.out.count("error[") + ran.err.count("error[") == 1


@pytest.mark.parametrize("ladder", [False, True], ids=["two names", "ladder"])
@pytest.mark.parametrize(("kind", "allow"), [("allowed", True), ("denied", False), ("undecided", None)])
def test_a_decision_is_made_once_and_its_cause_told_once(
    kind: str,
    allow: bool | None,
    ladder: bool,
    folder: Path,
    story_path: Path,
    counted: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = chain(folder, kind, ladder=ladder)
    judged = Counter[str]()
    judge = Judge._judged

    def counting(self: Judge, loaded: Any, *args: Any, **how: Any) -> Any:
        judged[loaded.policy.id] += 1
        assert judged[loaded.policy.id] == 1, "the same question was judged twice"
        return judge(self, loaded, *args, **how)

    monkeypatch.setattr(Judge, "_judged", counting)
    (found,) = api.judge(["p01"], ledger=story_path, tasks=[TASK], at=AT, policy_dirs=["chain"])
    assert found.allow is allow
    assert judged == Counter(names)
    assert Counter(Path(path).name for path in counted.elements()) == Counter(f"{name}.yaml" for name in names)
    reason = found.reason or ""
    assert reason.count("nobody was seen") == ((2 if ladder else 1) if allow is None else 0)
    assert len(reason) < 100 * DEPTH


@pytest.mark.parametrize("ladder", [False, True], ids=["two names", "ladder"])
def test_what_was_waived_below_is_told_once(folder: Path, story_path: Path, ladder: bool) -> None:
    chain(folder, "denied", ladder=ladder)
    rungs = ("p", "q") if ladder else ("p",)
    last = f"{DEPTH // 2 if ladder else DEPTH:02}"
    waived = "".join(
        f"- {{policy: {side}{last}, rule: few, task: {TASK}, reason: known, by: me, expires: 2027-01-01}}\n"
        for side in rungs
    )
    Path("waivers.yaml").write_text(waived, "utf-8")
    found = api.evaluate("p01", ledger=story_path, task=TASK, at=AT, policy_dirs=["chain"], waivers="waivers.yaml")
    assert found.allow is True
    assert Counter(each.rule for each in found.findings) == {
        "interlock:waived-need": len(rungs),
        "interlock:waiver-unpinned": len(rungs),
    }


def test_a_tool_of_the_server_reads_each_file_once(folder: Path, story_path: Path, counted: Counter[str]) -> None:
    chain(folder, "denied")

    async def asking() -> Any:
        async with Client(server(Request(ledger=api.open_ledger(story_path), policy_dirs=("chain",)))) as client:
            return await client.call_tool("evaluate", {"policy": "p01", "task": TASK, "at": AT})

    assert anyio.run(asking).structured_content["allow"] is False
    assert Counter(Path(path).name for path in counted.elements()) == {f"p{n:02}.yaml": 1 for n in range(1, DEPTH + 1)}


def test_a_policy_is_compiled_again_when_what_its_needs_need_has_changed(folder: Path) -> None:
    def write(name: str, text: str) -> None:
        Path(f"{name}.yaml").write_text(f"policy: {name}\nversion: 1\nquestion: Is it?\n{text}", "utf-8")

    decide = "decide: [{state: done, allow: true}]\n"
    write("last", f"{decide}outputs: {{it: '1'}}\n")
    write("middle", f"needs: {{last: {{policy: last}}}}\n{decide}outputs: {{it: last.it}}\n")
    rules = "rules: [{id: more, when: middle.it > 2, block: more}]\n"
    write("first", f"needs: {{middle: {{policy: middle}}}}\n{rules}{decide}")
    library = Library()
    before = library.load("first.yaml")
    assert library.load("first.yaml") is before
    write("last", f"{decide}outputs: {{it: '\"one\"'}}\n")
    for other in (library, Library()):
        with pytest.raises(api.PolicyError, match=r"first\.yaml:5"):
            other.load("first.yaml")


def test_two_policies_of_one_id_do_not_need_each_other(folder: Path) -> None:
    def write(path: str, needs: str = "") -> None:
        Path(path).parent.mkdir(exist_ok=True)
        text = (
            f"policy: {Path(path).stem}\nversion: 1\nquestion: Is it?\n{needs}decide: [{{state: done, allow: true}}]\n"
        )
        Path(path).write_text(text, "utf-8")

    write("shared/base.yaml")
    write("shared/upper.yaml", "needs: {base: {policy: base}}\n")
    write("mine/base.yaml", "needs: {upper: {policy: upper}}\n")
    library = Library(["shared"])
    load: Callable[[str], object] = library.load
    for _ in range(2):
        with pytest.raises(api.PolicyError, match="a cycle of needs: `base` → `upper` → `base`"):
            load("mine/base.yaml")
        assert load("upper") is load("upper")
