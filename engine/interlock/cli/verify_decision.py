"""`interlock verify-decision`: do recorded decisions still come out the same?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing

import click

from interlock.cli import exits, options, terminal

_EXAMPLES = """\b
Examples:
  interlock verify-decision gate.ndjson
  interlock verify-decision gate.ndjson --format json
"""


@click.command("verify-decision", short_help="Judge the decisions of a log again.", epilog=_EXAMPLES)
@click.argument("file")
@click.option(
    "--ledger", metavar="PATH", help="The ledger or feed to judge from, in place of those that the decisions name."
)
@options.policy_dirs
@options.form
def command(file: str, ledger: str | None, policy_dirs: Sequence[str], form: str) -> int:
    """Judge each decision of a log again: from the ledger as it was at that head, at that instant.

    FILE is what `interlock eval --decision-log FILE` wrote. Each decision comes out the same or different, and it is
    told what differs: the verdict, its state, findings and outputs; the facts underneath that were changed, are gone or
    new; the policy; who judged. Receipts that were appended since are not judged by, whatever times they bear.

    A policy is read from the file that it was in, or else found by its id. What is no receipt (bindings, seats,
    notifications) is as the ledger holds it now, as far as it does not tell what was then. The log itself is no proof:
    whoever can append to it can change it.

    Exit code: 0 all the same, 3 some different, 4 some could not be judged and none is different, or there is none, 6 a
    ledger cannot be read, 2 a wrong question, 1 a bug in interlock.
    """
    import gc

    from interlock import logbook
    from interlock.rejudging import Court
    from interlock.reporting import rejudged

    gc.enable()  # a log may be long
    outcomes: Counter[str] = Counter()
    with closing(Court(None if ledger is None else options.opened(ledger), policy_dirs)) as court:
        for line, record in logbook.read(file):
            found = court.judge(line, record)
            outcomes[found.outcome] += 1
            if form == "json":
                terminal.put(rejudged.as_json(found), "utf-8")
            else:
                terminal.put(rejudged.as_text(found, terminal.painter(sys.stdout)))
    if form == "text":
        terminal.put(rejudged.total(outcomes))
    if outcomes["different"]:
        return exits.DENIED
    return exits.UNDECIDED if outcomes["unjudged"] or not outcomes else exits.ALLOWED
