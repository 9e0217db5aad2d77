"""`interlock show`: a policy's text or its graph, if it is valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import click

from interlock.cli import exits, options, terminal
from interlock.policy import Policy
from interlock.reporting.harmless import harmless

_EXAMPLES = """\b
Examples:
  interlock show smoke
  interlock show smoke --graph
  interlock show smoke --graph=svg > smoke.svg
"""


@click.command("show", short_help="Print a policy, or its graph.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@click.option(
    "--graph",
    type=click.Choice(["mermaid", "svg"]),
    is_flag=False,
    flag_value="mermaid",
    help="Draw its facts, rules and states instead: as text of Mermaid, or with --graph=svg as Graphviz draws it.",
)
@options.policy_dirs
def command(policy: str, graph: Literal["mermaid", "svg"] | None, policy_dirs: Sequence[str]) -> int:
    """Print a policy, as its file has it.

    POLICY is the id of one that `interlock policies` lists, or the path of a file. An invalid policy is not printed:
    what is wrong with it is, and the exit code is 5.
    """
    from interlock.runner import library

    found = library(policy_dirs)
    loaded = found.load(policy).policy
    if graph is None:
        terminal.put(found.source(policy).text)
    else:
        terminal.put(harmless(_picture(loaded, graph), keep="\n"), "utf-8")
    return exits.ALLOWED


def _picture(policy: Policy, form: Literal["mermaid", "svg"]) -> str:
    from interlock.pages import drawn

    if form == "svg":
        from interlock.pages.graphviz import svg

        return svg(drawn(policy))
    from interlock.pages.mermaid import mermaid

    return mermaid(drawn(policy))
