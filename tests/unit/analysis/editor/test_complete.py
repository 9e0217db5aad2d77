"""What is offered at the caret: cases of `completions.yaml`, in a text that ends lines with LF or with CR and LF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from interlock.analysis.editor.item import Item
from interlock.analysis.editor.workshop import Workshop
from interlock.resources import data_folder

CARET = "¦"
SMOKE = Path(data_folder("policies"), "smoke.yaml")
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("completions.yaml").read_text("utf-8"))
TESTS = """
- {at: "policy: ¦", offers: [smoke, loop]}
- {at: "policy: smoke\\n¦", offers: [now, task, params, facts, cases]}
- {at: "policy: smoke\\nparams: {¦}", only: [smoke_id, stale_after]}
- {at: "policy: smoke\\nfacts:\\n  - ¦", offers: [seat, app_smoke_started]}
- {at: "policy: smoke\\nfacts:\\n  - seat: {¦}", offers: [role, thread_id]}
- {at: "policy: smoke\\nfacts:\\n  - seat: {role: ¦}", only: [manager, worker]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {state: ¦}", offers: [blocked, proved]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {allow: ¦}", offers: ["true", "false", undecided]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {findings: [¦]}", offers: [not-sent, no-thread]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {findings: [{rule: ¦}]}", offers: [not-sent]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {outputs: {¦}}", only: [mode, smoke_id, manager, worker]}
- {at: "policy: smoke\\ncases:\\n  - case: x\\n    expect: {¦", offers: [allow, state, findings]}
- {at: "policy: gone\\ncases:\\n  - case: x\\n    expect: {state: ¦}", only: []}
"""
WAIVERS = """
- {at: "- policy: ¦\\n  rule: x", offers: [smoke, loop]}
- {at: "- policy: smoke\\n  rule: ¦", offers: [not-sent, no-thread]}
- {at: "- policy: smoke\\n  rule: not-sent\\n  ¦", offers: [task, expires, by, reason, digest]}
"""


def offered(name: str, text: str) -> tuple[list[Item], str, int]:
    """What is offered at the caret of a text, the text without it, and where it was."""
    at = text.index(CARET)
    text = text.replace(CARET, "", 1)
    path = str(SMOKE.with_name(name))
    workshop = Workshop()
    workshop.put(path, text)
    return workshop.completions(path, at), text, at


def check(case: dict[str, Any], found: list[Item]) -> None:
    labels = [item.label for item in found]
    assert len(set(labels)) == len(labels)
    if "only" in case:
        assert sorted(labels) == sorted(case["only"])
    assert set(case.get("offers", ())) <= set(labels), labels
    assert not set(case.get("never", ())) & set(labels), labels


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_in_a_policy(case: dict[str, Any], ends: str) -> None:
    whole, before = SMOKE.read_text("utf-8"), case.get("before", "  - id: not-received\n")
    assert whole.count(before) == 1
    start = whole.index(before)
    text = (whole[:start] + case["text"] + whole[start:]).replace("\n", ends)
    found, text, at = offered("smoke.yaml", text)
    check(case, found)
    if "writes" in case:
        (item,) = (item for item in found if item.label == case["offers"][0])
        written = (text[: at - item.length] + item.text + text[at:]).replace("\r\n", "\n")
        assert written[start:].startswith(case["writes"])


@pytest.mark.parametrize("case", yaml.safe_load(TESTS), ids=lambda case: case["at"])
def test_in_a_test(case: dict[str, Any]) -> None:
    check(case, offered("smoke_test.yaml", case["at"])[0])


@pytest.mark.parametrize("case", yaml.safe_load(WAIVERS), ids=lambda case: case["at"])
def test_in_waivers(case: dict[str, Any]) -> None:
    check(case, offered("waivers.yaml", case["at"])[0])


def test_a_field_comes_with_its_type_and_what_its_schema_says() -> None:
    text = SMOKE.read_text("utf-8").replace("seat.thread_id == null", f"seat.{CARET}")
    (item,) = (item for item in offered("smoke.yaml", text)[0] if item.label == "role")
    assert item.detail == '"manager" | "worker"'
    assert "The seat's role." in item.about


def test_fields_of_the_kind_come_before_those_of_every_fact() -> None:
    text = SMOKE.read_text("utf-8").replace("seat.thread_id == null", f"seat.{CARET}")
    ranks = {item.label: item.rank for item in offered("smoke.yaml", text)[0]}
    assert ranks["role"] < ranks["seq"]


def test_what_a_broken_selection_gave_is_offered_until_it_is_whole_again() -> None:
    path, text = str(SMOKE), SMOKE.read_text("utf-8")
    workshop = Workshop()
    workshop.put(path, text)
    workshop.draft(path)
    broken = text.replace("from: app_smoke_receipt_recorded", "from: app_smo")
    workshop.put(path, broken.replace("verdict[seat.role].status ==", "proof.exists(p, p.", 1))
    found = workshop.completions(path, broken.index("verdict[seat.role].status ==") + len("proof.exists(p, p."))
    assert "nonce" in {item.label for item in found}


@pytest.mark.parametrize("written", ["plan.actions.exists(a, a.¦", "plan.actions[0].¦", "plan.actions[?0].?¦"])
def test_objects_in_a_list_have_the_fields_of_their_schema(written: str) -> None:
    text = SMOKE.read_text("utf-8").replace(
        "facts:\n", "facts:\n  plan: {from: app_wakeup_dispatch_planned, take: latest}\n"
    )
    found, _, _ = offered("smoke.yaml", text.replace("seat.thread_id == null", written, 1))
    assert {"role", "thread_id"} <= {item.label for item in found}
