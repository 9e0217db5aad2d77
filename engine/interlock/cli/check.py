"""`interlock check`: everything that is wrong with policies, at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.diagnostics import UsageError
from interlock.reporting.issues import FORMATS, render

if TYPE_CHECKING:
    from interlock.request import Request

_PAUSE = 0.3
"""How many seconds pass until the files are examined again."""
_EXAMPLES = """\b
Examples:
  interlock check policies/
  interlock check awake.yaml --strict
  interlock check policies/ --format github
  interlock check policies/ --watch
"""


@click.command("check", short_help="Check policies for errors and warnings.", epilog=_EXAMPLES)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=options.completes("policies"))
@options.printed_as(
    FORMATS, "; text is for a person, json for a program, github for GitHub Actions, sarif for code scanning"
)
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option("--watch", "watched", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@asking("policy-dir", "schema-dir")
@options.quiet
def command(request: Request, paths: Sequence[str], form: str, strict: bool, watched: bool) -> int:
    """Report every error and warning of policies, without a ledger.

    A PATH is a policy's file or its test's, a folder (every policy in it and below it; files named *_test.yaml are left
    out), or the id of a policy that `interlock policies` lists. `interlock explain-code CODE` describes an issue.

    Exit code: 0 no error, 5 a policy is invalid (with --strict: or has a warning), 2 usage error, 130 --watch was
    interrupted, 1 a bug in interlock.
    """
    if watched:
        _watch(request, paths, form)
    return _check(request, paths, form, strict)


def _check(request: Request, paths: Sequence[str], form: str, strict: bool = False) -> int:
    from interlock.analysis.check import check_paths
    from interlock.request import Session

    issues, sources = check_paths(paths, Session(request).library)
    output.report(render(form, issues, sources, output.width(sys.stdout)), None if form == "text" else "utf-8")
    failed = any(strict or issue.level == "error" for issue in issues)
    return exit_codes.INVALID_POLICY if failed else exit_codes.ALLOWED


def _watch(request: Request, paths: Sequence[str], form: str) -> NoReturn:
    """Check, and again whenever a file was written; ended by a signal.

    What is wrong with the request is an error at first. Later it is reported: an editor may just be replacing a file.
    """
    import signal
    import time

    from interlock.analysis.check import stamps
    from interlock.request import Session

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    library, first = Session(request).library, True
    last: object = None
    while True:
        now = stamps(paths, library)
        if now != last:
            try:
                _check(request, paths, form)
            except UsageError as error:
                if first:
                    raise
                output.say(str(error), "error")
            output.say(f"checked at {time.strftime('%H:%M:%S')}; waiting for a change", "note")
            last, first = now, False
        time.sleep(_PAUSE)
