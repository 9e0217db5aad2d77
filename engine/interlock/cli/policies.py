"""`interlock policies`: which policies there are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.reporting.style import json_lines, table

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock policies
  interlock policies --policy-dir gates --format json
"""


@click.command("policies", short_help="List the policies.", epilog=_EXAMPLES)
@asking("policy-dir", "schema-dir")
@click.option("--long", "whole", is_flag=True, help="The file of each policy too.")
@options.form
def command(request: Request, whole: bool, form: str) -> int:
    """List the policies that ship with interlock, and those of further folders: id and question.

    An invalid policy is listed as such, and the exit code is then 5.
    """
    from interlock.request import Session

    listed = Session(request).library.list()
    if form == "json":
        output.put(json_lines(listed), "utf-8")
    else:
        rows = [[each.id, each.question or each.title, *([each.path] * whole)] for each in listed]
        output.put(table(rows, output.width(sys.stdout)))
    invalid = [each.id for each in listed if not each.question]
    if invalid:
        output.say(f"`interlock show {invalid[0]}` shows what is wrong with it", "note")
    return exit_codes.INVALID_POLICY if invalid else exit_codes.ALLOWED
