"""`interlock new-kind`: a first schema for an own fact kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from interlock.cli import exit_codes, options, output
from interlock.cli.renamed import formerly
from interlock.cli.request import asking, session_of
from interlock.diagnostics import PolicyError, Source, UsageError
from interlock.files import reason
from interlock.reporting.style import counted

if TYPE_CHECKING:
    from interlock.request import Request

_EXAMPLES = """\b
Examples:
  interlock new-kind deploy_approved
  interlock new-kind deploy_approved --ledger events.ndjson
"""


@click.command("new-kind", short_help="Write a first schema for a fact kind.", epilog=_EXAMPLES)
@click.argument("kind", metavar="KIND")
@options.ledger("sources", "by default none")
@options.folder(os.path.join("schemas", "facts"), "schemas/facts")
@asking("policy-dir", "schema-dir")
@formerly("--from", "sources", "`--ledger PATH`", multiple=True)
def command(request: Request, kind: str, sources: tuple[str, ...], folder: str) -> int:
    """Write KIND.schema.json, the JSON Schema of an own fact kind, to go on from. Nothing is overwritten.

    With --ledger, it is written from the receipts of that kind, or the CloudEvents whose type ends in its name: which
    fields they have, of which types, and which of them are always there. A text gets a closed set of values only where
    50 receipts or more have few different words, each of them often. No other value of a receipt is written.

    Exit code: 0 written, 2 usage error (nothing was written), 6 the ledger cannot be read, 1 a bug in interlock.
    """
    from interlock.analysis.new_kind import Samples, inferred, samples, suggested
    from interlock.schemas.build import built
    from interlock.schemas.documents import SUFFIX, shipped_kinds

    path = os.path.join(folder, kind + SUFFIX)
    if kind in shipped_kinds():
        raise UsageError(f"`{kind}` is a fact kind that ships with interlock; give yours another name")
    try:
        built(kind, Source(path, "{}"))
    except PolicyError as error:
        raise UsageError("; ".join(filter(None, [error.issues[0].message, error.issues[0].hint]))) from None
    if os.path.lexists(path):
        raise UsageError(f"`{path}` is there already; remove it, or give the kind another name")
    found = Samples((), (), (), ())
    if sources:
        with session_of(request.about((), None, ledger=sources), opens=False) as session:
            found = samples(session, kind)
        if not found.data:
            raise UsageError(f"no receipt of the kind `{kind}` is in {' or '.join(sources)}; {suggested(found.kinds)}")
    text = inferred(kind, found)
    made = built(kind, Source(path, text))
    _write(path, text)
    count = f" from {counted(len(found.data), 'receipt')}" if found.data else ""
    output.put(_TOLD.format(path=path, count=count, kind=made.name))
    return exit_codes.ALLOWED


_TOLD = """\
wrote {path}{count}

Go on with:
  interlock kinds {kind}
  interlock new my-gate
"""


def _write(path: str, text: str) -> None:
    try:
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write `{path}`: {reason(error)}") from None
