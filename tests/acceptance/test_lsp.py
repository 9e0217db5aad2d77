"""`interlock lsp`, used by the protocol's own client as an editor uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from interlock import codes
from interlock.cli import exit_codes
from interlock.resources import data_folder
from tests.acceptance import test_own_kinds as own_kinds
from tests.acceptance.conftest import Interlock
from tests.helpers.editor import Editor, editing

ROOT = Path(__file__).parents[2]
SMOKE = Path(data_folder("policies"), "smoke.yaml").read_text("utf-8")
GATE = """\
policy: gate
version: 1
question: Is it open?
params:
  limit: {type: duration, default: 1m, description: How long it may be silent}
facts:
  seat: {from: seat, per: role, take: latest, required: nobody is bound}
rules:
  - id: shut
    for: seat
    when: now - seat.heartbeat_at > params.limit
    block: "😀 {seat.role} is silent"
    fix: wake it
decide:
  - {state: shut, when: blocked, allow: false}
  - {state: open, allow: true}
"""
NEEDING = """\
policy: needing
version: 1
question: Is the gate open?
needs: {gate: {policy: gate}}
rules:
  - {id: closed, when: 'gate.state == "shut"', block: the gate is shut, fix: open it}
decide:
  - {state: closed, when: blocked, allow: false}
  - {state: open, allow: true}
"""
TEST = """\
policy: gate
cases:
  - case: silent
    facts: [seat: {role: worker, heartbeat_at: -2m}]
    expect: {allow: false, state: shut, findings: [shut]}
"""
WAIVERS = """\
- {policy: gate, rule: shut, task: t, reason: known, expires: 2026-06-22, by: ada}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Editor, Path]]:
    folder = tmp_path_factory.mktemp("project")
    with editing(folder) as editor:
        yield editor, folder


@pytest.fixture
def editor(served: tuple[Editor, Path]) -> Iterator[Editor]:
    editor, _ = served
    yield editor
    for uri in list(editor.texts):
        editor.close(Path(uri.removeprefix("file://")))
    assert editor.shown == []


@pytest.fixture
def project(served: tuple[Editor, Path], tmp_path: Path) -> Path:
    """A folder of its own in the project."""
    found = served[1] / tmp_path.name
    found.mkdir()
    return found


def flagged(found: list[types.Diagnostic]) -> list[tuple[str | int | None, str]]:
    return [(each.code, each.message.partition("\n")[0]) for each in found]


# -- what is flagged


def test_an_issue_has_its_range_code_severity_and_a_link_to_its_page(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    (found,) = editor.open(path, GATE.replace("seat.role is", "seat.role} is").replace("{seat.role}", "{seat.roll}"))
    assert editor.covered(path, found.range) == "roll"
    assert (found.code, found.source, found.severity) == ("E207", "interlock", types.DiagnosticSeverity.Error)
    assert found.message == "unknown field `roll` of `seat`\ndid you mean `role`?"
    assert found.code_description is not None
    page = Path(found.code_description.href.removeprefix("file://"))
    assert page.read_text("utf-8") == codes.page("E207")


def test_a_warning_is_one(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    (found,) = editor.open(path, GATE.replace("params:\n", "params:\n  more: {type: int, default: 1}\n"))
    assert (found.code, found.severity) == ("W101", types.DiagnosticSeverity.Warning)


def test_what_is_typed_is_judged_before_it_is_saved(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    assert editor.open(path, GATE) == []
    (unknown,) = flagged(editor.open(path, GATE.replace("for: seat", "for: seats")))
    assert unknown == ("E502", "unknown selection `seats`")
    assert flagged(editor.open(path, GATE.replace("when: blocked", 'when: "blocked')))[0][0] == "E002"
    assert editor.open(path, GATE) == []
    assert not path.exists()


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("encodings", [None, ["utf-16"], ["utf-8"], ["utf-32"]], ids=str)
def test_a_place_is_right_after_a_character_of_two_units(
    tmp_path: Path, encodings: list[str] | None, ends: str
) -> None:
    path = tmp_path / "gate.yaml"
    text = GATE.replace("😀 {seat.role}", "😀 ü {seat.roll}").replace("\n", ends)
    with editing(tmp_path, encodings=encodings) as own:
        assert own.encoding == (encodings or ["utf-16"])[0]
        (found,) = own.open(path, text)
        assert own.covered(path, found.range) == "roll"
        assert "role" in own.offered(path, text.replace("seat.roll", "seat.¦"))


def test_an_open_policy_that_is_needed_counts_unsaved(editor: Editor, project: Path) -> None:
    gate, needing = project / "gate.yaml", project / "needing.yaml"
    gate.write_text(GATE.replace("shut", "closed"), "utf-8")
    assert flagged(editor.open(needing, NEEDING)) == [("E411", "`shut` is not one of the allowed values")]
    editor.open(gate, GATE)
    assert editor.until(needing, lambda found: not found.diagnostics) == []
    editor.open(gate, GATE.replace("state: shut", "state: locked"))
    assert flagged(editor.until(needing, lambda found: found.diagnostics)) != []
    editor.close(gate)
    assert flagged(editor.until(needing, lambda found: found.diagnostics))[0][0] == "E411"


def test_a_needed_policy_counts_when_it_is_only_open(editor: Editor, project: Path) -> None:
    needing = project / "needing.yaml"
    assert flagged(editor.open(needing, NEEDING))[0][0] == "E601"
    editor.open(project / "gate.yaml", GATE)
    assert editor.until(needing, lambda found: not found.diagnostics) == []


def test_a_test_is_judged_against_the_policy_that_is_open(editor: Editor, project: Path) -> None:
    path = project / "gate_test.yaml"
    editor.open(project / "gate.yaml", GATE)
    assert editor.open(path, TEST) == []
    (found,) = editor.open(path, TEST.replace("[shut]", "[shutt]"))
    assert (found.code, editor.covered(path, found.range)) == ("E709", "shutt")
    editor.open(path, TEST)
    editor.open(project / "gate.yaml", GATE.replace("id: shut", "id: silent"))
    assert flagged(editor.until(path, lambda found: found.diagnostics))[0][0] == "E709"


def test_waivers_are_judged(editor: Editor, project: Path) -> None:
    path = project / "waivers.yaml"
    editor.open(project / "gate.yaml", GATE)
    (found,) = editor.open(path, WAIVERS)
    assert (found.code, found.severity) == ("W801", types.DiagnosticSeverity.Warning)
    (found,) = editor.open(path, WAIVERS.replace("shut", "shutt"))
    assert (found.code, editor.covered(path, found.range)) == ("E803", "shutt")
    (found,) = editor.open(path, WAIVERS.replace("policy: gate", "policy: gates"))
    assert (found.code, editor.covered(path, found.range)) == ("E802", "gates")


def test_the_configuration_is_judged_and_holds(editor: Editor, project: Path) -> None:
    config, needing = project / "interlock.toml", project / "needing.yaml"
    (found,) = editor.open(config, 'policy-dirs = ["gates"]\n')
    assert editor.covered(config, found.range) == "policy-dirs"
    assert flagged(editor.open(config, 'policy-dir = ["gates"]\n'))[0][1].startswith("cannot read the policies in")
    assert flagged(editor.open(needing, NEEDING))[0][0] == "E601"
    (project / "gates").mkdir()
    (project / "gates" / "gate.yaml").write_text(GATE, "utf-8")
    editor.save(config)
    assert editor.until(needing, lambda found: not found.diagnostics) == []
    assert editor.until(config, lambda found: not found.diagnostics) == []
    assert "gate" in editor.offered(needing, NEEDING.replace("policy: gate", "policy: ¦"))


def test_a_wrong_configuration_is_shown_in_what_it_is_for(editor: Editor, project: Path) -> None:
    (project / "interlock.toml").write_text('policy-dir = ["gone"]\n', "utf-8")
    ((_, message),) = flagged(editor.open(project / "gate.yaml", GATE))
    assert message.startswith("cannot read the policies in")
    assert "role" in editor.offered(project / "gate.yaml", GATE.replace("seat.role", "seat.¦"))


def test_a_folder_of_policies_is_given_by_a_flag(project: Path) -> None:
    (project / "gates").mkdir()
    (project / "gates" / "gate.yaml").write_text(GATE, "utf-8")
    with editing(project, "--policy-dir", "gates") as own:
        assert own.open(project / "needing.yaml", NEEDING) == []


def test_what_is_not_of_interlock_is_left_alone(editor: Editor, project: Path) -> None:
    assert editor.open(project / "compose.yaml", "services:\n  policy: {image: x, image: y}\n") == []
    assert editor.offered(project / "compose.yaml", "services:\n  ¦\n") == {}


# -- what is offered and said


def test_what_is_offered_can_be_written(editor: Editor, project: Path) -> None:
    path = project / "smoke.yaml"
    offered = editor.offered(path, SMOKE.replace("seat.thread_id == null", "seat.thr¦ == null"))
    item = offered["thread_id"]
    assert isinstance(item.text_edit, types.TextEdit)
    assert editor.edited(path, [item.text_edit]) == SMOKE
    assert (item.kind, item.detail) == (types.CompletionItemKind.Field, "string or null")
    assert isinstance(item.documentation, types.MarkupContent)
    assert "Codex app thread" in item.documentation.value


def test_a_text_that_is_not_yaml_loses_nothing_else(editor: Editor, project: Path) -> None:
    path = project / "smoke.yaml"
    broken = SMOKE.replace("{state: blocked, when: blocked", '{state: "blocked, when: blocked')
    assert "thread_id" in editor.offered(path, broken.replace("seat.thread_id ==", "seat.¦ =="))
    assert flagged(editor.open(path, broken.replace("seat.thread_id", "seat.thred_id")))[0][0] == "E002"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("seat.thread_id ==", "seat.thread¦_id ==", ["string or null", "Codex app thread", "latest of `seat`"]),
        ("for: seat\n    when", "for: se¦at\n    when", ["`seat`: the latest of `seat`"]),
        ("<= params.stale_after\n    block", "<= params.stale¦_after\n    block", ["duration", "greatest age"]),
        ("exists(p, p.role", "exists(p, ¦p.role", ["`p`: a fact of `proof`"]),
        ("take: latest", "ta¦ke: latest", ["All facts (the default)"]),
        ("from: app_smoke_receipt", "from: app_sm¦oke_receipt", ["A step of a smoke session"]),
        ("question: May", "que¦stion: May", ["yes/no question"]),
        ('block: "{seat.role} has no', 'block: "{seat.ro¦le} has no', ['"manager" | "worker"']),
        ("now - seat", "no¦w - seat", ["timestamp"]),
    ],
)
def test_what_is_said_of_a_word(editor: Editor, project: Path, before: str, after: str, said: list[str]) -> None:
    assert before in SMOKE
    found = editor.hover(project / "smoke.yaml", SMOKE.replace(before, after, 1))
    for each in said:
        assert each in found, found


def test_what_is_said_in_a_test(editor: Editor, project: Path) -> None:
    assert "The verdict" in editor.hover(project / "gate_test.yaml", TEST.replace("allow", "al¦low"))


# -- where a name is


def where(editor: Editor, path: Path, text: str) -> tuple[Path, str] | None:
    """The file to go to from the caret of a text, and the line there."""
    params = types.DefinitionParams(types.TextDocumentIdentifier(path.as_uri()), editor.caret(path, text))
    found = editor.run(editor.client.text_document_definition_async(params))
    if found is None:
        return None
    target = Path(found.uri.removeprefix("file://"))
    shown = editor.texts.get(found.uri) or target.read_text("utf-8")
    return target, shown.splitlines()[found.range.start.line].strip()


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("for: seat", "for: se¦at", "seat: {from: seat, per:"),
        ("{seat.role}", "{se¦at.role}", "seat: {from: seat, per:"),
        ("params.limit", "params.lim¦it", "limit: {type: duration"),
    ],
)
def test_a_name_leads_to_where_it_is_declared(
    editor: Editor, project: Path, before: str, after: str, line: str
) -> None:
    found = where(editor, project / "gate.yaml", GATE.replace(before, after, 1))
    assert found is not None
    assert found[0] == project / "gate.yaml"
    assert found[1].startswith(line)


@pytest.mark.parametrize(
    ("name", "text", "target", "line"),
    [
        ("needing.yaml", NEEDING.replace("policy: gate", "policy: ga¦te"), "gate.yaml", "policy: gate"),
        ("gate_test.yaml", TEST.replace("[shut]", "[sh¦ut]"), "gate.yaml", "- id: shut"),
        ("gate_test.yaml", TEST.replace("state: shut", "state: sh¦ut"), "gate.yaml", "- {state: shut"),
        ("gate_test.yaml", TEST.replace("policy: gate", "policy: g¦ate"), "gate.yaml", "policy: gate"),
        ("waivers.yaml", WAIVERS.replace("rule: shut", "rule: sh¦ut"), "gate.yaml", "- id: shut"),
    ],
)
def test_a_name_of_another_file_leads_there(
    editor: Editor, project: Path, name: str, text: str, target: str, line: str
) -> None:
    (project / "gate.yaml").write_text(GATE, "utf-8")
    found = where(editor, project / name, text)
    assert found is not None
    assert found[0] == project / target
    assert found[1].startswith(line)


def test_every_use_of_a_name_is_found(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    at = editor.caret(path, GATE.replace("for: seat", "for: se¦at"))
    for declared, count in ((True, 4), (False, 3)):
        context = types.ReferenceContext(include_declaration=declared)
        params = types.ReferenceParams(context, types.TextDocumentIdentifier(path.as_uri()), at)
        found = editor.run(editor.client.text_document_references_async(params))
        assert [editor.covered(path, each.range) for each in found] == ["seat"] * count


def renamed(editor: Editor, path: Path, text: str, name: str) -> str:
    """The text once what is at its caret is renamed."""
    params = types.RenameParams(types.TextDocumentIdentifier(path.as_uri()), editor.caret(path, text), name)
    found = editor.run(editor.client.text_document_rename_async(params))
    return editor.edited(path, found.changes[path.as_uri()])


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_selection_is_renamed_in_conditions_and_messages_too(editor: Editor, project: Path, ends: str) -> None:
    text = GATE.replace("for: seat", "for: se¦at").replace("\n", ends)
    expected = GATE.replace("  seat: {", "  chair: {").replace("for: seat", "for: chair").replace("seat.", "chair.")
    assert renamed(editor, project / "gate.yaml", text, "chair") == expected.replace("\n", ends)
    assert editor.open(project / "gate.yaml", expected) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two words", "is not a name"),
        ("now", "is a reserved word"),
        ("limit", "is already a name in this policy"),
        ("on", "is a boolean to some readers of YAML"),
    ],
)
def test_a_name_that_cannot_be_is_refused(editor: Editor, project: Path, name: str, reason: str) -> None:
    with pytest.raises(JsonRpcException, match=reason):
        renamed(editor, project / "gate.yaml", GATE.replace("for: seat", "for: se¦at"), name)


def test_the_name_to_rename_is_shown(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    for word, expected in (("for: se¦at", "seat"), ("id: sh¦ut", None)):
        text = GATE.replace(word.replace("¦", ""), word)
        params = types.PrepareRenameParams(types.TextDocumentIdentifier(path.as_uri()), editor.caret(path, text))
        found = editor.run(editor.client.text_document_prepare_rename_async(params))
        assert (found.placeholder if found is not None else None) == expected


# -- the rest


def test_the_parts_of_a_policy_are_listed(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    editor.open(path, GATE)
    params = types.DocumentSymbolParams(types.TextDocumentIdentifier(path.as_uri()))
    found = editor.run(editor.client.text_document_document_symbol_async(params))
    assert {part.name: [each.name for each in part.children] for part in found} == {
        "params": ["limit"],
        "facts": ["seat"],
        "rules": ["shut"],
        "decide": ["shut", "open"],
    }


def test_a_misspelt_word_is_put_right_by_a_quick_fix(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    (issue,) = editor.open(path, GATE.replace("{seat.role}", "{seat.roll}"))
    document = types.TextDocumentIdentifier(path.as_uri())
    params = types.CodeActionParams(document, issue.range, types.CodeActionContext([issue]))
    (found,) = editor.run(editor.client.text_document_code_action_async(params))
    assert (found.title, found.kind, found.diagnostics) == ("Write role", types.CodeActionKind.QuickFix, (issue,))
    assert editor.edited(path, found.edit.changes[path.as_uri()]) == GATE


def test_a_keystroke_is_answered_at_once(editor: Editor, project: Path) -> None:
    """A bound that no machine misses by chance: it is there to notice work that grows with the square of the text."""
    policies = [path for path in Path(data_folder("policies")).glob("*.yaml") if not path.name.endswith("_test.yaml")]
    largest = max(policies, key=lambda path: path.stat().st_size)
    path, text = project / largest.name, largest.read_text("utf-8")
    editor.open(path, text)
    begun = perf_counter()
    for count in range(10):
        editor.open(path, text + "\n" * count)
    assert (perf_counter() - begun) / 10 < 1


def test_a_broken_message_does_not_end_the_server(editor: Editor, project: Path) -> None:
    path = project / "gate.yaml"
    for text in ("", "policy:", "policy: gate\nfacts: [", "policy: &a *a", "policy: gate\n" + "[" * 5000, "policy: \0"):
        editor.open(path, text)
        for offset in {0, len(text) // 2, len(text)}:
            editor.offered(path, f"{text[:offset]}¦{text[offset:]}")
            editor.hover(path, f"{text[:offset]}¦{text[offset:]}")
    assert editor.open(path, GATE) == []


def test_without_the_extra_it_is_said_what_to_install(interlock: Interlock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] in ("pygls", "lsprotocol")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "interlock.lsp_server", raising=False)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    ran = interlock("lsp")
    assert ran.code == exit_codes.USAGE
    assert ran.err == "error: `interlock lsp` needs the package `lsprotocol`: pip install 'interlock[lsp]'\n"


def test_it_ends_with_its_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interlock", "lsp"]
    done = subprocess.run(command, cwd=tmp_path, input="", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_editors_of_the_readme_start_it() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (settings,) = (
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", readme, re.DOTALL) if "glspc" in block
    )
    started = [settings["glspc.server.command"], *settings["glspc.server.commandArguments"]]
    (lua,) = re.findall(r"```lua\n(.*?)```", readme, re.DOTALL)
    (command,) = re.findall(r"cmd = \{ (.*?) \}", lua)
    assert started == json.loads(f"[{command}]") == ["interlock", "lsp"]
    assert settings["glspc.server.languageId"] == json.loads(f"[{re.findall(r'filetypes = { (.*?) }', lua)[0]}]")


@pytest.mark.parametrize("column", ["ours", "beside", "next to", "file", "validator"])
def test_own_kinds_of_facts_are_known_as_those_that_ship(column: str, editor: Editor, project: Path) -> None:
    place = own_kinds.project(project, column)
    kind, folder = own_kinds.COLUMNS[column].kind, place / own_kinds.COLUMNS[column].policies
    policy, test = (own_kinds.POLICY.replace("KIND", kind), own_kinds.TEST.replace("KIND", kind))
    gate, cases = folder / "gate.yaml", folder / "gate_test.yaml"
    assert {each.severity for each in editor.open(gate, policy)} <= {types.DiagnosticSeverity.Warning}
    assert flagged(editor.open(gate, policy.replace("answer.status", "answer.statis")))[0][0] == "E207"
    offered = editor.offered(gate, policy.replace("answer.status ==", "answer.¦ =="))
    assert {"status", "notification_id", "payload_keys", "at"} <= offered.keys()
    assert kind in editor.offered(gate, policy.replace(f"from: {kind}\n    take", f"from: {kind[:5]}¦\n    take"))
    assert "What the role said of it." in editor.hover(gate, policy.replace("answer.status ==", "answer.sta¦tus =="))
    assert "A role acknowledged a notification." in editor.hover(
        gate, policy.replace(kind, f"{kind[:4]}¦{kind[4:]}", 1)
    )
    found = where(editor, gate, policy.replace(kind, f"{kind[:4]}¦{kind[4:]}", 1))
    assert found is not None
    assert found[0].name == f"{kind}.schema.json"
    assert editor.open(cases, test) == []
    assert "status" in editor.offered(cases, test.replace("role: worker, status: accepted", "role: worker, sta¦"))
    assert kind in editor.offered(cases, test.replace(f"  - {kind}: {{", f"  - {kind[:6]}¦: {{"))
    told = test.replace("status: accepted}\ncases", "sta¦tus: accepted}\ncases")
    assert "What the role said of it." in editor.hover(cases, told)
