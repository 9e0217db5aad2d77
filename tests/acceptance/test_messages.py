"""What messages say, in every format: one line each, lists as JSON, durations for people; and what tests expect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.conftest import Interlock

POLICY = """\
policy: lines
version: 1
question: Is it so?
params:
  names: {type: list, default: [a, 'b "c"']}
  wait: {type: duration, default: 1d}
facts:
  seat: {from: seat, per: {role: [worker]}, take: latest}
rules:
  - id: late
    for: seat
    block: |

      first {seat.role}

      second {params.names} after {now - seat.heartbeat_at}
    fix: |
      one {params.names}
      two
    data: {age: now - seat.heartbeat_at, names: params.names}
  - {id: always, note: "a\\r\\nb {params.wait}"}
decide:
  - {state: blocked, when: blocked, allow: false}
  - {state: fine, allow: true}
outputs: {wait: params.wait, seen: 'seat["worker"].heartbeat_at', age: 'now - seat["worker"].heartbeat_at'}
"""
MESSAGE = 'first worker second ["a", "b \\"c\\""] after 9m17s'
TEST = """\
policy: lines
facts: [{seat: {role: worker, heartbeat_at: -9m17s123ms456us}}]
cases:
  - case: messages
    expect:
      allow: false
      outputs: {wait: %s, seen: %s, age: %s}
      findings:
        - {rule: late, message: 'first worker second ["a", "b \\"c\\""] after 9m17s'}
        - {rule: always, message: a b 1d}
"""


@pytest.fixture
def gate(folder: Path) -> Path:
    (folder / "lines.yaml").write_text(POLICY)
    (folder / "facts.ndjson").write_text(
        json.dumps({"kind": "task", "id": "t", "seq": 1, "task": "t", "at": "2026-01-01T00:00:00Z", "name": "t"})
        .replace('"name"', '"state": "managed", "name"') + "\n"
    )  # fmt: skip
    return folder


def cases_in(gate: Path, wait: str = "24h", seen: str = "-9m17s123ms456us", age: str = "9m17s123ms456us") -> str:
    (gate / "lines_test.yaml").write_text(TEST % (wait, seen, age))
    return "lines_test.yaml"


@pytest.mark.parametrize(
    ("wait", "seen", "age"),
    [
        ("24h", "-9m17s123ms456us", "9m17s123ms456us"),
        ("1d", "2025-12-31T23:50:42.876544Z", "557s123456us"),
        ("1440m", "2025-12-31T23:50:42.876544000Z", "557123456us"),
    ],
)
def test_expected_outputs_are_compared_as_values(
    gate: Path, interlock: Interlock, wait: str, seen: str, age: str
) -> None:
    ran = interlock("test", cases_in(gate, wait, seen, age), "--coverage")
    assert ran.out.startswith("passed  lines  1 case"), ran


@pytest.mark.parametrize(
    ("wait", "told"), [("soon", "is not a duration such as"), ("'60'", "is not a duration such as")]
)
def test_an_expected_output_that_no_value_can_be_is_an_error(
    gate: Path, interlock: Interlock, wait: str, told: str
) -> None:
    ran = interlock("test", cases_in(gate, wait))
    assert (ran.code, ran.err.count("error[E711]")) == (5, 1)
    assert told in ran.err


def test_another_value_is_a_difference(gate: Path, interlock: Interlock) -> None:
    ran = interlock("test", cases_in(gate, "23h"))
    assert ran.code == 3
    assert "outputs.wait  23h" in ran.out


def test_a_rule_without_a_condition_needs_no_case_in_which_it_does_not_fire(gate: Path, interlock: Interlock) -> None:
    (gate / "lines.yaml").write_text(POLICY.replace("when: blocked, allow: false", 'when: task == "x", allow: true'))
    path = gate / "lines_test.yaml"
    text = TEST % ("1d", "-9m17s123ms456us", "9m17s123ms456us")
    path.write_text(
        text.replace("allow: false", "state: fine") + "  - {case: other, task: x, expect: {state: blocked}}\n"
    )
    ran = interlock("test", "lines_test.yaml", "--coverage", "--min-coverage", "100")
    assert ran.code == 0, ran
    assert " 100 %  lines" in ran.out
    document = json.loads(interlock("test", "lines_test.yaml", "--format", "json").out)
    assert [each["conditional"] for each in document["coverage"]["rules"]] == [False, False]


@pytest.mark.parametrize("word", ["denied", "deny", "blocked", "fail"])
def test_a_word_for_a_denied_verdict_suggests_false(gate: Path, interlock: Interlock, word: str) -> None:
    (gate / "lines_test.yaml").write_text(f"policy: lines\ncases: [{{case: a, expect: {{allow: {word}}}}}]\n")
    ran = interlock("test", "lines_test.yaml")
    assert ran.code == 5
    assert "did you mean `false`?" in ran.err


@pytest.mark.parametrize("form", ["text", "json", "junit", "tap", "sarif", "markdown", "github"])
def test_a_message_is_one_line_in_every_format(gate: Path, interlock: Interlock, form: str) -> None:
    ran = interlock("eval", "./lines.yaml", "--ledger", "facts.ndjson", "--task", "t", "--format", form)
    said = ran.out.replace("&quot;", '"').replace('\\\\\\"', '"').replace('\\"', '"').replace("\\", "")
    assert 'first worker second ["a", "b "c""] after none' in said, said
    assert "a b 1d" in said
    if form == "json":
        (late, always) = json.loads(ran.out)["findings"]
        assert late["fix"] == 'one \'["a", "b \\"c\\""]\'\ntwo'
        assert always["message"] == "a b 1d"
