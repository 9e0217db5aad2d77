"""`interlock test`: do policies decide what their tests say?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.diagnostics import InterlockError
from interlock.reporting import RenderContext, render_failure
from interlock.reporting.tests import FORMATS, covered, percent, render

if TYPE_CHECKING:
    from interlock.request import Request

_REPORTS = ("junit", "tap")
"""The formats that tools read, who would take a missing report for a pass."""
_EXAMPLES = """\b
Examples:
  interlock test
  interlock test smoke --coverage --min-coverage 100
  interlock test gates --run 'smoke/.*nonce' --format junit
"""


@click.command("test", short_help="Run the tests of policies.", epilog=_EXAMPLES)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option(
    "--run", "pattern", metavar="PATTERN", help="Only cases in whose POLICY/CASE this regular expression is found."
)
@click.option("--coverage", is_flag=True, help="Report which rules and lines of `decide` the cases covered.")
@click.option(
    "--min-coverage", "least", metavar="N", type=click.FloatRange(0, 100), help="Fail below N percent; of each policy."
)
@options.printed_as(FORMATS, "; text is for a person, json for a program, junit and tap for what shows tests")
@asking("policy-dir", "schema-dir")
def command(
    request: Request,
    paths: Sequence[str],
    pattern: str | None,
    coverage: bool,
    least: float | None,
    form: str,
) -> int:
    """Run the tests of policies: cases of facts, and what must be decided on them, without a ledger.

    A PATH is a test file, a folder (every *_test.yaml in it and below it), or a policy's id or file, whose test lies
    beside it as ID_test.yaml. Without one, all that `interlock policies` lists are tested.

    Coverage is how much of each policy the cases tried: each rule fired, each rule did not fire on facts that it ranges
    over, each line of `decide` held. A policy without a test has none.

    A report for tools (junit, tap) is also written where nothing could be run: it says why, and fails.

    Exit code: 0 all passed, 3 some failed or too little was covered, 5 a policy or a test file is invalid, 2 a wrong
    question, or no case to run, 1 a bug in interlock.
    """
    from interlock.analysis.testing import run_tests
    from interlock.request import Session

    try:
        trials, untested = run_tests(paths, Session(request).library, pattern)
    except InterlockError as error:
        if form in _REPORTS:
            output.put(render_failure(form, str(error)), "utf-8")
        raise
    look = output.look() if form == "text" else RenderContext()
    message = render(form, trials, look) + (covered(trials, look) if coverage and form == "text" else "")
    output.put(message, None if form == "text" else "utf-8")
    for policy in untested:
        output.say(f"the policy `{policy}` has no test", "note")
    lacking = bool(least and untested)
    for trial in trials:
        if least is not None and trial.coverage.percent < least:
            lacking = True
            never = "; ".join(trial.coverage.missing)
            output.say(f"`{trial.policy}` is covered to {percent(trial)}, not to {least:g} %: {never}", "note")
    return exit_codes.DENIED if lacking or not all(trial.passed for trial in trials) else exit_codes.ALLOWED
