"""`interlock capture`: a decision about a real ledger as a test case."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options
from interlock.cli import output as terminal
from interlock.cli.renamed import formerly, required
from interlock.cli.request import asking, session_of
from interlock.diagnostics import Source, UsageError

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock capture smoke --task checkout
  interlock capture smoke --task checkout --output smoke_test.yaml
"""


@click.command("capture", short_help="Write a test case from a real ledger.", epilog=_EXAMPLES)
@click.argument("policy", metavar="POLICY", required=False, shell_complete=options.completes("policies"))
@options.task
@asking("ledger", "strict-ledger", "at", "params", "policy-dir", "schema-dir", "lock", "locked")
@click.option("--name", metavar="TEXT", help="What the case is called; by default its state, and the rules that fired.")
@options.written("; to a test file that is there the case is added")
@click.option("--keep-times", is_flag=True, help="Keep the dates in the case.")
@formerly("--policy", "policy", "the policy as `interlock capture POLICY`")
@required("policy")
def command(
    request: Request,
    policy: str,
    task: str,
    name: str | None,
    output: str | None,
    keep_times: bool,
) -> int:
    """Write what a policy decided as a test case: the facts that cannot be left out, with masked ids, names and texts.

    None of its facts, and no field of one, can be left out without another decision, finding or message. Times are
    relative to the case's clock. What the policy itself names stays.

    Exit code: 0 written, 5 the policy or the test file is invalid, 6 the ledger cannot be read, 2 usage error,
    1 a bug in interlock.
    """
    if name is not None and name != name.encode(errors="replace").decode():
        raise UsageError("`--name` is not text: it contains bytes that are not UTF-8")
    from interlock.analysis.capture import captured, incident, prove, refuse_other
    from interlock.analysis.capture.yaml import new_file, with_case
    from interlock.cli.reports import refuse_read, write_file
    from interlock.resources import schema_reference

    request = request.about([policy], [task])
    if output is not None:
        refuse_read(output, request)
    with session_of(request) as session:
        policies_at, found = session.library, incident(session)
        sources = [*session.places, *(table.path for table in session.tables)]
    case = captured(found, name=name, keep_times=keep_times)
    there = _read(output) if output is not None else None
    if there is None:
        place = output or "the case"
        folder = os.path.dirname(place)
        named = _named(policies_at.path(policy), folder)
        there = Source(place, new_file(named, schema_reference("test", folder or os.curdir), case))
    else:
        refuse_other(there, found.loaded.policy, policies_at)
        there, case = with_case(there, case)
    prove(there, case, policies_at)
    if output is None:
        terminal.put(there.text, "utf-8")
        return exit_codes.ALLOWED
    write_file(output, there.text)
    of = f", of {' and '.join(sources)}" if len(sources) > 1 else ""
    terminal.put(f"wrote the case `{case['case']}` to {output}{of}; `interlock test {output}` runs it\n")
    return exit_codes.ALLOWED


def _read(path: str) -> Source | None:
    """The test file that is there, line ends as they are. Raises UsageError, PolicyError."""
    from interlock.analysis.testing.parse import source_of

    return source_of(path) if os.path.lexists(path) else None


def _named(policy: str, folder: str) -> str:
    """What a test file in a folder calls a policy: its id if it lies there or is shipped, else its path from there."""
    from interlock.resources import data_folder

    above, file = os.path.split(os.path.abspath(policy))
    if above in (os.path.abspath(folder), data_folder("policies")):
        return file.removesuffix(".yaml")
    return os.path.relpath(policy, folder or ".")
