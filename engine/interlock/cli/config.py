"""`interlock config`: what every setting comes to, and who says so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from interlock.cli import exit_codes, options, output, progress
from interlock.cli.configured import KEYS, Configured
from interlock.cli.lock_option import NAMED, locked_option
from interlock.cli.skew import max_skew_option
from interlock.cli.whereabouts import LOCK, nearest_ledger, nearest_lock
from interlock.escape import harmless

_EXAMPLES = """\b
Examples:
  interlock config
  interlock config --format json
"""


@click.command("config", short_help="Show what is configured, and where.", epilog=_EXAMPLES)
@options.judged_ledger
@options.policy_dirs
@options.engine
@max_skew_option
@locked_option
@options.form
@click.pass_context
def command(
    ctx: click.Context,
    ledger: str | None,
    policy_dirs: Sequence[str],
    engine: str,
    max_skew: str,
    locked: str | None,
    form: str,
) -> int:
    """Show every setting that commands share: what holds, and where it comes from.

    A flag holds before the environment (INTERLOCK_ and the flag's name), that before the nearest interlock.toml or
    pyproject.toml with a table [tool.interlock], and that before what is found or usual. Paths in a file lead from its
    folder. Whoever names the lock, by `--lock FILE` or $INTERLOCK_LOCK, does not trust the folder: no configuration
    file is read then.

    Exit code: 0 shown, 2 a wrong question or configuration, 5 there is no lock to hold to, 1 a bug in interlock.
    """
    values = {
        "ledger": ledger,
        "strict_ledger": ctx.meta[progress.STRICT],
        "policy_dirs": list(policy_dirs),
        "engine": engine,
        "max_skew": max_skew,
        "lock": ctx.meta[NAMED],
        "locked": locked is not None,
    }
    shown = [_setting(ctx, parameter, value) for parameter, value in values.items()]
    if form == "json":
        import msgspec

        output.put("".join(f"{harmless(msgspec.json.encode(each).decode())}\n" for each in shown), "utf-8")
    else:
        rows = [(each["setting"], _text(each["value"]), each["where"] or each["from"]) for each in shown]
        wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
        output.put("".join(f"{harmless(f'{a:{wide[0]}}  {b:{wide[1]}}  {c}')}\n" for a, b, c in rows))
    return exit_codes.ALLOWED


def _setting(ctx: click.Context, parameter: str, value: Any) -> dict[str, Any]:
    """One setting, as `schemas/setting.schema.json` says."""
    key = KEYS[parameter]
    match ctx.get_parameter_source(parameter):
        case ParameterSource.COMMANDLINE:
            kind, where = "flag", f"--no-{key}" if value is False else f"--{key}"
        case ParameterSource.ENVIRONMENT:
            kind, where = "environment", f"INTERLOCK_{key.replace('-', '_').upper()}"
        case ParameterSource.DEFAULT_MAP:
            kind, where = "file", _place(ctx, key)
        case _:
            return _usual(key, value)
    return {"setting": key, "value": value, "from": kind, "where": where}


def _place(ctx: click.Context, key: str) -> str:
    """The file and the line that set a key."""
    configured: Configured = ctx.obj
    settings = configured.settings
    return f"{settings.path}:{settings.lines[key]}" if settings else ""


def _text(value: Any) -> str:
    """A value as a person reads it; several folders as $PATH has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (os.pathsep.join(value) if isinstance(value, list) else value) or "-"


def _usual(key: str, value: Any) -> dict[str, Any]:
    """A setting of which nobody says anything: it is found, or what it always is."""
    if key == "ledger" and (ledger := nearest_ledger()):
        return {"setting": key, "value": ledger, "from": "found", "where": "the nearest of Agent Conveyor"}
    if key == "lock" and (lock := nearest_lock()):
        return {"setting": key, "value": lock, "from": "found", "where": f"the nearest {LOCK}"}
    if key == "locked" and value:
        return {"setting": key, "value": value, "from": "default", "where": "the lock is named"}
    return {"setting": key, "value": value, "from": "default", "where": None}
