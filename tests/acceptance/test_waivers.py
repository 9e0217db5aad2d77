"""Findings that are waived do not count, are reported wherever a decision is reported, and count again once they
expire."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

import interlock as api
from interlock.cli import exit_codes, main
from interlock.evaluation.waivers import Waiver, Waivers
from interlock.instant import format_instant
from interlock.policy.library import Library
from interlock.policy.parse import parse_valid
from interlock.policy.waivers import rule_digests
from interlock.reporting import FORMATS
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
  - {id: noted, for: seat, when: seat.role == "worker", note: "{seat.role} is there", fix: wake it}
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


def digests(policy: str, *folders: Path) -> dict[str, str]:
    """The digests of a policy's rules, by id, and that of the policy under its own."""
    library = Library(folders)
    loaded = library.load(policy)
    return rule_digests(parse_valid(loaded.source)) | {policy: loaded.policy.digest}


def written(folder: Path, *waivers: dict[str, Any], pinned: bool = True) -> str:
    """A file of waivers; what one does not say is said for it."""
    usual = {"policy": "smoke", "rule": STALE, "task": "checkout-refactor", "reason": "its # clock stands"}
    full = [{**usual, "expires": "2026-06-22", "by": "ada", **waiver} for waiver in waivers]
    for waiver in full if pinned else ():
        waiver.setdefault("digest", digests(waiver["policy"], folder)[waiver["rule"]])
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
            assert ran.out.startswith(
                "allowed    smoke  task checkout-refactor at 2026-06-22T09:20:00Z: proved (waived: 1)\n"
            )
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
    validity = {"valid_until": None, "next_change": None}
    assert msgspec.structs.replace(found, **validity) == msgspec.structs.replace(plain, **validity)
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
    assert found.waived == api.WaiverNote("its # clock stands", "2026-06-23T00:00:00Z", "ada")
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
    assert exit_codes.of_decisions([allowed, UNDECIDED]) == exit_codes.UNDECIDED
    assert exit_codes.of_decisions([allowed, UNDECIDED], "warn") == exit_codes.DENIED
    assert exit_codes.of_decisions([ALLOWED], "warn") == exit_codes.ALLOWED


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
        "2:67: error[E804]: `2026-07-32` is neither a day nor an instant",
        "3:3: error[E801]: `[2].reason` is missing",
        "3:71: error[E801]: `[2].by` is ` `, not a valid by",
        "4:93: error[E801]: unknown key `til`",
        "5:48: error[E806]: `not-sent` of `smoke` is already waived for `a` on line 5",
        "5:72: error[E804]: `tomorrow` is neither a day nor an instant",
    ]


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 2, "error: cannot read the waivers `gone.yaml`: no such file or directory\n"),
        (b"", 3, ""),
        (b"# none yet\n", 3, ""),
        (b" " * ((1 << 20) + 1), 5, "gone.yaml:1:1: error[E001]: the file has 1,048,577 bytes; a list of waivers has"),
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
    grant = Waiver("smoke", STALE, "twice", "x", until, "ada")
    assert Waivers((grant,)).of("smoke", "task-1", identity) == ()
    assert Waivers((Waiver("smoke", STALE, "demo", "x", until, "ada"),)).of("smoke", "task-1", identity) != ()
    assert Waivers((Waiver("loop", STALE, "demo", "x", until, "ada"),)).of("smoke", "task-1", identity) == ()


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


@pytest.fixture
def logged(tmp_path: Path, story_path: Path) -> str:
    """The waivers of a decision that is in the log `gate.ndjson`, which they allow."""
    path = written(tmp_path, {"rule": STALE})
    with pytest.raises(SystemExit) as exited:
        main.main(["eval", "smoke", *STORY, str(story_path), "--waivers", path, "--decision-log", "gate.ndjson"])
    assert exited.value.code == 0
    return path


def verified(interlock: Interlock, *more: str) -> tuple[int, dict[str, Any]]:
    ran = interlock("verify-decision", "gate.ndjson", "--format", "json", *more)
    (found,) = map(json.loads, ran.out.splitlines())
    return ran.code, found


@pytest.mark.usefixtures("folder")
def test_a_logged_decision_is_verified_with_the_waivers_that_it_was_judged_with(
    logged: str, interlock: Interlock
) -> None:
    record = json.loads(Path("gate.ndjson").read_text("utf-8"))
    assert record["asked"]["waivers"] == logged
    assert record["asked"]["waivers_digest"].removeprefix("sha256:") == sha256(Path(logged).read_bytes()).hexdigest()
    code, found = verified(interlock)
    assert (code, found["outcome"]) == (0, "same")
    assert found["notes"] == [f"judged with the waivers `{logged}`, which only the log names"]
    code, found = verified(interlock, "--waivers", logged)
    assert (code, found["outcome"], found["notes"]) == (0, "same", [])


@pytest.mark.usefixtures("folder")
def test_under_a_lock_the_log_alone_does_not_name_the_waivers(logged: str, interlock: Interlock) -> None:
    with pytest.raises(SystemExit):
        main.main(["lock", "smoke", "--lock", "gate.lock"])
    code, found = verified(interlock, "--lock", "gate.lock")
    assert (code, found["outcome"]) == (4, "unjudged")
    assert found["why"] == f"it was judged with the waivers `{logged}`; under a lock, name them with `--waivers`"
    assert verified(interlock, "--lock", "gate.lock", "--waivers", logged)[0] == 0


@pytest.mark.usefixtures("folder")
def test_a_logged_decision_is_not_verified_with_other_waivers(logged: str, interlock: Interlock) -> None:
    Path(logged).write_text(Path(logged).read_text("utf-8") + "# other\n", "utf-8")
    code, found = verified(interlock)
    assert (code, found["outcome"]) == (4, "unjudged")
    assert found["why"] == f"the waivers `{logged}` are not those that it was judged with"
    Path(logged).unlink()
    code, found = verified(interlock)
    assert (code, found["why"]) == (4, f"the waivers `{logged}` are not there; name the file with `--waivers`")


@pytest.mark.parametrize("form", FORMATS)
def test_a_waiver_without_a_digest_warns_in_every_format_and_says_what_to_add(
    form: str, tmp_path: Path, interlock: Interlock, story_path: Path
) -> None:
    path = written(tmp_path, {}, pinned=False)
    asked = ("eval", "smoke", *STORY, str(story_path), "--waivers", path, "--format", form)
    ran = interlock(*asked)
    add = f"add `digest: {digests('smoke')[STALE]}`"
    assert ran.code == 0
    assert "names no digest" in ran.out
    assert digests("smoke")[STALE] in ran.out
    assert f"warning[W801]: the waiver of `{STALE}` names no digest" in ran.err
    assert ran.err.endswith(f"   = {add}\n")
    assert interlock(*asked, "--fail-on", "warn").code == 3
    assert interlock(*asked, "--quiet").err == ""


@pytest.mark.parametrize("form", FORMATS)
def test_a_waiver_for_another_rule_does_not_apply_and_says_so_in_every_format(
    form: str, tmp_path: Path, interlock: Interlock, story_path: Path
) -> None:
    path = written(tmp_path, {"digest": digests("smoke")["not-sent"]})
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", path, "--format", form)
    assert (ran.code, ran.err) == (3, "")
    assert not consumers.passes(form, ran.out)
    assert "does not apply" in ran.out
    assert digests("smoke")[STALE] in ran.out


def test_a_waiver_for_a_task_that_is_not_there_is_a_warning(
    tmp_path: Path, interlock: Interlock, story_path: Path
) -> None:
    path = written(tmp_path, {"task": ["chekout-refactor", "checkout-refactor"]})
    ran = interlock("eval", "smoke", *STORY, str(story_path), "--waivers", path)
    assert ran.code == 0
    assert ran.err.startswith(f"warning: {path}:2:")
    assert "`heartbeat-not-fresh` applies to nothing: unknown task `chekout-refactor`; did you mean" in ran.err
    assert ran.err.count("\n") == 1
    assert "applies to nothing: unknown task `chekout-refactor`" in ran.out
    for command in ("explain", "unblock"):
        ran = interlock(command, "smoke", *STORY, str(story_path), "--waivers", path)
        assert "applies to nothing" in ran.err
    asked: Any = {"ledger": story_path, "task": "checkout-refactor", "at": STORY[3], "waivers": path}
    for policy, count in (("smoke", 1), ("autonomy", 1), ("loop", 0)):
        found = [each.severity for each in api.evaluate(policy, **asked).findings if "unknown-task" in each.rule]
        assert found == ["note"] * count


@pytest.mark.parametrize("reason", ["-", "...", "12345", "—"])
def test_a_reason_says_something(reason: str, tmp_path: Path, story_path: Path) -> None:
    path = written(tmp_path, {"reason": reason})
    with pytest.raises(api.PolicyError, match=r"E808.*has no letter"):
        api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=STORY[3], waivers=path)
    path = written(tmp_path, {"reason": "часы стоят"})
    assert api.evaluate("smoke", ledger=story_path, task="checkout-refactor", at=STORY[3], waivers=path).allow


@pytest.mark.parametrize(("days", "refused"), [(365, False), (368, True)])
def test_a_waiver_ends_within_a_year(days: int, refused: bool, tmp_path: Path, story_path: Path) -> None:
    path = written(tmp_path, {"expires": f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"})
    asked: Any = {"ledger": story_path, "task": "checkout-refactor", "at": STORY[3], "waivers": path}
    if refused:
        with pytest.raises(api.PolicyError, match=r"E807.*is more than a year away"):
            api.evaluate("smoke", **asked)
    else:
        assert api.evaluate("smoke", **asked).allow
    assert api.evaluate("smoke", **asked, allow_long_waivers=True).allow


def test_a_long_waiver_is_recorded_and_judged_again(tmp_path: Path, folder: Path, story_path: Path) -> None:
    def run(*args: str) -> int:
        with pytest.raises(SystemExit) as exited:
            main.main(args)
        return int(exited.value.code or 0)

    path = written(tmp_path, {"expires": "2150-01-01", "task": ["checkout-refactor", "gone"]})
    asked = ("eval", "smoke", *STORY, str(story_path), "--waivers", path, "--decision-log", "long.ndjson")
    assert run(*asked) == 5
    assert run(*asked, "--allow-long-waivers") == 0
    assert run("verify-decision", "long.ndjson") == 0


GATE = """
policy: gate  # {comment}
version: 1
question: Is it so?
facts:
  seat: {{from: seat, per: role, take: latest, where: {where}}}
rules:
  - {{id: {first}, for: seat, when: {condition}, block: the worker is there, fix: end it}}
  - {{id: {second}, for: seat, when: seat.role == "manager", block: {text}, fix: end it}}
decide:
  - {{state: blocked, when: blocked, allow: false}}
  - {{state: fine, allow: true}}
"""
AS_REVIEWED = {
    "comment": "reviewed",
    "where": 'seat.role == "worker"',
    "first": "there",
    "condition": 'seat.role == "worker"',
    "second": "other",
    "text": "the manager is there",
}


@pytest.mark.parametrize(
    ("change", "by_rule", "by_policy"),
    [
        ({}, True, True),
        ({"comment": "reviewed again"}, True, False),
        ({"text": "the manager is there too"}, True, False),
        ({"condition": 'seat.role != "manager"'}, False, False),
        ({"where": 'seat.role != "manager"'}, False, False),
        ({"first": "unheard-of", "second": "there", "where": "true"}, False, False),
    ],
)
def test_a_rule_that_is_rewritten_or_takes_the_name_of_another_inherits_no_waiver(
    change: dict[str, str], by_rule: bool, by_policy: bool, tmp_path: Path, story_path: Path
) -> None:
    gate = tmp_path / "gate.yaml"
    gate.write_text(GATE.format(**AS_REVIEWED), "utf-8")
    named = digests("gate", tmp_path)
    gate.write_text(GATE.format(**AS_REVIEWED | change), "utf-8")
    asked: Any = {"ledger": story_path, "task": "checkout-refactor", "at": STORY[3]}
    for digest, applies in ((named["there"], by_rule), (named["gate"], by_policy)):
        path = written(tmp_path, {"policy": "gate", "rule": "there", "digest": digest})
        decision = api.evaluate(gate, **asked, waivers=path)
        void = [each.hint for each in decision.findings if each.rule == "interlock:waiver-void"]
        assert (decision.allow, decision.waived) == ((True, 1) if applies else (False, 0))
        now = f"review the rule, then write `digest: {digests('gate', tmp_path)['there']}`"
        assert void == ([] if applies else [now])


def test_show_prints_the_digests_that_waivers_name(interlock: Interlock) -> None:
    ran = interlock("show", "smoke", "--digests")
    known = digests("smoke")
    listed = [line.split("  ") for line in ran.out.splitlines()]
    assert (ran.code, listed[0]) == (0, [known["smoke"], "smoke"])
    assert [known[STALE], STALE] in listed
    assert interlock("show", "smoke", "--digests", "--graph").code == 2


def test_a_warning_about_a_needed_policys_waiver_is_passed_on(tmp_path: Path, story_path: Path) -> None:
    policy = tmp_path / "beside.yaml"
    policy.write_text(BESIDE, "utf-8")
    asked: Any = {"ledger": story_path, "task": "checkout-refactor", "at": STORY[3]}
    decision = api.evaluate(policy, **asked, waivers=written(tmp_path, {}, pinned=False))
    assert [each.rule for each in decision.findings] == ["interlock:waived-need", "interlock:waiver-unpinned"]
    another = written(tmp_path, {"digest": digests("smoke")["not-sent"]})
    assert "interlock:waiver-void" in [each.rule for each in api.evaluate(policy, **asked, waivers=another).findings]
