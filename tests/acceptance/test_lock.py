"""A lock: what it holds, and that no policy judges that is not in it, however it came to be another."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import interlock as api
from interlock import request, schemas
from interlock.analysis.decision_log import answer
from interlock.api import facts, judge
from interlock.cli import main
from interlock.policy import cache
from interlock.policy.lock import Locked, make_lock, read_lock
from interlock.request import Request, Session, library
from interlock.resources import data_folder
from tests.acceptance.conftest import Interlock, Ran, kept
from tests.unit.policy.test_cache import forged, plant

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "lock.schema.json").read_text("utf-8"))
WHEN = ("--task", "checkout-refactor", "--at", "2026-06-22T09:30:00Z")
TALKER = """
policy: {id}
version: 1
question: Is it so?
{more}
decide:
  - {{state: fine, allow: true}}
"""

Writes = Callable[..., Ran]


@pytest.fixture
def writes(folder: Path, capfd: pytest.CaptureFixture[str]) -> Writes:
    """Runs a command that may write."""

    def run(*args: str, env: Mapping[str, str] = {}) -> Ran:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as exited:
                main.main(args)
        return kept(Ran(int(exited.value.code or 0), *capfd.readouterr()))

    return run


@pytest.fixture
def gates(folder: Path) -> Path:
    """A folder with a copy of `smoke` named `awake`, and a policy that needs it."""
    found = folder / "gates"
    found.mkdir()
    text = (Path(data_folder("policies")) / "smoke.yaml").read_text("utf-8")
    (found / "awake.yaml").write_text(text.replace("policy: smoke", "policy: awake"), "utf-8")
    needs = "needs: {awake: {policy: awake}}\nrules:\n  - {id: asleep, unless: awake.allow, block: asleep}"
    (found / "above.yaml").write_text(TALKER.format(id="above", more=needs), "utf-8")
    (folder / "interlock.toml").write_text('policy-dir = ["gates"]\n', "utf-8")
    return found


def soften(path: Path) -> None:
    path.write_text(path.read_text("utf-8") + "# softer\n", "utf-8")


def test_a_lock_holds_policies_and_all_that_they_need(writes: Writes, gates: Path, folder: Path) -> None:
    ran = writes("lock", "above")
    assert ran.code == 0
    content = json.loads((folder / "interlock.lock").read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(content)
    assert list(content["policies"]) == ["above", "awake"]
    digests = {p: library([str(gates)]).load(p).policy.digest for p in ("above", "awake")}
    assert {p: each["digest"] for p, each in content["policies"].items()} == digests
    assert ran.out.splitlines() == [*(f"added    {p}  {digests[p]}" for p in digests), "2 policies in interlock.lock"]


def test_the_same_policies_have_the_same_lock(writes: Writes, gates: Path, folder: Path) -> None:
    writes("lock", "above", "smoke", "--lock", "one.lock")
    writes("lock", "smoke", "awake", "above", "--lock", "two.lock")
    assert (folder / "one.lock").read_bytes() == (folder / "two.lock").read_bytes()
    assert not (folder / "interlock.lock").exists()


def test_what_is_new_in_a_lock_is_told(writes: Writes, gates: Path, folder: Path) -> None:
    assert writes("lock").err == "error: there is no lock yet: name the policies to be locked\n"
    writes("lock", "above", "smoke")
    old = read_lock("interlock.lock").policies
    assert writes("lock").out == "3 policies in interlock.lock\n"
    assert writes("lock", "--check").out == "3 policies in interlock.lock: as locked\n"
    soften(gates / "awake.yaml")
    refused = writes("lock", "--check")
    new = library([str(gates)]).load("awake").policy.digest
    assert (refused.code, refused.out) == (5, "")
    assert refused.err == (
        f"interlock.lock: error: policy `awake` does not match the lock: found {new}, expected {old['awake'].digest}\n"
        "   = if this is intended, run `interlock lock` and have the change reviewed\n"
    )
    assert writes("lock", "above").out.splitlines() == [
        f"changed  awake  {new}, was {old['awake'].digest}",
        f"removed  smoke  {old['smoke'].digest}",
        "2 policies in interlock.lock",
    ]


def test_a_new_lock_lies_beside_the_configuration(
    writes: Writes, gates: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gates)
    assert writes("lock", "awake").out.endswith(f"1 policy in {os.path.join('..', 'interlock.lock')}\n")
    assert (folder / "interlock.lock").exists()


def test_only_what_is_locked_judges(writes: Writes, gates: Path, folder: Path, story_path: Path) -> None:
    asked = (*WHEN, "--ledger", str(story_path))
    writes("lock", "above")
    assert writes("eval", "above", "awake", "--locked", *asked).code == 0
    refused = writes("eval", "smoke", "above", "loop", "--locked", *asked)
    assert (refused.code, refused.out) == (5, "")
    assert [line.split(": sha")[0] for line in refused.err.splitlines()] == [
        "interlock.lock: error: the policy `smoke` is not locked",
        "interlock.lock: error: the policy `loop` is not locked",
        "   = if this is intended, run `interlock lock` and have the change reviewed",
    ]
    soften(gates / "awake.yaml")  # `above` is as it was; what it needs is not
    assert writes("eval", "above", *asked).code == 0
    assert "`awake` does not match the lock: found sha256:" in writes("eval", "above", "--locked", *asked).err


def test_a_file_may_not_ask_for_less_than_who_runs_the_gate(
    writes: Writes, gates: Path, folder: Path, story_path: Path
) -> None:
    asked = ("eval", "awake", *WHEN, "--ledger", str(story_path), "--policy-dir", "gates")
    writes("lock", "awake", "--lock", "base.lock")
    soften(gates / "awake.yaml")
    writes("lock", "awake")
    (folder / "interlock.toml").write_text('locked = false\nlock = "interlock.lock"\n', "utf-8")
    assert writes(*asked).code == 0
    assert writes(*asked, "--locked").code == 0  # the lock of the folder agrees with the folder
    for how in ({"env": {"INTERLOCK_LOCK": "base.lock"}}, {}):
        refused = writes(*asked, *(() if how else ("--lock", "base.lock")), **how)
        assert (refused.code, refused.out) == (5, "")
        assert refused.err.startswith("base.lock: error: policy `awake` does not match the lock: ")
    assert writes(*asked, "--no-locked", env={"INTERLOCK_LOCK": "base.lock"}).code == 0
    (folder / "interlock.toml").write_text("locked = true\n", "utf-8")
    assert writes(*asked).code == 0
    soften(gates / "awake.yaml")
    assert writes(*asked).code == 5
    assert writes(*asked, env={"INTERLOCK_LOCKED": "false"}).code == 0


def test_a_locked_policy_under_the_name_of_another_is_no_policy(writes: Writes, gates: Path, story_path: Path) -> None:
    asked = (*WHEN, "--ledger", str(story_path), "--locked")
    (gates / "always.yaml").write_text(TALKER.format(id="always", more=""), "utf-8")
    writes("lock", "awake", "always")
    shutil.copy(gates / "always.yaml", gates / "awake.yaml")
    refused = writes("eval", "gates/awake.yaml", *asked)
    assert (refused.code, refused.out) == (5, "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "the lock cannot be read: no such file or directory"),
        (b"", "not a lock: "),
        (b"\xff", "not a lock: "),
        (b"[" * 100_000, "not a lock: "),
        (b" " * ((1 << 20) + 1), "the lock cannot be read: too large: 1,048,577 bytes; at most 1,048,576 are read"),
        (b'{"lock": 2, "policies": {}}', "not a lock: "),
        (b'{"lock": 1}', "not a lock: "),
        (b'{"lock": 1, "policies": {}, "policies": {}}', "not a lock: its document has a key twice: `policies`"),
        (b'{"lock": 1, "policies": {"smoke": {"version": 1, "digest": "", "soft": 1}}}', "not a lock: "),
        (b'<<<<<<< HEAD\n{"lock": 1}', "not a lock: "),
    ],
)
def test_a_lock_that_cannot_be_believed(
    content: bytes | None, told: str, interlock: Interlock, folder: Path, story_path: Path
) -> None:
    if content is not None:
        (folder / "a.lock").write_bytes(content)
    ran = interlock("eval", "smoke", *WHEN, "--ledger", str(story_path), "--lock", "a.lock")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith(f"a.lock: error: {told}"), ran.err
    assert ran.err.count("\n") == 2


def test_a_lock_that_is_no_file(interlock: Interlock, folder: Path, story_path: Path) -> None:
    (folder / "a.lock").mkdir()
    ran = interlock("eval", "smoke", *WHEN, "--ledger", str(story_path), "--lock", "a.lock")
    assert (ran.code, ran.err.splitlines()[0]) == (5, "a.lock: error: the lock cannot be read: not a regular file")


def test_a_lock_with_no_policy_lets_none_judge(interlock: Interlock, folder: Path, story_path: Path) -> None:
    (folder / "a.lock").write_text('{"lock": 1, "policies": {}}', "utf-8")
    ran = interlock("eval", "smoke", *WHEN, "--ledger", str(story_path), "--lock", "a.lock")
    assert (ran.code, ran.out) == (5, "")


def test_a_broken_lock_is_written_anew_when_policies_are_named(writes: Writes, folder: Path) -> None:
    (folder / "interlock.lock").write_text("<<<<<<<", "utf-8")
    assert writes("lock").code == 5
    assert writes("lock", "smoke").out.startswith("added    smoke  sha256:")
    assert writes("lock", "--check").code == 0


def test_a_lock_that_cannot_be_written(writes: Writes, folder: Path) -> None:
    ran = writes("lock", "smoke", "--lock", "nowhere/a.lock")
    assert ran == (2, "", "error: cannot write `nowhere/a.lock`: no such file or directory\n")


def test_two_policies_of_one_id_have_no_lock(writes: Writes, gates: Path, folder: Path) -> None:
    (folder / "other").mkdir()
    shutil.copy(gates / "awake.yaml", folder / "other" / "awake.yaml")
    assert writes("lock", "gates/awake.yaml", "other/awake.yaml").code == 0  # the same text
    soften(folder / "other" / "awake.yaml")
    ran = writes("lock", "gates/awake.yaml", "other/awake.yaml")
    assert (ran.code, ran.out) == (5, "")
    assert "there are two policies `awake`: sha256:" in ran.err


def test_the_api_holds_to_a_lock(folder: Path, gates: Path, story_path: Path) -> None:
    asked = {"ledger": story_path, "task": "checkout-refactor", "at": WHEN[3], "policy_dirs": [str(gates)]}
    policies = library([str(gates)])
    lock = make_lock("a.lock", [policies.load("above")], schemas.SHIPPED)
    Path("a.lock").write_text(lock.text, "utf-8")
    assert read_lock("a.lock") == lock
    assert api.evaluate("above", lock=Path("a.lock"), **asked).allow is True  # type: ignore[arg-type]
    with pytest.raises(api.LockError, match="`smoke` is not locked"):
        api.evaluate("smoke", lock="a.lock", **asked)  # type: ignore[arg-type]


def test_a_need_that_changes_after_it_was_looked_at_does_not_judge(folder: Path, gates: Path) -> None:
    policies = library([str(gates)])
    above = policies.load("above")
    Path("a.lock").write_text(make_lock("a.lock", [above], schemas.SHIPPED).text, "utf-8")
    held = above.needs["awake"].policy.digest
    soften(gates / "awake.yaml")
    read_lock("a.lock").verify([above])
    assert above.needs["awake"].policy.digest == held, "what was read once judges, whatever is written now"
    with pytest.raises(api.LockError, match="`awake` does not match the lock"):
        read_lock("a.lock").verify([policies.load("above")])


def test_what_is_locked_is_the_version_and_the_digest() -> None:
    lock = make_lock("a.lock", [library().load("smoke")], schemas.SHIPPED)
    assert lock.policies == {"smoke": Locked(1, library().load("smoke").policy.digest)}


@pytest.mark.usefixtures("own_cache")
def test_a_cache_that_was_tampered_with_decides_nothing_under_a_lock(
    process: Interlock, story_path: Path, tmp_path: Path
) -> None:
    when = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    asked = ("eval", "smoke", *when)
    assert process("lock", "smoke", "autonomy").code == 0
    assert process(*asked).code == 3
    for policy in ("smoke", "readiness", "autonomy"):
        plant(policy, forged(policy))
    assert process(*asked).code == 0, "the forgery tests nothing"
    for how in (("--locked",), ("--lock", "interlock.lock"), ("--locked", "--decision-log", "log.ndjson")):
        ran = process(*asked, *how)
        assert (ran.code, "heartbeat is not fresh" in ran.out) == (3, True)
    (tmp_path / "none.yaml").touch()
    assert process(*asked, "--locked", "--waivers", str(tmp_path / "none.yaml")).code == 3
    assert process("eval", "autonomy", *when, "--locked").code != 0, "what it needs is compiled from its source"


@pytest.mark.usefixtures("own_cache")
def test_a_lock_is_made_of_texts_and_not_of_what_is_cached_of_them(process: Interlock, gates: Path) -> None:
    process("lock", "awake")
    soften(gates / "awake.yaml")
    policies = library([str(gates)])
    compiled = library([str(gates)], cached=False).load("awake").compiled
    old = msgspec.structs.replace(compiled.policy, digest=read_lock("interlock.lock").policies["awake"].digest)
    text = policies.load("awake").source.text
    cache.store(cache.key(schemas.schemas_digest(), "awake.yaml", text), msgspec.structs.replace(compiled, policy=old))
    assert process("lock", "--check").code == 5
    assert process("lock", "awake").out.startswith("changed  awake")


@pytest.mark.usefixtures("own_cache")
def test_the_api_compiles_from_source_under_a_lock(
    folder: Path, story_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"tasks": ["checkout-refactor"], "at": "2026-06-22T09:20:00Z", "lock": "a.lock"}
    policies = library(cached=False)
    Path("a.lock").write_text(make_lock("a.lock", [policies.load("smoke")], schemas.SHIPPED).text, "utf-8")
    plant("smoke", forged("smoke"))
    monkeypatch.setattr(request, "_libraries", {})
    ledger = api.open_ledger(story_path)
    assert api.evaluate("smoke", ledger=ledger, task=asked["tasks"][0], at=asked["at"]).allow is True, "no forgery"
    assert [each.allow for each in judge(["smoke"], ledger=ledger, **asked)] == [False]
    locked = Request(policies=("smoke",), tasks=tuple(asked["tasks"]), ledger=ledger, at=asked["at"], lock="a.lock")
    assert [each.decision.allow for each in answer(Session(locked))] == [False]
    assert api.evaluate("smoke", ledger=ledger, task=asked["tasks"][0], at=asked["at"], lock="a.lock").allow is False


@pytest.mark.parametrize("how", [("--locked",), ("--lock", "interlock.lock")], ids=["nearest", "named"])
@pytest.mark.parametrize(
    "command",
    [
        ("eval", "--at", WHEN[3]),
        ("watch", "--until", "allow", "--timeout", "1s"),
        ("explain", "--at", WHEN[3]),
        ("unblock", "--at", WHEN[3]),
        ("facts", "--at", WHEN[3]),
        ("replay", "--from", "2026-06-22T09:30:00Z", "--to", "2026-06-22T09:30:01Z"),
        ("fleet", "--at", WHEN[3], "--workers", "1"),
    ],
    ids=lambda command: str(command[0]),
)
def test_every_question_holds_the_lock(
    command: tuple[str, ...], how: tuple[str, ...], writes: Writes, gates: Path, story_path: Path
) -> None:
    name, *options = command
    asked = (name, "above", *(() if name == "fleet" else ("--task", WHEN[1])), *options)
    asked = (*asked, "--ledgers" if name == "fleet" else "--ledger", str(story_path))
    writes("lock", "above")
    gates.joinpath("awake.yaml").write_text(TALKER.format(id="awake", more=""), "utf-8")  # softened: it always allows
    assert writes(*asked).code in (0, 3, 4)
    refused = writes(*asked, *how, *(() if how == ("--locked",) else ("--policy-dir", str(gates))))
    assert (refused.code, refused.out) == (5, "")
    assert "policy `awake` does not match the lock" in refused.err


def test_a_lock_that_is_named_is_held_whatever_a_variable_says(writes: Writes, gates: Path, story_path: Path) -> None:
    asked = ("eval", "awake", *WHEN, "--ledger", str(story_path), "--policy-dir", str(gates))
    writes("lock", "awake", "--lock", "base.lock")
    soften(gates / "awake.yaml")
    for value in ("0", "false"):
        assert writes(*asked, "--lock", "base.lock", env={"INTERLOCK_LOCKED": value}).code == 5
    assert writes(*asked, "--lock", "base.lock", "--no-locked").code == 0


@pytest.mark.parametrize("env", [{}, {"INTERLOCK_LOCK": ""}], ids=["flag", "variable"])
def test_a_lock_without_a_name_is_refused(env: dict[str, str], writes: Writes, story_path: Path) -> None:
    ran = writes("eval", "smoke", *WHEN, "--ledger", str(story_path), *(() if env else ("--lock", "")), env=env)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: `INTERLOCK_LOCK` is empty" if env else "error: `--lock` is empty")


HELD = ("--params", "--param", "stale_after=5m")
FACES = [
    ("eval", "--at", WHEN[3]),
    ("watch", "--until", "allow", "--timeout", "1s"),
    ("explain", "--at", WHEN[3]),
    ("unblock", "--at", WHEN[3]),
    ("facts", "--at", WHEN[3]),
    ("capture", "--at", WHEN[3]),
    ("replay", "--from", "2026-06-22T09:30:00Z", "--to", "2026-06-22T09:30:01Z"),
]


@pytest.mark.parametrize("how", [("--locked",), ("--lock", "interlock.lock")], ids=["nearest", "named"])
@pytest.mark.parametrize("command", FACES, ids=lambda command: str(command[0]))
def test_no_caller_changes_a_parameter_that_the_lock_holds(
    command: tuple[str, ...], how: tuple[str, ...], writes: Writes, story_path: Path
) -> None:
    name, *options = command
    asked = (name, "smoke", "--task", WHEN[1], "--ledger", str(story_path), *options)
    writes("lock", "smoke", *HELD)
    refused = writes(*asked, *how, "--param", "stale_after=1000h")
    assert (refused.code, refused.out) == (5, "")
    assert refused.err.startswith(
        "interlock.lock: error: parameter `stale_after` of `smoke` does not match the lock: found 1000h, expected 5m\n"
    )
    assert writes(*asked, *how, "--param", "stale_after=300s").code in (0, 3, 4)
    assert writes(*asked, *how).code in (0, 3, 4)
    assert writes(*asked, "--param", "stale_after=1000h").code in (0, 3, 4)


@pytest.mark.parametrize(
    "command", [each for each in FACES if each[0] in ("eval", "watch", "explain", "unblock", "replay")], ids=str
)
def test_no_caller_brings_other_waivers_than_the_lock_holds(
    command: tuple[str, ...], writes: Writes, story_path: Path, folder: Path
) -> None:
    name, *options = command
    asked = (name, "smoke", "--task", WHEN[1], "--ledger", str(story_path), *options, "--locked")
    (folder / "reviewed.yaml").write_text("[]\n", "utf-8")
    (folder / "mine.yaml").write_text("[] # mine\n", "utf-8")
    assert "waivers  reviewed.yaml sha256:" in writes("lock", "smoke", "--waivers", "reviewed.yaml").out
    assert writes(*asked).code in (0, 3, 4)
    assert writes(*asked, "--waivers", "reviewed.yaml").code in (0, 3, 4)
    refused = writes(*asked, "--waivers", "mine.yaml")
    assert (refused.code, refused.out) == (5, "")
    assert refused.err.startswith("interlock.lock: error: waivers `mine.yaml` do not match the lock: found sha256:")
    refused = writes(*asked, env={"INTERLOCK_WAIVERS": "mine.yaml"})
    assert (refused.code, refused.out) == (5, "")
    writes("lock", "smoke", "--waivers")
    refused = writes(*asked, "--waivers", "reviewed.yaml")
    assert refused.err.startswith(
        "interlock.lock: error: the lock holds that nothing is waived, and `reviewed.yaml` is"
    )


def test_what_a_lock_sets_is_shown_and_counts(writes: Writes, story_path: Path) -> None:
    asked = ("eval", "smoke", "--task", WHEN[1], "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    assert writes(*asked).code == 3
    writes("lock", "smoke", "--params", "--param", "stale_after=10m")
    ran = writes(*asked, "--locked")
    assert (ran.code, "stale_after=10m (lock)" in ran.out) == (0, True)
    assert writes("eval", "smoke", *asked[2:]).code == 3, "only where the lock is held"


def test_a_folder_that_says_itself_to_be_locked_softens_none_of_its_gates(
    writes: Writes, story_path: Path, folder: Path
) -> None:
    asked = ("eval", "smoke", "--task", WHEN[1], "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    writes("lock", "smoke", "--params", "--param", "stale_after=10m")
    (folder / "interlock.toml").write_text('locked = true\nlock = "interlock.lock"\n', "utf-8")
    refused = writes(*asked)
    assert (refused.code, refused.out) == (5, "")
    assert "`stale_after` of `smoke` does not match the lock: found 3m, expected 10m" in refused.err
    assert writes(*asked, "--locked").code == 0
    assert writes(*asked, env={"INTERLOCK_LOCKED": "true"}).code == 0


def test_python_and_agents_are_held_too(writes: Writes, story_path: Path, folder: Path) -> None:
    writes("lock", "smoke", *HELD, "--waivers")
    (folder / "none.yaml").write_text("[]\n", "utf-8")
    asked: dict[str, Any] = {"ledger": story_path, "task": WHEN[1], "at": WHEN[3], "lock": "interlock.lock"}
    assert api.evaluate("smoke", **asked).params["stale_after"] == api.ParamNote("5m", "lock")
    for question in (api.evaluate, api.explain, api.unblock, facts):
        with pytest.raises(api.LockError, match="parameter `stale_after` of `smoke` does not match the lock"):
            question("smoke", **asked, params={"stale_after": "6m"})
        with pytest.raises(api.LockError, match="nothing is waived"):
            question("smoke", **asked, waivers="none.yaml")
    test_mcp = pytest.importorskip("tests.acceptance.test_mcp")
    agent = {"policy": "smoke", "task": WHEN[1], "at": WHEN[3], "params": {"stale_after": "6m"}}
    answer = test_mcp.called(story_path, "evaluate", agent, ("stale_after",), lock="interlock.lock")
    assert answer.is_error
    assert "`stale_after` of `smoke` does not match the lock: found 6m, expected 5m" in answer.content[0].text


def test_what_a_needed_policy_has_is_held_as_well(writes: Writes, story_path: Path) -> None:
    writes("lock", "autonomy", "--params")
    asked = ("--task", WHEN[1], "--at", WHEN[3], "--ledger", str(story_path), "--locked")
    assert writes("eval", "smoke", *asked, "--param", "stale_after=1000h").code == 5


def test_what_must_be_given_is_left_to_callers(writes: Writes, story_path: Path, folder: Path) -> None:
    params = "params: {who: {type: string}, most: {type: int, default: 3}}"
    (folder / "own.yaml").write_text(TALKER.format(id="own", more=params), "utf-8")
    writes("lock", "own.yaml", "--params")
    assert json.loads((folder / "interlock.lock").read_text("utf-8"))["params"] == {"own": {"most": 3}}
    asked = ("eval", "own.yaml", *WHEN, "--ledger", str(story_path), "--locked")
    assert writes(*asked, "--param", "who=ada").code == 0
    assert writes(*asked, "--param", "who=ada", "--param", "most=4").code == 5


def test_a_lock_that_is_written_again_holds_what_it_held(writes: Writes, folder: Path) -> None:
    (folder / "w.yaml").write_text("[]\n", "utf-8")
    writes("lock", "smoke", *HELD, "--waivers", "w.yaml")
    before = (folder / "interlock.lock").read_bytes()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(before))
    assert writes("lock").out == "1 policy in interlock.lock\n"
    assert (folder / "interlock.lock").read_bytes() == before
    (folder / "w.yaml").write_text("[] # more\n", "utf-8")
    assert "waivers `w.yaml` do not match the lock" in writes("lock", "--check").err
    assert writes("lock").out.startswith("waivers  w.yaml sha256:")
    assert writes("lock", "--check").code == 0
    assert writes("lock", "--params", "--param", "stale_after=6m").out.startswith(
        'param    smoke.stale_after  "6m", was "5m"\n'
    )
    assert "waivers  not held, was w.yaml" in writes("lock", "smoke").out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--param", "stale_after=6m"), "`--param` is what the lock is to hold; add `--params`"),
        (("--params", "--param", "stale=6m"), "unknown parameter `stale`; "),
        (("--params", "--param", "stale_after=soon"), "`stale_after`: `soon` is not a duration"),
        (("--waivers", "gone.yaml"), "cannot read the waivers `gone.yaml`"),
        (("--waivers", ""), "`--waivers` is empty; "),
        (("--check", "--params"), "`--check` writes nothing; leave out `--params`"),
    ],
)
def test_what_a_lock_cannot_hold(options: tuple[str, ...], message: str, writes: Writes, folder: Path) -> None:
    writes("lock", "smoke")
    before = (folder / "interlock.lock").read_bytes()
    ran = writes("lock", "smoke", *options)
    assert (ran.code, ran.err.startswith(f"error: {message}")) == (2, True), ran.err
    assert (folder / "interlock.lock").read_bytes() == before


@pytest.mark.parametrize(
    "params", [{"smoke": {"stale_after": "soon"}}, {"smoke": {"stale": "1m"}}, {"smoke": {"stale_after": None}}, []]
)
def test_held_parameters_that_cannot_be_believed(params: Any, writes: Writes, folder: Path, story_path: Path) -> None:
    writes("lock", "smoke")
    content = json.loads((folder / "interlock.lock").read_text("utf-8"))
    (folder / "interlock.lock").write_text(json.dumps(content | {"params": params}), "utf-8")
    ran = writes("eval", "smoke", *WHEN, "--ledger", str(story_path), "--locked")
    assert (ran.code, ran.out) == (5, "")
