"""Findings that are waived do not count, are told wherever a decision is told, and count again once they expire."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import interlock as api
from interlock.cli import exits
from interlock.instant import format_instant
from interlock.reporting import FORMATS
from interlock.waivers import Grant, Waivers
from tests.acceptance.conftest import Interlock
from tests.acceptance.test_json import documents
from tests.helpers import consumers
from tests.unit.test_reporting import ALLOWED, UNDECIDED

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "waivers.schema.json").read_text("utf-8"))
STORY = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger")
STALE = "heartbeat-not-fresh"
WARNING = """
policy: quiet
version: 1
question: Is nobody there?
facts:
  seat: {from: seat, per: role, take: latest}
rules:
  - {id: silent, for: seat, when: seat.role == "worker", warn: "{seat.role} is silent", fix: wake it}
  - {id: told, for: seat, when: seat.role == "worker", note: "{seat.role} is there", fix: wake it}
decide:
  - {state: fine, allow: true}
"""
BESIDE = """
policy: beside
version: 1
question: Is it so?
needs: {smoke: {policy: smoke}}
rules:
  - {id: smoke, unless: smoke.allow, block: no smoke, fix: see to it}
decide:
  - {state: blocked, when: blocked, allow: false}
  - {state: fine, allow: true}
"""


def written(folder: Path, *waivers: dict[str, Any]) -> str:
    """A file of waivers; what one does not say is said for it."""
    usual = {"policy": "smoke", "rule": STALE, "task": "checkout-refactor", "reason": "its # clock stands"}
    full = [{**usual, "expires": "2026-06-22", "by": "ada", **waiver} for waiver in waivers]
    jsonschema.Draft7Validator(SCHEMA).validate(full)
    path = folder / "waivers.yaml"
    path.write_text("# yaml-language-server: $schema=waivers.schema.json\n" + json.dumps(full), "utf-8")
    return str(path)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_waived_passes_and_is_told_in_every_format(
    form: str, tmp_path: Path, interlock: Interlock, story_path: Path
) -> None:
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", written(tmp_path, {}), "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert consumers.passes(form, ran.out)
    for told in ("waive", "ada", "2026-06-23T00:00:00Z", "clock stands"):
        assert told in ran.out, form
    match form:
        case "text":
            assert ran.out.startswith("allowed    smoke  task checkout-refactor: proved (waived: 1)\n")
        case "json":
            (decision,) = documents(ran.out)
            assert [finding["waived"]["by"] for finding in decision["findings"]] == ["ada"]  # type: ignore[attr-defined]
        case "junit":
            assert [each.attrib["type"] for each in consumers.junit(ran.out).iter("skipped")] == ["waived"]
        case "sarif":
            (result,) = consumers.sarif(ran.out)["runs"][0]["results"]
            assert [(s["kind"], s["status"]) for s in result["suppressions"]] == [("external", "accepted")]
        case "github":
            assert [each.level for each in consumers.github(ran.out)] == ["notice"]
        case "markdown":
            assert consumers.rows(ran.out) == ["allowed (waived: 1)"]
        case "tap":
            (test,) = [each for each in consumers.tap(ran.out) if not each.ok]
            assert test.todo
            assert STALE in test.description


@pytest.mark.parametrize("form", FORMATS)
def test_a_waiver_of_one_rule_lets_no_other_pass(
    form: str, tmp_path: Path, interlock: Interlock, story_path: Path
) -> None:
    waivers = written(tmp_path, {"policy": "loop", "rule": "seat-lease"}, {"rule": "not-sent"})
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", waivers, "--format", form)
    assert (ran.code, ran.err) == (3, "")
    assert not consumers.passes(form, ran.out)
    assert "is not needed: the rule found nothing" in ran.out


@pytest.mark.parametrize(
    ("expires", "allow"),
    [
        ("2026-06-22", True),
        ("2026-06-21", False),
        ("2026-06-22T09:20:00Z", False),
        ("2026-06-22T09:20:00.000001Z", True),
        ("2026-06-22T09:19:59Z", False),
    ],
)
def test_it_counts_again_from_the_instant_at_which_the_waiver_expires(
    expires: str, allow: bool, tmp_path: Path, story_path: Path
) -> None:
    path = written(tmp_path, {"expires": expires})
    decision = api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=STORY[3], waivers=path)
    rules = [(finding.rule, finding.severity, finding.waived is None) for finding in decision.findings]
    assert decision.allow is allow
    assert rules == [(STALE, "block", not allow), *([] if allow else [("interlock:waiver-expired", "warn", True)])]


def test_an_expired_waiver_is_a_finding_though_its_rule_found_nothing(tmp_path: Path, story_path: Path) -> None:
    path = written(tmp_path, {"expires": "2026-06-01"})
    for minute, allow in [("16:00", True), ("00:30", None)]:
        at = f"2026-06-22T09:{minute}Z"
        decision = api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=at, waivers=path)
        (found,) = decision.findings
        assert decision.allow is allow
        assert (found.rule, found.severity) == ("interlock:waiver-expired", "warn")
        assert found.message.endswith("expired at 2026-06-02T00:00:00Z")


def test_nothing_makes_an_undecided_decision_allowed(tmp_path: Path, story_path: Path) -> None:
    (plain,) = api.judge(["smoke"], ledger=story_path, tasks=None, at="2026-06-22T09:00:30Z")
    path = written(tmp_path, *({"rule": rule} for rule in ("not-sent", STALE, "not-received", "not-accepted")))
    (found,) = api.judge(["smoke"], ledger=story_path, tasks=None, at="2026-06-22T09:00:30Z", waivers=path)
    assert found.next_change is not None  # when the first of the waivers ends
    assert msgspec.structs.replace(found, valid_until=None, next_change=None) == plain
    assert plain.allow is None


def test_a_task_is_the_same_by_its_name_and_by_its_id(tmp_path: Path, story_path: Path) -> None:
    with api.open_ledger(story_path).snapshot(0) as snapshot:
        identity = snapshot.task_id("checkout-refactor")
    assert identity != "checkout-refactor"
    for waived, asked in [
        (identity, "checkout-refactor"),
        ("checkout-refactor", identity),
        (["x", identity], identity),
    ]:
        path = written(tmp_path, {"task": waived})
        assert api.evaluate("smoke", ledger=story_path, task=asked, at=STORY[3], waivers=path).allow is True
    path = written(tmp_path, {"task": "another"})
    assert api.evaluate("smoke", ledger=story_path, task=identity, at=STORY[3], waivers=path).allow is False


def test_what_a_needed_policy_waives_is_told_where_it_is_needed(tmp_path: Path, story_path: Path) -> None:
    policy = tmp_path / "beside.yaml"
    policy.write_text(BESIDE, "utf-8")
    how: dict[str, Any] = {"ledger": story_path, "task": "checkout-refactor", "at": STORY[3]}
    assert api.evaluate(policy, **how).allow is False
    decision = api.evaluate(policy, **how, waivers=written(tmp_path, {}))
    assert (decision.allow, decision.waived) == (True, 1)
    (found,) = decision.findings
    assert found.rule == "interlock:waived-need"
    assert found.message == "`smoke` for checkout-refactor: worker heartbeat is not fresh after smoke start"
    assert found.waived == api.Waiver("its # clock stands", "2026-06-23T00:00:00Z", "ada")
    late = api.evaluate(policy, **how, waivers=written(tmp_path, {"expires": "2026-06-21"}))
    assert (late.allow, [found.rule for found in late.findings]) == (False, ["smoke", "interlock:waiver-expired"])


@pytest.mark.parametrize("form", FORMATS)
def test_warnings_fail_where_they_are_to(form: str, tmp_path: Path, interlock: Interlock, story_path: Path) -> None:
    policy = tmp_path / "quiet.yaml"
    policy.write_text(WARNING, "utf-8")
    asked = ("eval", str(policy), *STORY, str(story_path), "--format", form)
    assert interlock(*asked).code == interlock(*asked, "--fail-on", "block").code == 0
    ran = interlock(*asked, "--fail-on", "warn")
    assert ran.code == 3
    if form in ("junit", "tap"):
        assert not consumers.passes(form, ran.out)
    if form in ("text", "markdown"):
        assert "failed by --fail-on warn: 1 allowed with warnings" in ran.out
    waived = written(tmp_path, {"policy": "quiet", "rule": "silent"})
    ran = interlock(*asked, "--fail-on", "warn", "--waivers", waived)
    assert ran.code == 0
    assert consumers.passes(form, ran.out)


def test_a_warning_that_fails_weighs_more_than_an_undecided_decision() -> None:
    allowed = msgspec.structs.replace(ALLOWED, findings=(api.Finding("a", "warn", "old"),))
    assert exits.of_decisions([allowed, UNDECIDED]) == exits.UNDECIDED
    assert exits.of_decisions([allowed, UNDECIDED], "warn") == exits.DENIED
    assert exits.of_decisions([ALLOWED], "warn") == exits.ALLOWED


WRONG = """\
- {policy: smok, rule: not-sent, task: demo, reason: x, expires: 2026-07-31, by: ada}
- {policy: smoke, rule: not-snet, task: demo, reason: x, expires: 2026-07-32, by: ada}
- {policy: smoke, rule: not-sent, task: "*", expires: 2026-07-31, by: " "}
- {policy: smoke, rule: not-sent, task: [a, b, a], reason: x, expires: 2026-07-31, by: ada, til: ever}
- {policy: smoke, rule: not-sent, task: [a, b, a], reason: x, expires: tomorrow, by: ada}
"""


def test_all_that_is_wrong_with_waivers_is_told_at_once(interlock: Interlock, tmp_path: Path, story_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(WRONG, "utf-8")
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", str(path))
    heads = [line.removeprefix(f"{path}:") for line in ran.err.splitlines() if line.startswith(str(path))]
    assert (ran.code, ran.out) == (5, "")
    assert heads == [
        "1:12: error[E802]: unknown policy `smok`",
        "2:25: error[E803]: `smoke` has no rule `not-snet`",
        "2:67: error[E804]: `2026-07-32` is no day and no instant in UTC",
        "3:3: error[E801]: `[2].reason` is missing",
        "3:71: error[E801]: `[2].by` is ` `, no by",
        "4:93: error[E801]: unknown key `til`",
        "5:48: error[E806]: `not-sent` of `smoke` is waived for `a` already, in line 5",
        "5:72: error[E804]: `tomorrow` is no day and no instant in UTC",
    ]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 2, "error: cannot read the waivers `gone.yaml`: no such file or directory\n"),
        (b"", 5, "gone.yaml:1:1: error[E003]: the file holds no list of waivers\n"),
        (b"- \xff", 5, "gone.yaml:1:3: error[E002]: the file is not UTF-8 text"),
        (b"a: b", 5, "gone.yaml:1:1: error[E801]"),
        (b"[]", 3, ""),
    ],
)
def test_a_file_that_holds_no_waivers(
    content: bytes | None, code: int, told: str, interlock: Interlock, folder: Path, story_path: Path
) -> None:
    if content is not None:
        (folder / "gone.yaml").write_bytes(content)
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", "gone.yaml")
    assert ran.code == code
    assert ran.err.startswith(told)
    assert bool(ran.err) is bool(told)


def test_a_report_is_not_written_over_the_waivers(interlock: Interlock, tmp_path: Path, story_path: Path) -> None:
    path = written(tmp_path, {})
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", path, "--output", path)
    assert (ran.code, ran.err) == (2, f"error: cannot write `{path}`: it is read, and must not be overwritten\n")


def test_a_name_that_two_tasks_bear_is_a_waiver_for_neither() -> None:
    def identity(task: str) -> str:
        if task == "twice":
            raise api.UsageError("2 tasks are named so")
        return {"demo": "task-1"}.get(task, task)

    until = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert format_instant(until) == "2026-07-01T00:00:00Z"
    grant = Grant("smoke", STALE, "twice", "x", until, "ada")
    assert Waivers((grant,)).of("smoke", "task-1", identity) == ()
    assert Waivers((Grant("smoke", STALE, "demo", "x", until, "ada"),)).of("smoke", "task-1", identity) != ()
    assert Waivers((Grant("loop", STALE, "demo", "x", until, "ada"),)).of("smoke", "task-1", identity) == ()


def test_a_decision_holds_no_longer_than_what_it_rests_on_is_waived(tmp_path: Path, story_path: Path) -> None:
    path = written(tmp_path, {"rule": STALE, "expires": "2026-06-22T09:20:05Z"})
    asked: Any = {"ledger": story_path, "task": "checkout-refactor", "waivers": path}
    decision = api.evaluate("smoke", at="2026-06-22T09:20:00Z", **asked)
    assert (decision.allow, decision.valid_until) == (True, "2026-06-22T09:20:05Z")
    assert decision.next_change is not None
    assert decision.next_change.allow is False
    assert api.evaluate("smoke", at="2026-06-22T09:20:04.999999Z", **asked).allow is True
    assert api.evaluate("smoke", at="2026-06-22T09:20:05Z", **asked).allow is False
    assert api.evaluate("autonomy", at="2026-06-22T09:20:00Z", **asked).valid_until == "2026-06-22T09:20:05Z"


def test_a_decision_log_holds_no_waivers(tmp_path: Path, story_path: Path, interlock: Interlock) -> None:
    path = written(tmp_path, {"rule": STALE})
    at = ("--task", "checkout-refactor", "--at", "2026-06-22T09:20:00Z", "--ledger", str(story_path))
    ran = interlock("eval", "smoke", *at, "--waivers", str(path), "--decision-log", "gate.ndjson")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: a decision log holds no waivers; give one of `--decision-log` and `--waivers`\n"
