"""`interlock diff`: it says where two versions differ, whatever happened, and its exit code what became allowed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import interlock as package
from interlock import schemas
from interlock.instant import SECOND, format_instant, parse_instant
from interlock.policy.library import Library
from tests.acceptance.conftest import Interlock, Ran
from tests.helpers.ledgers import LedgerBuilder

SMOKE = Path(Library().path("smoke")).read_text(encoding="utf-8")
REQUIRED = SMOKE[SMOKE.index("    required:\n") : SMOKE.index("  seat:\n")]
TASK = "checkout-refactor"
STRICT, LENIENT = "default: 180s", "default: 10m"


@pytest.fixture
def versions(folder: Path) -> tuple[str, str]:
    """Two versions of the smoke gate, of which the second lets a heartbeat be older."""
    return version(folder, "old", "smoke"), version(folder, "new", "smoke", (STRICT, LENIENT))


def version(folder: Path, name: str, policy: str, *changes: tuple[str, str]) -> str:
    """The path of a shipped policy in a folder of its own, with some of its text replaced."""
    text = Path(Library().path(policy)).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / name).mkdir(exist_ok=True)
    (folder / name / f"{policy}.yaml").write_text(text, encoding="utf-8")
    return f"{name}/{policy}.yaml"


def diff(interlock: Interlock, ledger: Path, *words: str) -> tuple[int, Any]:
    """The exit code and the comparison, which is valid."""
    ran = interlock("diff", *words, "--ledger", str(ledger), "--format", "json")
    assert ran.err == ""
    found = json.loads(ran.out)
    assert schemas.violations("diff", found) == []
    return ran.code, found


SOFTER = "denied (blocked) -> allowed (proved)"
TEXT = f"""\
newly allowed: 2 intervals in 1 task
  checkout-refactor  from 2026-06-22T09:04:03.000001Z to 2026-06-22T09:05:17Z: {SOFTER}
                     no longer: heartbeat-not-fresh
  checkout-refactor  from 2026-06-22T09:16:17.000001Z to 2026-06-22T09:23:17.000001Z: {SOFTER}
                     no longer: heartbeat-not-fresh

2 differences over the history of 1 task: 2 softer, 0 stricter, 0 other
"""


def test_what_became_allowed_is_told_and_fails(
    interlock: Interlock, story_path: Path, versions: tuple[str, str]
) -> None:
    ran = interlock("diff", *versions, "--ledger", str(story_path), "--all-tasks", "--to", "2026-06-22T09:55:17Z")
    head, _, told = ran.out.partition("\n\n")
    assert (ran.code, told, ran.err) == (3, TEXT, "")
    assert [line.split()[:3] for line in head.splitlines()] == [
        ["old", "smoke", "old/smoke.yaml"],
        ["new", "smoke", "new/smoke.yaml"],
    ]


def test_a_file_below_is_named_from_here(interlock: Interlock, story_path: Path, versions: tuple[str, str]) -> None:
    given = ("--ledger", str(story_path), "--all-tasks", "--policy-dir", "new")
    Path("new/mine.yaml").write_text(SMOKE.replace("policy: smoke\n", "policy: mine\n"), "utf-8")
    for asked in ("mine", "./new/mine.yaml", str(Path("new/mine.yaml").absolute())):
        ran = interlock("diff", versions[0], asked, *given)
        assert ran.out.splitlines()[1].split()[:3] == ["new", "mine", "new/mine.yaml"]


def test_what_is_only_stricter_does_not_fail(interlock: Interlock, story_path: Path, versions: tuple[str, str]) -> None:
    code, found = diff(interlock, story_path, *reversed(versions), "--task", TASK, "--to", "2026-06-22T09:55:17Z")
    assert code == 0
    assert [each["change"] for each in found["differences"]] == ["stricter", "stricter"]
    assert found["differences"][0]["appeared"] == ["heartbeat-not-fresh"]


def test_the_same_policy_does_not_differ(interlock: Interlock, story_path: Path, versions: tuple[str, str]) -> None:
    assert diff(interlock, story_path, versions[0], "smoke", "--all-tasks")[1]["differences"] == []
    ran = interlock("diff", "smoke", "smoke", "--ledger", str(story_path), "--all-tasks")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "no difference over the history of 1 task")


CHANGES = {
    "loop": [("default: 180s", "default: 5m")],
    "quiescence": [("default: 3,", "default: 1,"), ("default: 180s", "default: 100s")],
    "readiness": [("default: 180s", "default: 4m")],
}


@pytest.mark.slow
@pytest.mark.parametrize("policy", CHANGES)
def test_it_agrees_with_asking_both_at_every_instant(
    interlock: Interlock, folder: Path, story_path: Path, policy: str
) -> None:
    paths = version(folder, "old", policy), version(folder, "new", policy, *CHANGES[policy])
    _, found = diff(interlock, story_path, *paths, "--task", TASK)
    spans = [
        (parse_instant(each["since"]), parse_instant(each["until"] or "2200-01-01T00:00:00Z"), each)
        for each in found["differences"]
    ]
    ledger = package.open_ledger(story_path)
    start = parse_instant("2026-06-22T09:00:30Z")
    edges = [edge + by for begun, ended, _ in spans for edge in (begun, ended) for by in (-1, 0, 1)]
    for now in [*edges, *range(start, start + 55 * 60 * SECOND, 37 * SECOND)]:
        asked = format_instant(now)
        if now > start + 3_480 * SECOND:
            continue
        old, new = (package.evaluate(path, ledger=ledger, task=TASK, at=asked) for path in paths)
        here = [each for begun, ended, each in spans if begun <= now < ended]
        rules = [sorted(f.rule for f in each.findings) for each in (old, new)]
        differ = (old.allow, old.state, rules[0]) != (new.allow, new.state, rules[1])
        assert not differ or len(here) == 1, asked
        for each in here:
            assert (each["old"]["allow"], each["new"]["allow"]) == (old.allow, new.allow), asked
            assert (each["old"]["state"], each["new"]["state"]) == (old.state, new.state), asked
    assert spans


def test_a_stretch_is_looked_at(interlock: Interlock, story_path: Path, versions: tuple[str, str]) -> None:
    words = ("--task", TASK, "--from", "2026-06-22T09:05:17Z", "--to", "2026-06-22T09:20:00Z")
    code, found = diff(interlock, story_path, *versions, *words)
    assert code == 3
    (only,) = found["differences"]
    assert (only["since"], only["until"]) == ("2026-06-22T09:16:17.000001Z", None)


def test_what_only_time_changes_after_the_last_receipt_is_compared(
    interlock: Interlock, story_path: Path, versions: tuple[str, str]
) -> None:
    code, found = diff(interlock, story_path, *versions, "--task", TASK, "--from", "head")
    assert (code, [each["change"] for each in found["differences"]][:1]) == (3, ["softer"])


def test_what_a_policy_needs_is_found_beside_it(interlock: Interlock, folder: Path, story_path: Path) -> None:
    for name, changes in (("old", []), ("new", [("<= params.stale_after", '<= duration("10m")')])):
        version(folder, name, "smoke", *changes)
        version(folder, name, "autonomy")
    code, found = diff(interlock, story_path, "old/autonomy.yaml", "new/autonomy.yaml", "--task", TASK)
    assert (code, {each["change"] for each in found["differences"]}) == (0, {"other"})


def test_a_parameter_may_be_known_to_one_of_them(interlock: Interlock, folder: Path, story_path: Path) -> None:
    renamed = [("stale_after", "patience")]
    paths = version(folder, "old", "smoke"), version(folder, "new", "smoke", *renamed)
    assert diff(interlock, story_path, *paths, "--task", TASK, "--param", "patience=10m")[0] == 3
    assert diff(interlock, story_path, *paths, "--task", TASK, "--param", "stale_after=10m")[0] == 0
    ran = interlock("diff", *paths, "--ledger", str(story_path), "--task", TASK, "--param", "patienc=10m")
    assert ran == Ran(2, "", "error: unknown parameter `patienc`; did you mean `patience`?\n")


def test_undecided_is_told_with_its_reason(interlock: Interlock, folder: Path, story_path: Path) -> None:
    reason = "No app smoke session has been started for this task."
    softer = (REQUIRED, "")
    paths = version(folder, "old", "smoke"), version(folder, "new", "smoke", softer)
    words = ("--task", TASK, "--from", "2026-06-22T09:00:30Z", "--to", "2026-06-22T09:00:35Z")
    ran = interlock("diff", *paths, "--ledger", str(story_path), *words)
    assert ran.code == 0
    assert "from 2026-06-22T09:00:30Z on: undecided -> denied (blocked)\n" in ran.out
    assert f"  was undecided: {reason}\n" in ran.out
    back = interlock("diff", *reversed(paths), "--ledger", str(story_path), *words)
    assert f"  undecided: {reason}\n" in back.out


def test_undecided_that_became_allowed_fails(interlock: Interlock, folder: Path, story_path: Path) -> None:
    required = REQUIRED
    changes = [(required, ""), ("when: blocked, allow: false", "when: blocked, allow: true")]
    paths = version(folder, "old", "smoke"), version(folder, "new", "smoke", *changes)
    words = ("--from", "2026-06-22T09:00:30Z", "--to", "2026-06-22T09:00:35Z")
    code, found = diff(interlock, story_path, *paths, "--task", TASK, *words)
    assert code == 3
    assert [(each["change"], each["old"]["allow"], each["new"]["allow"]) for each in found["differences"]] == [
        ("softer", None, True)
    ]


def test_tasks_of_which_nothing_was_recorded_are_named(interlock: Interlock, folder: Path) -> None:
    builder = LedgerBuilder(folder / "ledger.db").task("demo").bind()
    builder.receipt("app_heartbeat", at="2026-06-11T12:01:00Z")
    builder.task("idle").write()
    ledger = folder / "ledger.db"
    _, found = diff(interlock, ledger, "loop", "loop", "--all-tasks")
    assert (found["tasks"], found["skipped"]) == (["demo"], ["idle"])
    ran = interlock("diff", "loop", "loop", "--all-tasks", "--ledger", str(ledger))
    assert ran.out.endswith("no difference over the history of 1 task; nothing was recorded of 1 more\n")
    for words in (("--task", "idle"), ("--all-tasks", "--to", "2026-06-11T12:00:00Z")):
        told = interlock("diff", "loop", "loop", *words, "--ledger", str(ledger))
        assert told.code == 2
        assert "nothing was compared; give `--from` and `--to`" in told.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give one of `--task NAME` and `--all-tasks`"),
        (("--task", TASK, "--all-tasks"), "give one of `--task NAME` and `--all-tasks`"),
        (("--task", "nobody"), "unknown task `nobody`; `interlock tasks` lists all 1"),
        (("--task", TASK, "--from", "yesterday"), "`yesterday` is not an instant"),
    ],
)
def test_a_wrong_question_is_told(interlock: Interlock, story_path: Path, words: tuple[str, ...], message: str) -> None:
    ran = interlock("diff", "smoke", "smoke", "--ledger", str(story_path), *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {message}")


PARAMS = "policy: gate\nversion: 1\nquestion: Is it so?\nparams:\n  %s\ndecide:\n  - {state: so, when: %s, allow: false}\n  - {state: other, allow: true}\n"  # fmt: skip  # noqa: E501


@pytest.fixture
def one_sided(folder: Path) -> tuple[str, str]:
    """Two versions of a gate, of which each has a parameter that the other lacks."""
    for name, params, when in [
        ("old", "was: {type: string, default: a}", 'params.was == "b"'),
        ("new", "is: {type: int, default: 1}", "params.is > 1"),
    ]:
        (folder / name).mkdir()
        (folder / name / "gate.yaml").write_text(PARAMS % (params, when))
    return "old/gate.yaml", "new/gate.yaml"


def test_a_parameter_of_one_side_is_named(interlock: Interlock, one_sided: tuple[str, str], story_path: Path) -> None:
    asked = ("--task", TASK, "--param", "is=2", "--param", "was=b")
    code, found = diff(interlock, story_path, *one_sided, *asked)
    assert (code, found["one_sided"]) == (0, [{"param": "is", "of": "new"}, {"param": "was", "of": "old"}])
    ran = interlock("diff", *one_sided, *asked, "--ledger", str(story_path))
    assert "     only the new one has the parameter is\n     only the old one has the parameter was\n\n" in ran.out


def test_a_wrong_value_says_of_which_side_it_is(
    interlock: Interlock, one_sided: tuple[str, str], story_path: Path
) -> None:
    ran = interlock("diff", *one_sided, "--task", TASK, "--param", "is=many", "--ledger", str(story_path))
    assert ran == Ran(2, "", "error: policy `new/gate.yaml`: `is` takes a whole number, not `many`\n")


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "smoke", "--ledger", "LEDGER", "--task", TASK),
        ("diff", "smoke", "smoke", "--ledger", "LEDGER", "--task", TASK),
        ("fleet-diff", "smoke", "smoke", "--ledgers", "LEDGER"),
    ],
)
def test_both_ends_are_of_one_look_at_the_clock(
    interlock: Interlock, story_path: Path, command: tuple[str, ...]
) -> None:
    ran = interlock(*(word.replace("LEDGER", str(story_path)) for word in command), "--from", "-10m", "--to", "-20m")
    assert (ran.code, ran.out) == (2, "")
    found = re.fullmatch(r"error: the beginning (\S+) is later than the end (\S+)\n", ran.err)
    assert found is not None
    assert parse_instant(found[1]) - parse_instant(found[2]) == 600_000_000
