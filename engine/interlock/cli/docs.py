"""`interlock docs`: a policy's reference page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.request import asking
from interlock.escape import harmless

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock docs smoke
  interlock docs ./awake.yaml > awake.md
"""


@click.command("docs", short_help="Write a policy's reference page.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@asking("policy-dir", "schema-dir")
def command(request: Request, policy: str) -> int:
    """Write the reference page of a policy, in Markdown: its question, parameters, facts, rules, states and graph.

    POLICY is the id of one that `interlock policies` lists, or the path of a file. Of an invalid policy there is no
    page: what is wrong with it is reported, and the exit code is 5.
    """
    from interlock.policy.docs import policy_page
    from interlock.policy.parse import parse_valid
    from interlock.request import Session

    loaded = Session(request).library.load(policy)
    output.put(harmless(policy_page(loaded, parse_valid(loaded.source)), keep="\n"), "utf-8")
    return exit_codes.ALLOWED
