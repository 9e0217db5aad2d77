"""`interlock config`: the value of every setting, and where it comes from."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import showing
from interlock.escape import harmless
from interlock.project import LOCK, nearest_ledger, nearest_lock
from interlock.reporting.style import aligned, json_lines
from interlock.settings import SETTINGS, Settled, lock_of

_EXAMPLES = """\b
Examples:
  interlock config
  interlock config --format json
"""


@click.command("config", short_help="Show what is configured, and where.", epilog=_EXAMPLES)
@showing(*SETTINGS)
@options.form
def command(settings: dict[str, Settled], form: str) -> int:
    """Show every setting that commands share: its value, and where it comes from.

    Precedence: flag, environment (INTERLOCK_ and the flag's name), the nearest interlock.toml or pyproject.toml with a
    table [tool.interlock], a file found nearby, default. Paths in a file are relative to its folder. A lock named by
    `--lock FILE` or $INTERLOCK_LOCK means that the folder is not trusted: no configuration file is read then.

    Exit code: 0 shown, 2 usage or configuration error, 5 there is no lock to hold to, 1 a bug in interlock.
    """
    lock_of(settings)
    shown = [_setting(key, settled) for key, settled in settings.items()]
    if form == "json":
        output.put(json_lines(shown), "utf-8")
    else:
        rows = [(each["setting"], _text(each["value"]), each["where"] or each["from"]) for each in shown]
        output.put("".join(f"{harmless(line)}\n" for line in aligned(rows, width=output.width(sys.stdout))))
    return exit_codes.ALLOWED


def _setting(key: str, settled: Settled) -> dict[str, Any]:
    """One setting, as `schemas/setting.schema.json` says."""
    value, origin, place = settled.value, str(settled.origin), settled.place
    if key == "sources":
        value = [table.path for table in value]
    if value is None and key == "ledger" and (ledger := nearest_ledger()):
        value, origin, place = ledger, "found", "the nearest of Agent Conveyor"
    if value is None and key == "lock" and (lock := nearest_lock()):
        value, origin, place = lock, "found", f"the nearest {LOCK}"
    return {"setting": key, "value": list(value) if isinstance(value, tuple) else value, "from": origin, "where": place}


def _text(value: Any) -> str:
    """A value as a person reads it; several folders as $PATH has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (os.pathsep.join(value) if isinstance(value, list) else value) or "-"
