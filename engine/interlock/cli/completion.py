"""`interlock completion`: what makes a shell complete the command's lines."""

from __future__ import annotations

import click

from interlock.cli import exit_codes, output
from interlock.cli.options import OneOf

_SPACE = "    return 0"
_NO_SPACE = '    [[ "${COMPREPLY[0]-}" == *= ]] && compopt -o nospace 2>/dev/null\n    return 0'
"""What ends in `=`, such as a parameter, is not finished: bash must add no space to it."""


_EXAMPLES = """\b
Examples:
  eval "$(interlock completion bash)"  # in ~/.bashrc
  eval "$(interlock completion zsh)"   # in ~/.zshrc, below compinit
  interlock completion fish > ~/.config/fish/completions/interlock.fish
"""


@click.command("completion", short_help="Print what makes a shell complete.", epilog=_EXAMPLES)
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script that makes a shell complete commands, options, and names of policies, tasks and parameters.

    A shell reads it when it starts; the examples show where each shell reads it.
    """
    from click.shell_completion import get_completion_class

    from interlock.cli import main

    made = get_completion_class(shell)
    if made is None:
        raise LookupError(f"click completes nothing in {shell}")
    output.put(made(main, {}, "interlock", "_INTERLOCK_COMPLETE").source().replace(_SPACE, _NO_SPACE))
    return exit_codes.ALLOWED
