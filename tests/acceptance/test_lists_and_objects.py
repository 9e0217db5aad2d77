"""Lists and objects of facts: what conditions ask of them, and that what is printed is what the ledger has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock import api
from interlock.diagnostics import PolicyError
from interlock.reporting.facts import as_lines, as_table
from tests.helpers.engine import BOTH, RETE
from tests.helpers.ledgers import LedgerBuilder

NOW = "2026-06-11T12:10:00Z"
PAYLOAD = {"summary": "done", "blockers": [], "é\u2028": {"a": [1, None, True], "b": 'q"uote'}}
PROOF = {"smoke_id": "s", "nonce": "n", "role": "worker", "status": "accepted"}
ASKING = """\
policy: mine
version: 1
question: Is it so?
params: {names: {type: list, default: [a, "b, c"]}}
facts:
  proof: {from: app_smoke_receipt_recorded, where: has(proof.payload), take: latest}
rules:
  - {id: list, when: proof.payload_keys != null, note: 'keys {has(proof.payload_keys)}', data: {had: has(proof.id)}}
  - {id: object, unless: proof.payload == null, note: 'of {params.names}', fix: 'see {params.names}'}
  - {id: exists, when: 'proof.correlation == null', block: no correlation}
decide:
  - {state: bad, when: blocked, allow: false}
  - {state: good, allow: true}
outputs: {names: params.names, there: proof.payload != null}
"""


def asked(folder: Path, text: str = ASKING, **attributes: Any) -> dict[str, Any]:
    """A question about a receipt with these attributes."""
    builder = LedgerBuilder(folder / "ledger.db").task("demo").bind()
    builder.receipt("app_smoke_receipt_recorded", at=NOW, actor="worker", attributes=PROOF | attributes)
    (folder / "mine.yaml").write_text(text, "utf-8")
    return {"policy": folder / "mine.yaml", "ledger": interlock.open_ledger(builder.write()), "task": "demo", "at": NOW}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_a_condition_asks_whether_they_are_there(tmp_path: Path, engine: Any) -> None:
    decision = interlock.evaluate(**asked(tmp_path, payload=PAYLOAD, payload_keys=["summary"]), engine=engine)
    assert [each.message for each in decision.findings] == ["keys true", 'of ["a", "b, c"]']
    assert (decision.findings[0].data, decision.findings[1].fix) == ({"had": True}, 'see \'["a", "b, c"]\'')
    assert decision.outputs == {"names": ("a", "b, c"), "there": True}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_one_that_is_missing_is_null(tmp_path: Path, engine: Any) -> None:
    decision = interlock.evaluate(**asked(tmp_path, payload={}), engine=engine)
    assert [each.rule for each in decision.findings] == ["object"]


def test_they_are_shown_as_the_ledger_has_them(tmp_path: Path) -> None:
    question = asked(tmp_path, payload=PAYLOAD, payload_keys=["summary", "x"])
    seen, _ = api.facts(**question)
    fields = seen[0].facts[0].fields
    assert (fields["payload"], fields["payload_keys"]) == (PAYLOAD, ["summary", "x"])
    assert json.loads(as_lines(seen))["fields"]["payload"] == PAYLOAD
    assert '["summary","x"]' in as_table(seen)
    explanation = interlock.explain(**question)
    reads = {read.name: read.value for rule in explanation.rules for case in rule.cases for read in case.part.reads}
    assert reads["proof.payload_keys"] == '["summary", "x"]'


@pytest.mark.parametrize(
    "told",
    [
        "note: '{proof.payload}'",
        "derive: {kept: {a: proof.payload_keys}}",
        "derive: {kept: {a: params.names}}",
        "note: '{proof == null ? proof.payload : proof.payload}'",
    ],
)
def test_what_is_told_cannot_be_one(tmp_path: Path, told: str) -> None:
    text = ASKING.replace("rules:\n", f"rules:\n  - {{id: noted, {told}}}\n")
    with pytest.raises(PolicyError) as refused:
        interlock.evaluate(**asked(tmp_path, text))
    assert {issue.code for issue in refused.value.issues} <= {"E418", "E511"}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_a_list_is_a_value(tmp_path: Path, engine: Any) -> None:
    rules = """\
rules:
  - id: all
    for: proof
    when: proof.payload_keys.all(k, k.size() > 1)
    note: keys {proof.payload_keys}
    data: {k: proof.payload_keys}
  - id: some
    for: proof
    when: '"summary" in proof.payload_keys && proof.payload_keys[0] in params.names + ["summary"]'
    note: x
  - {id: none, for: proof, when: 'proof.payload_keys.exists(k, k == "x" || k.startsWith("y"))', note: x}
  - {id: key, for: proof, when: '"summary" in proof.payload && !("blockers" in proof.correlation)', note: x}
"""
    text = ASKING.replace("rules:\n", rules).replace("take: latest", "take: all")
    text = text.replace('"blockers" in proof.correlation', '"nonce" in proof.correlation')
    text = text.replace("  - {id: list, when: proof", "  - {id: list, for: proof, when: proof").replace(
        "  - {id: object, unless", "  - {id: object, for: proof, unless"
    )
    text = text.replace(
        "  - {id: exists, when: 'proof.correlation == null'", "  - {id: exists, for: proof, when: 'false'"
    )
    text = text.replace("there: proof.payload != null", "there: proof.size()")
    question = asked(tmp_path, text, payload=PAYLOAD, payload_keys=["summary", "later"])
    decision = interlock.evaluate(**question, engine=engine)
    assert [each.rule for each in decision.findings] == ["all", "some", "key", "list", "object"]
    assert decision.findings[0].message == 'keys ["summary", "later"]'
    assert decision.findings[0].data == {"k": ("summary", "later")}


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_a_list_that_is_missing_meets_no_test(tmp_path: Path, engine: Any) -> None:
    """Of a list that is not there `all` does not hold either: nothing proves nothing."""
    rules = "rules:\n  - {id: all, unless: 'proof.payload_keys.all(k, true)', note: x}\n"
    rules += "  - {id: in, unless: '\"a\" in proof.payload_keys', note: x}\n"
    decision = interlock.evaluate(**asked(tmp_path, ASKING.replace("rules:\n", rules), payload={}), engine=engine)
    assert [each.rule for each in decision.findings] == ["all", "in", "object"]


@pytest.mark.parametrize("engine", ["reference", RETE, BOTH])
def test_a_list_that_another_policy_puts_out_is_a_value(tmp_path: Path, engine: Any) -> None:
    peer = "policy: peer\nversion: 1\nquestion: Is it?\nparams: {names: {type: list, default: [a]}}\n"
    peer += "decide: [{state: good, allow: true}]\noutputs: {names: params.names}\n"
    (tmp_path / "peer.yaml").write_text(peer)
    text = "policy: mine\nversion: 1\nquestion: Is it?\nneeds: {peer: {policy: peer}}\nrules:\n"
    text += "  - {id: there, when: peer.names != null, note: there}\ndecide: [{state: good, allow: true}]\n"
    question = asked(tmp_path, text)
    assert [each.message for each in interlock.evaluate(**question, engine=engine).findings] == ["there"]
    assert api.facts(**question)[0][0].facts[0].fields["names"] == ["a"]
    (tmp_path / "mine.yaml").write_text(text.replace("note: there", "note: '{peer.names}'"))
    assert [each.message for each in interlock.evaluate(**question, engine=engine).findings] == ['["a"]']
