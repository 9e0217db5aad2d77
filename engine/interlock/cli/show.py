"""`interlock show`: a policy's text or its graph, if it is valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.options import OneOf
from interlock.cli.request import asking
from interlock.diagnostics import UsageError
from interlock.escape import harmless
from interlock.model.policy import Policy

if TYPE_CHECKING:
    from interlock.policy.parse import Document
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock show smoke
  interlock show smoke --digests
  interlock show smoke --graph
  interlock show smoke --graph=svg > smoke.svg
"""


@click.command("show", short_help="Print a policy, or its graph.", epilog=_EXAMPLES)
@click.argument("policy", shell_complete=options.completes("policies"))
@click.option(
    "--graph",
    type=OneOf(["mermaid", "svg"]),
    is_flag=False,
    flag_value="mermaid",
    help="Draw its facts, rules and states instead: as text of Mermaid, or with --graph=svg as Graphviz draws it.",
)
@click.option("--digests", is_flag=True, help="Print the digests of the policy and of its rules, which waivers name.")
@asking("policy-dir", "schema-dir")
def command(request: Request, policy: str, graph: Literal["mermaid", "svg"] | None, digests: bool) -> int:
    """Print a policy, as its file has it.

    POLICY is the id of one that `interlock policies` lists, or the path of a file. An invalid policy is not printed:
    what is wrong with it is, and the exit code is 5.
    """
    from interlock.policy.parse import parse_valid
    from interlock.request import Session

    if graph is not None and digests:
        raise UsageError("give one of `--graph` and `--digests`")
    loaded = Session(request.about([policy], None, cached=not digests)).library.load(policy)
    if digests:
        output.put("".join(f"{harmless(line)}\n" for line in _digests(loaded.policy, parse_valid(loaded.source))))
    elif graph is None:
        output.put(loaded.source.text)
    else:
        output.put(harmless(_picture(loaded.policy, graph), keep="\n"), "utf-8")
    return exit_codes.ALLOWED


def _digests(policy: Policy, document: Document) -> Iterator[str]:
    from interlock.policy.waivers import rule_digests

    digests = rule_digests(document)
    yield f"{policy.digest}  {policy.id}"
    yield from (f"{digests[rule.id]}  {rule.id}" for rule in policy.rules if rule.effect in ("block", "warn"))


def _picture(policy: Policy, form: Literal["mermaid", "svg"]) -> str:
    from interlock.policy.docs.graph import drawn, mermaid, svg

    return (svg if form == "svg" else mermaid)(drawn(policy))
