"""`interlock policies`: which policies there are."""

from __future__ import annotations

from collections.abc import Sequence

import click

from interlock.cli import exit_codes, options, output
from interlock.escape import harmless
from interlock.reporting.style import aligned

_EXAMPLES = """\b
Examples:
  interlock policies
  interlock policies --policy-dir gates --format json
"""


@click.command("policies", short_help="List the policies.", epilog=_EXAMPLES)
@options.policy_dirs
@options.form
def command(policy_dirs: Sequence[str], form: str) -> int:
    """List the policies that ship with interlock, and those of further folders: id, question, file.

    An invalid policy is listed as such, and the exit code is then 5.
    """
    import msgspec

    from interlock.request import library

    listed = library(policy_dirs).list()
    if form == "json":
        output.put("".join(f"{harmless(msgspec.json.encode(each).decode())}\n" for each in listed), "utf-8")
    else:
        rows = [[harmless(cell) for cell in (each.id, each.question or each.title, each.path)] for each in listed]
        output.put("".join(f"{line}\n" for line in aligned(rows)))
    invalid = [each.id for each in listed if not each.question]
    if invalid:
        output.say(f"`interlock show {invalid[0]}` tells what is wrong with it", "note")
    return exit_codes.INVALID_POLICY if invalid else exit_codes.ALLOWED
