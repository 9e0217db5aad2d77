"""`interlock kinds`: which kinds of facts there are, and their fields."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.resources import data_folder

if TYPE_CHECKING:
    from interlock.request import Request
    from interlock.schemas import Catalog

_EXAMPLES = """\b
Examples:
  interlock kinds
  interlock kinds deploy_approved
  interlock kinds --own --format json
  interlock kinds --editor schemas
"""


@click.command("kinds", short_help="List the fact kinds and their fields.", epilog=_EXAMPLES)
@click.argument("kinds", metavar="[KIND]...", nargs=-1, shell_complete=options.completes("kinds"))
@click.option("--own", is_flag=True, help="Only the project's own kinds.")
@click.option(
    "--editor", "folder", metavar="DIR", help="Write policy.schema.json and test.schema.json with these kinds to DIR."
)
@asking("policy-dir", "schema-dir")
@options.form
def command(request: Request, kinds: Sequence[str], own: bool, folder: str | None, form: str) -> int:
    """List the kinds of facts that policies may select: those that ship, and the project's own.

    A KIND is shown with its fields, their types and what they say. A project's own kinds have a JSON Schema each, named
    KIND.schema.json: in a folder that `--schema-dir` names, in `schemas/facts` beside the policies, or, where their
    folder is called `policies`, next to it. Here they are also looked for in `schemas/facts` of the current folder.

    With --editor, the schemas that editors go by are written for all kinds; the first line of a policy or test names
    them: `# yaml-language-server: $schema=DIR/policy.schema.json`.

    Exit code: 0 listed, 5 the schema of an own kind is invalid, 2 usage error, 1 a bug in interlock.
    """
    from interlock.policy.kinds import kinds as answer
    from interlock.reporting.kinds import as_list, as_pages
    from interlock.reporting.style import json_lines
    from interlock.request import Session

    catalog = Session(request).catalog
    if folder is not None:
        return _written(catalog, folder)
    found = [each for each in answer(catalog, kinds) if not own or each.origin == "own"]
    if form == "json":
        output.put(json_lines(found), "utf-8")
    else:
        output.put((as_pages if kinds else as_list)(found, output.look()))
    if own and not found:
        output.say("there is no own kind; `interlock new-kind NAME` writes a first one", "note")
    return exit_codes.ALLOWED


def _written(catalog: Catalog, folder: str) -> int:
    """Write the schemas for editors into a folder. Raises UsageError."""
    from interlock.cli.reports import write_file
    from interlock.schemas.editor import for_policies, for_tests

    if os.path.isdir(folder) and os.path.samefile(folder, data_folder("schemas")):
        raise UsageError(f"`{folder}` holds the schemas that ship with interlock; name another folder")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to `{folder}`: {reason(error)}") from None
    for name, made in (("policy", for_policies), ("test", for_tests)):
        write_file(os.path.join(folder, f"{name}.schema.json"), made(catalog))
    output.put(f"wrote policy.schema.json and test.schema.json to {folder}\n")
    return exit_codes.ALLOWED
