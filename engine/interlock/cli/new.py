"""`interlock new`: a first policy and its test, to go on from.

The two files beside this module are a policy and a test like any other; an author gets them under another id.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import click

from interlock.cli import exit_codes, options, output
from interlock.diagnostics import UsageError
from interlock.files import reason
from interlock.resources import with_schema_reference

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
_TEMPLATE = "new-gate"
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


_EXAMPLES = """\b
Examples:
  interlock new my-gate
  interlock new my-gate --dir gates
"""


@click.command("new", short_help="Write a first policy and its test.", epilog=_EXAMPLES)
@click.argument("policy", metavar="POLICY")
@options.folder(".", "this one")
def command(policy: str, folder: str) -> int:
    """Write POLICY.yaml, a small commented gate, and POLICY_test.yaml, a test that it passes. Nothing is overwritten.

    POLICY is the new policy's id: lower-case words joined by hyphens.

    Exit code: 0 written, 2 usage error (nothing was written), 1 a bug in interlock.
    """
    _refuse_bad(policy)
    names = (f"{policy}.yaml", f"{policy}_test.yaml")
    files = {os.path.join(folder, name): _text(name.replace(policy, _TEMPLATE, 1), policy, folder) for name in names}
    _write(files)
    written, test = (os.path.normpath(path) for path in files)
    output.put(_TOLD.format(policy=written, test=test, named=written if os.sep in written else f"./{written}"))
    return exit_codes.ALLOWED


_TOLD = """\
wrote {policy} and {test}

Go on with:
  interlock check {policy}
  interlock test {test}
  interlock demo --write story.db
  interlock eval {named} --ledger story.db --task checkout-refactor --at 2026-06-22T09:20:00Z
"""


def _refuse_bad(policy: str) -> None:
    if not _ID.fullmatch(policy):
        meant = re.sub("[^a-z0-9]+", "-", os.path.basename(policy).removesuffix(".yaml").lower()).strip("-")
        hint = f"; did you mean `{meant}`?" if _ID.fullmatch(meant) else ""
        raise UsageError(f"`{policy}` is not a policy id: lower-case words joined by hyphens, a letter first{hint}")
    from interlock.diagnostics import Source
    from interlock.policy.parse import parse_yaml
    from interlock.request import library

    document, issues = parse_yaml(Source("", policy))
    if issues or document is None or document.data != policy:
        raise UsageError(f"`{policy}` means something else than a text in YAML; give the policy another id")
    if policy in library().ids():
        raise UsageError(f"`{policy}` is a policy that comes with interlock; give yours another id")


def _text(name: str, policy: str, folder: str) -> str:
    with open(os.path.join(_HERE, name), encoding="utf-8") as file:
        text = file.read()
    title = policy.replace("-", " ").capitalize()
    return with_schema_reference(text, folder).replace("New gate", title).replace(_TEMPLATE, policy)


def _write(files: Mapping[str, str]) -> None:
    """Write all of the files, or none. Raises UsageError, also where one of them is there already."""
    made: list[str] = []
    try:
        for path, text in files.items():
            with open(path, "x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except BaseException as error:
        for path in made:
            os.unlink(path)
        if not isinstance(error, OSError):
            raise
        hint = "; give another id, or remove it" if isinstance(error, FileExistsError) else ""
        raise UsageError(f"cannot write `{error.filename or path}`: {reason(error)}{hint}") from None
