"""The parts of the language's reference that are made of the code, the schemas and the errors' texts themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from interlock import codes as issue_codes
from interlock import schemas
from interlock.diagnostics import PolicyError, Source
from interlock.language.scope import Scope
from interlock.language.typecheck import typecheck
from interlock.model.expression import LIST, Type, type_of
from interlock.model.policy import Policy
from interlock.policy.check.issues import RESERVED
from interlock.policy.library import Library, make
from interlock.schemas.documents import schema
from interlock.schemas.fields import computed

TESTS = Path(__file__).parents[1]
ISSUE = re.compile(r": (?:error|warning)\[([EW]\d{3})\]: (.*)\n(?:  *\d+ \|.*\n +\| +\^+\n)?(?:   = (.*)\n)?")
KINDS = ("string", "int", "bool", "duration", "timestamp", "list")
REFERRED = {
    "outputs": "mapping",
    "params": "mapping",
    "expect": "mapping",
    "facts": "list",
    "now": "instant",
    "task": "text",
}
"""What a value is of which a schema says elsewhere what it holds."""
YES, NO = "yes", ""

Written = dict[str, Any]


def table(*rows: tuple[str, ...]) -> str:
    """Rows as Markdown, the first of them the head."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def code(text: object) -> str:
    return f"`{text}`"


# -- the keys of a policy, from its schema


def keys() -> str:
    """Every key of a policy's file: what it may be, what it means."""
    names = {"parameter": "params", "need": "needs", "selection": "facts", "rule": "rules", "line": "decide"}
    return _keys("policy", {name: f"An entry of `{key}`" for name, key in names.items()})


def test_keys() -> str:
    """Every key of a test file, those of facts apart, which are their kinds' fields."""
    titles = {
        "case": "An entry of `cases`",
        "step": "An entry of `then`",
        "expect": "An `expect`",
        "finding": "An entry of `findings` that gives a message",
    }
    return _keys("test", titles)


def _keys(name: str, titles: dict[str, str]) -> str:
    whole = schema(name)
    parts = [("The file", whole), *((title, whole["definitions"][each]) for each, title in titles.items())]
    found = []
    for title, node in parts:
        rows = [(_key(key, node), _value(inner), inner["description"]) for key, inner in node["properties"].items()]
        found.append(f"### {title}\n\n{node['description']}\n\n{table(('key', 'value', 'meaning'), *rows)}")
    return "\n\n".join(found)


def _key(key: str, node: Written) -> str:
    return code(key) + (" (required)" if key in node.get("required", ()) else "")


def _value(node: Written) -> str:
    if "enum" in node:
        return ", ".join(code(value if isinstance(value, str) else json.dumps(value)) for value in node["enum"])
    if "$ref" in node:
        named = str(node["$ref"].rpartition("/")[2])
        return REFERRED.get(named, named)
    if "anyOf" in node:
        return ", ".join(map(_value, node["anyOf"]))
    if "const" in node:
        return code(json.dumps(node["const"]))
    types = [node["type"]] if isinstance(node["type"], str) else node["type"]
    words = {
        "string": "text",
        "array": "list",
        "object": "mapping",
        "integer": "whole number",
        "boolean": "true, false",
    }
    return ", ".join(words[name] for name in types)


# -- what may stand where, asked of the checker

PROBE: Written = {
    "policy": "probe",
    "version": 1,
    "question": "Is it so?",
    "variables": {"late": 'now > timestamp("2026-06-22T09:00:00Z")'},
    "params": {kind[0]: {"type": kind, "optional": True} for kind in KINDS},
    "needs": {"need": {"policy": "loop"}},
    "facts": {
        "one": {"from": "app_smoke_started", "take": "latest"},
        "map": {"from": "seat", "per": "role", "take": "latest"},
        "many": {"from": "app_smoke_receipt_recorded"},
    },
    "decide": [{"state": "so", "allow": True}],
}


def _with(**more: Any) -> Written:
    return {**PROBE, **more}


def _rule(**more: Any) -> Written:
    return _with(rules=[{"id": "r", "for": "map", **more}])


PLACES: dict[str, Callable[[str], Written]] = {
    "`where`": lambda x: _with(facts={**PROBE["facts"], "own": {"from": "app_heartbeat", "where": x}}),
    "`required`": lambda x: _with(facts={**PROBE["facts"], "own": {"from": "seat", "required": f"{{{x}}}"}}),
    "`tasks`, `with`": lambda x: _with(needs={"need": {"policy": "autonomy", "with": {"manual_poll": x}}}),
    "`when`, `unless` of all rules": lambda x: _with(when=x, rules=[{"id": "r", "block": "b"}]),
    "`when`, `unless` of a rule": lambda x: _rule(when=x, block="b"),
    "`block`, `warn`, `note`, `fix`": lambda x: _rule(block=f"{{{x}}}"),
    "`data`, `derive`": lambda x: _rule(derive={"made": {"field": x}}),
    "`when` of `decide`": lambda x: _with(decide=[{"state": "s", "when": x, "allow": False}, *PROBE["decide"]]),
    "`outputs`": lambda x: _with(outputs={"o": x}),
}
FEATURES = {
    "`params`, `now`, `task`": ("params.s == task && now > params.t",),
    "own fact": ('own.actor == "worker"', 'map.role == "worker"'),
    "single fact, need": ('one.mode == "skip" && need.allow',),
    "`M[key]`": ('map["worker"].state == "active"',),
    "`exists`, `all`": ('many.exists(x, x.role == "worker")',),
    "`size()`": ("many.size() > 1",),
    "functions, lists, `c ? a : b`": ('(params.b ? 2 : 1) > 1 && params.s.trim() in ["x"]',),
    "`blocked`": ("blocked",),
}


def places() -> str:
    """What an expression may name and use, by where it stands."""
    library = Library()

    def accepted(written: Written) -> bool:
        def needed(identity: str) -> Policy:
            return library.load(identity).policy

        try:
            make(Source("probe.yaml", json.dumps(written)), needed, schemas.SHIPPED)
        except PolicyError as error:
            if {issue.code[:2] for issue in error.issues} <= {"E2", "E3", "E4"}:  # of expressions
                return False
            raise
        return True

    rows = []
    for place, writing in PLACES.items():
        assert accepted(writing("true")), place
        found = [any(accepted(writing(x)) for x in expressions) for expressions in FEATURES.values()]
        rows.append((place, *(YES if each else NO for each in found)))
    return table(("", *FEATURES), *rows)


# -- which types go together, asked of the checker


def _param_type(kind: str) -> Type:
    return LIST if kind == "list" else Type(kind)  # type: ignore[arg-type]


def types() -> str:
    """For each type of value what it can be compared with, and what it can be added to."""
    scope = Scope("value", params={f"{side}{k}": _param_type(k) for k in KINDS for side in "xy"})

    def comes_to(text: str) -> str | None:
        node, _ = typecheck(text, scope)
        return None if node is None else type_of(node).kind

    rows = []
    for kind in KINDS:
        x = f"params.x{kind}"
        equal = [other for other in KINDS if comes_to(f"{x} == params.y{other}")]
        order = [other for other in KINDS if comes_to(f"{x} < params.y{other}")]
        sums = [
            f"`{op}` {other} = {found}"
            for op, other in product("+-*/%", KINDS)
            if (found := comes_to(f"{x} {op} params.y{other}"))
        ]
        among = [other for other in KINDS if comes_to(f"{x} in params.y{other}")]
        rows.append((kind, ", ".join(equal), ", ".join(order), ", ".join(among), ", ".join(sums)))
    return table(("type", "`==` `!=` with", "`<` `<=` `>` `>=` with", "`in` a", "comes to"), *rows)


# -- the fact kinds, from their schemas


def kinds() -> str:
    """Every fact kind with its fields; those that every fact has come first."""
    envelope = schema("envelope")
    fields = _fields("task", [*envelope["properties"], *computed(envelope)])
    parts = [f"### Every fact\n\n{envelope['description']}\n\n{fields}"]
    for kind in schemas.SHIPPED.kinds:
        whole = schema(f"facts/{kind}")
        own = [
            path
            for path in schemas.SHIPPED.fields(kind)
            if path.partition(".")[0] in {**whole["properties"], **whole.get("x-computed", {})} and path != "kind"
        ]
        sort = "An entity" if kind in schemas.ENTITIES else "A receipt"
        text = f"### {code(kind)}\n\n{sort}. {whole['description']}"
        parts.append(f"{text}\n\n{_fields(kind, own)}" if own else text)
    return "\n\n".join(parts)


def _fields(kind: str, paths: list[str]) -> str:
    rows = []
    for path in paths:
        spec = schemas.SHIPPED.fields(kind)[path]
        enum = f": {', '.join(map(code, spec.enum))}" if spec.enum and path != "kind" else ""
        null = NO if spec.required else YES
        rows.append((code(path), f"{spec.kind}{enum}", null, _described(schema(f"facts/{kind}"), path)))
    return table(("field", "type", "null", "meaning"), *rows)


def _described(node: Written, path: str) -> str:
    if path in computed(node):
        return f"{computed(node)[path]['description']} Computed: no fact holds it."
    for step in path.split("."):
        parts = (*node.get("allOf", ()), node)
        node = {k: v for part in parts for k, v in part.get("properties", {}).get(step, {}).items()}
    return str(node["description"])


# -- what may be wrong, from the texts that say it


def codes() -> str:
    """Every code of an issue, with an example of what is said."""
    found: dict[str, tuple[str, str]] = {}
    paths = [path for folder in ("errors", "suites", "warnings") for path in sorted((TESTS / folder).glob("*.txt"))]
    texts = [path.read_text("utf-8") for path in paths]
    for text in (*texts, *map(issue_codes.page, issue_codes.every())):
        for number, message, hint in ISSUE.findall(text):
            found.setdefault(number, (_plain(message), _plain(hint)))
    return table(("code", "for example", "and what to do"), *((c, m, h) for c, (m, h) in sorted(found.items())))


def _plain(text: str) -> str:
    """Text in which only the ticks mean something to Markdown."""
    pieces = text.split("`")
    return "`".join(piece if at % 2 else re.sub(r"[\\\\*<]", r"\\\g<0>", piece) for at, piece in enumerate(pieces))


def reserved() -> str:
    """The names that mean something already."""
    return ", ".join(map(code, RESERVED))


PARTS: dict[str, Callable[[], str]] = {
    "keys": keys,
    "test_keys": test_keys,
    "reserved": reserved,
    "types": types,
    "places": places,
    "kinds": kinds,
    "codes": codes,
}
MARKED = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def marked(text: str) -> Iterator[str]:
    """The names of the generated parts of a text."""
    return (match[2] for match in MARKED.finditer(text))


def written(text: str) -> str:
    """The text with its generated parts made again."""
    return MARKED.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[4]}", text)
