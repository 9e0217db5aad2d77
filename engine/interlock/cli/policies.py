"""`interlock policies`: which policies there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.escape import harmless
from interlock.reporting.style import aligned, json_lines

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock policies
  interlock policies --policy-dir gates --format json
"""


@click.command("policies", short_help="List the policies.", epilog=_EXAMPLES)
@asking("policy-dir", "schema-dir")
@options.form
def command(request: Request, form: str) -> int:
    """List the policies that ship with interlock, and those of further folders: id, question, file.

    An invalid policy is listed as such, and the exit code is then 5.
    """
    from interlock.request import Session

    listed = Session(request).library.list()
    if form == "json":
        output.put(json_lines(listed), "utf-8")
    else:
        rows = [[harmless(cell) for cell in (each.id, each.question or each.title, each.path)] for each in listed]
        output.put("".join(f"{line}\n" for line in aligned(rows)))
    invalid = [each.id for each in listed if not each.question]
    if invalid:
        output.say(f"`interlock show {invalid[0]}` shows what is wrong with it", "note")
    return exit_codes.INVALID_POLICY if invalid else exit_codes.ALLOWED
