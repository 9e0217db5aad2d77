"""`interlock diff`: where two versions of a policy decide differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.renamed import formerly
from interlock.cli.request import asking, progress_bar, session_of
from interlock.diagnostics import UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_MANY = 5
"""So many tasks take long enough to show how far they are compared."""
ASKED = ("ledger", "strict-ledger", "params", "waivers", "engine", "policy-dir", "schema-dir", "lock", "locked")
"""What a command takes that compares two policies, in the order of its help."""
_EXAMPLES = """\b
Examples:
  interlock diff old/smoke.yaml new/smoke.yaml --all-tasks
  interlock diff old/smoke.yaml smoke --task checkout --format json
"""


@click.command("diff", short_help="Show where two versions of a policy decide differently.", epilog=_EXAMPLES)
@click.argument("old", metavar="OLD", shell_complete=options.completes("policies"))
@click.argument("new", metavar="NEW", shell_complete=options.completes("policies"))
@options.maybe_task
@options.all_tasks
@asking(*ASKED)
@options.stretch("each task", "now")
@formerly("--since", "since", "`--from INSTANT`")
@formerly("--until", "until", "`--to INSTANT`")
@options.form
def command(
    request: Request,
    old: str,
    new: str,
    task: str | None,
    all_tasks: bool,
    since: str | None,
    until: str | None,
    form: str,
) -> int:
    """Judge the same history by two policies, and show where they decide differently, when, and by which rule.

    OLD and NEW are ids or files. Two versions of one policy are files of one name in two folders; what they need is
    looked for beside them first. Every instant is judged at which either decision can change. Findings that say the
    same of the same facts in other words are not a difference, nor are outputs compared.

    An INSTANT is what `interlock eval --at` takes.

    Exit code: 0 nothing is allowed that was not, 3 something is allowed that was denied or undecided, 5 a policy is
    invalid, 6 the ledger cannot be read, 2 usage error, or nothing to compare, 1 a bug in interlock.
    """
    if (task is not None) is all_tasks:
        raise UsageError("give one of `--task NAME` and `--all-tasks`")
    from interlock.analysis.diff import answer
    from interlock.reporting.diff import as_text

    asked = request.about([old, new], None if task is None else [task], beside_first=True)
    with session_of(asked) as session:
        found = answer(session, since, until, lambda names: progress_bar(names, len(names), "comparing", least=_MANY))
    output.put_answer(form, found, as_text)
    return exit_codes.DENIED if found.of("softer") else exit_codes.ALLOWED
