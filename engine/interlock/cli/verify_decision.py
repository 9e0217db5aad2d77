"""`interlock verify-decision`: do recorded decisions still come out the same?"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import click
from msgspec import structs

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking, session_of

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock verify-decision gate.ndjson
  interlock verify-decision gate.ndjson --lock interlock.lock
  interlock verify-decision gate.ndjson --format json
"""


@click.command("verify-decision", short_help="Judge the decisions of a log again.", epilog=_EXAMPLES)
@click.argument("file")
@options.ledger("ledgers", "by default those that the decisions name")
@asking("waivers", "policy-dir", "schema-dir", "lock", "locked")
@options.form
def command(request: Request, file: str, ledgers: tuple[str, ...], form: str) -> int:
    """Judge each decision of a log again: from the ledger as it was at that head, at that instant.

    FILE is what `interlock eval --decision-log FILE` wrote. Every field of a record is recomputed: it comes out the
    same only if all of them do, evidence, digests and validity included; else each difference is printed. A record
    whose head is older than the ledger was at that instant is different; where that cannot be ruled out, and matters,
    it is not judged. Neither is a line that has unknown, missing or duplicate keys, or repeats another.

    Policies are read from the folders given here, else from the files that the log names; the report says which. With
    --lock or --locked, only locked policies judge. Without, a file does not judge under the id of a shipped policy that
    it is not. A decision with waivers is judged with the file that the log names, or with --waivers, if its text is the
    recorded one; with a lock only with --waivers. Entities (bindings, seats, notifications) are as the ledger holds
    them now, where it does not say what they were. The log itself is not proof: whoever can append to it can change it.

    Exit code: 0 all the same, 3 some different, 4 some could not be judged and none is different, or there is none, 6 a
    ledger cannot be read, 2 usage error, 1 a bug in interlock.
    """
    from interlock.analysis.decision_log import read_log
    from interlock.analysis.verify_decision import Reevaluator
    from interlock.ledger import is_feed
    from interlock.reporting.decision_log import as_text, total
    from interlock.resources import is_shipped

    outcomes: Counter[str] = Counter()
    policies: dict[tuple[str, str], bool] = {}
    if ledgers:
        request = structs.replace(request, ledger=ledgers)
    opens = bool(ledgers) and not any(map(is_feed, ledgers))
    with session_of(request, opens=opens) as session, closing(Reevaluator(session)) as court:
        for line, entry in read_log(file):
            found = court.judge(line, entry)
            outcomes[found.outcome] += 1
            policies.update({each: is_shipped(each[1]) for each in found.policies.items()})
            output.put_answer(form, found, as_text)
    if form == "text":
        output.put(total(outcomes, policies, None if request.lock is None else str(request.lock)))
    if outcomes["different"]:
        return exit_codes.DENIED
    return exit_codes.UNDECIDED if outcomes["unjudged"] or not outcomes else exit_codes.ALLOWED
