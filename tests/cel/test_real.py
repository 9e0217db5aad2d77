"""Conditions as they are written for Kubernetes, Kyverno, Cerbos and Gatekeeper: a policy takes them as they are.

Each is judged over every scene of those that it is `over`, by both evaluators, and CEL's C++ implementation must say
the same wherever it has no error. `holds` and `fails` name scenes in which it is true and false. A condition that is
`refused` is so by that code, with a hint. `cel` is what CEL's extensions would make of it, where that is not installed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
import yaml

import interlock as api
from interlock.cli import main

HERE: Final = Path(__file__).parent / "real"
SCHEMAS: Final = HERE / "schemas"
NOW: Final = "2026-01-01T00:00:00Z"
LEAST: Final = 85
"""So many of a hundred at least are taken as they are written."""


class Scenes(NamedTuple):
    """What conditions are over: the kinds of their roots, parameters, variables, and the facts of each scene."""

    kinds: dict[str, str]
    params: dict[str, Any]
    variables: dict[str, str]
    scenes: dict[str, dict[str, Any]]


class Condition(NamedTuple):
    """One condition, and what is expected of it."""

    text: str
    over: Scenes
    variables: dict[str, str]
    written: dict[str, Any]


@cache
def _scenes(name: str) -> Scenes:
    found = yaml.safe_load((HERE / "scenes" / f"{name}.yaml").read_text("utf-8"))
    return Scenes(found["kinds"], found.get("params", {}), found.get("variables", {}), found["scenes"])


def _conditions() -> Iterator[Condition]:
    for file in sorted((HERE / "conditions").glob("*.yaml")):
        for each in yaml.safe_load(file.read_text("utf-8")):
            over = _scenes(each["over"])
            yield Condition(each["condition"], over, {**over.variables, **each.get("variables", {})}, each)


ALL: Final = list(_conditions())
TAKEN: Final = [each for each in ALL if "refused" not in each.written]
REFUSED: Final = [each for each in ALL if "refused" in each.written]


def _policy(of: Condition, narrowed: str = "") -> str:
    """A policy with a rule of that condition, or with a selection that it narrows."""
    document: dict[str, Any] = {"policy": "real", "version": 1, "question": "Is it as it must be?"}
    document["params"] = of.over.params
    document["facts"] = {
        name: {"from": kind, "take": "earliest" if name.startswith("old") else "latest"}
        for name, kind in of.over.kinds.items()
    }
    document["variables"] = of.variables
    when = of.text
    if narrowed:  # what the candidate is compared with comes before it
        when = f"{narrowed} != null"
        newer = "<" if narrowed.startswith("old") else ">"
        where = f'{narrowed}.at {newer} timestamp("2025-12-31T23:30:00Z") && ({of.text})'
        document["facts"][narrowed] = {**document["facts"].pop(narrowed), "where": where}
    document["rules"] = [{"id": "holds", "when": when, "block": "it holds"}]
    document["decide"] = [{"state": "yes", "when": "blocked", "allow": False}, {"state": "no", "allow": True}]
    return yaml.safe_dump({key: value for key, value in document.items() if value}, sort_keys=False, width=10_000)


def _ledger(of: Condition, scene: Mapping[str, Any]) -> str:
    """The facts of a scene as a feed."""
    lines = []
    for seq, (name, kind) in enumerate(of.over.kinds.items(), start=1):
        at = f"2025-12-31T23:{0 if name.startswith('old') else 59:02}:00.000Z"
        fact = {"kind": kind, "id": f"{kind}-{seq}", "seq": seq, "task": "demo", "at": at, **scene.get(name, {})}
        lines += [msgspec.json.encode(fact).decode()] if name in scene else []
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scene.ndjson").touch()
    return tmp_path


@pytest.mark.parametrize("of", TAKEN, ids=[each.text[:60] for each in TAKEN])
def test_a_condition_as_it_is_written(of: Condition, folder: Path) -> None:
    (folder / "real.yaml").write_text(_policy(of), "utf-8")
    came = {name: _judged(of, scene, folder) for name, scene in of.over.scenes.items()}
    assert {name: came[name] for name in of.written["holds"]} == dict.fromkeys(of.written["holds"], True)
    assert {name: came[name] for name in of.written["fails"]} == dict.fromkeys(of.written["fails"], False)


@pytest.mark.parametrize("of", TAKEN, ids=[each.text[:60] for each in TAKEN])
def test_it_narrows_a_selection(of: Condition, folder: Path) -> None:
    """As a `where` it is evaluated on the rows of the ledger."""
    named = [name for name in of.over.kinds if re.search(rf"\b{name}\b", _inlined(of.text, of.variables))]
    if not named:
        return
    (folder / "real.yaml").write_text(_policy(of, named[0]), "utf-8")
    for name in (*of.written["holds"], *of.written["fails"]):
        assert _judged(of, of.over.scenes[name], folder) is (name in of.written["holds"]), name


def _judged(of: Condition, scene: Mapping[str, Any], folder: Path) -> bool | None:
    (folder / "scene.ndjson").write_text(_ledger(of, scene), "utf-8")
    decision = api.evaluate(
        str(folder / "real.yaml"),
        ledger=str(folder / "scene.ndjson"),
        task="demo",
        at=NOW,
        params=scene.get("params"),
        schema_dirs=[SCHEMAS],
    )
    return None if decision.allow is None else not decision.allow


@pytest.mark.parametrize("of", TAKEN, ids=[each.text[:60] for each in TAKEN])
def test_cel_says_the_same_of_it(of: Condition, folder: Path) -> None:
    cel = pytest.importorskip("cel_expr_python.cel", reason="CEL's C++ implementation has no release for this Python")
    (folder / "real.yaml").write_text(_policy(of), "utf-8")
    agreed = 0
    for name, scene in of.over.scenes.items():
        says = _by_cel(cel, of, scene)
        if says is not None:
            assert _judged(of, scene, folder) is says, name
            agreed += 1
    assert agreed


def _by_cel(cel: Any, of: Condition, scene: Mapping[str, Any]) -> bool | None:
    """What CEL makes of it; None where it has an error, as for a field that is missing."""
    from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

    extensions = [ext_bindings.ExtBindings(), ext_optional.ExtOptional(), ext_strings.ExtStrings()]
    roots = {name: _literal(scene[name], _schema(kind), kind) for name, kind in of.over.kinds.items() if name in scene}
    defaults = {name: each["default"] for name, each in of.over.params.items() if "default" in each}
    roots["params"] = _literal({**defaults, **scene.get("params", {})}, {})
    text = _inlined(of.written.get("cel", of.text), of.variables)
    for name, value in roots.items():
        text = f"cel.bind({name}, dyn({value}), {text})"
    found = cel.NewEnv(variables={}, extensions=extensions).compile(text).eval(data={})
    return found.value() if found.type() == cel.Type.BOOL else None


def _inlined(text: str, variables: Mapping[str, str]) -> str:
    """The text with what each variable stands for in its place."""
    return re.sub(r"\bvariables\.(\w+)", lambda found: f"({_inlined(variables[found[1]], variables)})", text)


@cache
def _schema(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((SCHEMAS / f"{kind}.schema.json").read_bytes())
    return found


def _literal(value: Any, schema: Mapping[str, Any], kind: str = "") -> str:
    """A value as CEL writes it: instants, and numbers with fractions, as the schema says."""
    if isinstance(value, dict):
        inner, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        flat = {key: (each, inner.get(key, other)) for key, each in value.items() if key != "attributes"}
        if "attributes" in value:
            own = inner["attributes"]["properties"]
            flat |= {key: (each, own[key]) for key, each in value["attributes"].items()}
        entries = [f"{_literal(key, {})}: {_literal(*each)}" for key, each in flat.items()]
        return "{" + ", ".join([f"'kind': '{kind}'", *entries] if kind and "kind" not in flat else entries) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(each, schema.get('items', {})) for each in value)}]"
    if schema.get("format") == "date-time":
        return f"timestamp('{value}')"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    return str(float(value) if schema.get("type") == "number" else value).lower()


@pytest.mark.parametrize("of", REFUSED, ids=[each.text[:60] for each in REFUSED])
def test_what_is_not_taken_is_refused_by_name(of: Condition, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "real.yaml").write_text(_policy(of), "utf-8")
    with pytest.raises(SystemExit):
        main(["check", str(folder / "real.yaml"), "--schema-dir", str(SCHEMAS)])
    printed = capsys.readouterr().out
    assert f"error[{of.written['refused']}]" in printed
    assert "\n   = " in printed


def test_most_are_taken() -> None:
    assert len(ALL) >= 100
    assert len(TAKEN) * 100 >= len(ALL) * LEAST
    sources = Counter(each.written["over"] for each in TAKEN)
    assert min(sources.values()) >= 5
