"""`interlock explain-code`: what an issue's code means."""

from __future__ import annotations

import click

from interlock import codes
from interlock.cli import exit_codes, options, output
from interlock.diagnostics import UsageError, nearest

_EXAMPLES = """\b
Examples:
  interlock explain-code E502
  interlock explain-code
"""


@click.command("explain-code", short_help="Describe an issue's code.", epilog=_EXAMPLES)
@click.argument("code", required=False, shell_complete=options.completes("codes"))
def command(code: str | None) -> int:
    """Print what a code such as E502 means, a policy that has it, and how to fix it.

    Without a CODE, list them all.
    """
    known = codes.every()
    if code is None:
        output.put("".join(f"{each}  {codes.title(each)}\n" for each in known))
        return exit_codes.ALLOWED
    if code.upper() not in known:
        near = nearest(code.upper(), known)
        hint = f"did you mean `{near}`? " if near else ""
        raise UsageError(f"unknown code `{code}`; {hint}`interlock explain-code` lists all {len(known)}")
    output.put(codes.page(code.upper()))
    return exit_codes.ALLOWED
