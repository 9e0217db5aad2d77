"""What each command prints for programs, and the schema of it: every run of a test is held to this table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[2] / "schemas"
PRINTED = {
    "check": "issue",
    "config": "setting",
    "demo": "decision",
    "diff": "diff",
    "eval": "decision",
    "explain": "explanation",
    "fleet": "fleet",
    "fleet-diff": "fleet_diff",
    "kinds": "kind",
    "policies": "policy_summary",
    "replay": "history",
    "tasks": "task",
    "test": "trial",
    "unblock": "unblock",
    "verify-decision": "rejudged",
    "verify-ledger": "verification",
    "watch": "decision",
}
"""The schema of each line that a command prints with `--format json`."""
LINES = {"facts": "seen_fact", "export": "feed"}
"""The same of the commands that print lines of JSON in a pipe, or always."""
FEED = {"feed": "feed", "feed_end": "feed_end"}
"""The lines of a feed that are not facts: those, `export` checks itself, and says which are invalid."""
OTHERS = ("capture", "completion", "docs", "explain-code", "lock", "lsp", "mcp", "new", "new-kind", "show")
"""The commands that print nothing for programs by such a schema."""


def check_printed(args: Sequence[str], out: str) -> None:
    """Raise where a line of JSON that was printed is not what its schema says."""
    name = _schema(args)
    for line in out.splitlines() if name else ():
        document = json.loads(line)
        schema = FEED.get(document.get("kind")) if name == "feed" else name
        if schema:
            _validator(schema).validate(document)


def _schema(args: Sequence[str]) -> str:
    command = next((arg for arg in args if not arg.startswith("-")), "")
    form = ""
    for at, arg in enumerate(args):
        if arg == "--format":
            form = args[at + 1] if at + 1 < len(args) else ""
        elif arg.startswith("--format="):
            form = arg.partition("=")[2]
    if form == "json":
        return PRINTED.get(command) or LINES.get(command, "")
    return LINES.get(command, "") if form in ("", "ndjson") and "--help" not in args else ""


@cache
def _validator(name: str) -> Draft202012Validator:
    whole = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return Draft202012Validator(whole, registry=_registry())


@cache
def _registry() -> Registry[Any]:
    """Every schema, by its path below `schemas` and by that from a folder in it."""
    found: Registry[Any] = Registry()
    for path in SCHEMAS.rglob("*.schema.json"):
        name = path.relative_to(SCHEMAS).as_posix()
        resource = Resource.from_contents(json.loads(path.read_text("utf-8")))
        found = found.with_resources([(name, resource), (f"../{name}", resource)])
    return found.crawl()
