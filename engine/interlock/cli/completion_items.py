"""What may come next on a command line, for the shells: names of policies, tasks, parameters, rules and codes.

Whatever goes wrong, nothing is offered: what is wrong is reported when the command runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from msgspec import structs

from interlock.diagnostics import InterlockError
from interlock.model.policy import Policy
from interlock.policy.library import Library

if TYPE_CHECKING:
    from interlock.request import Session

_WORD = re.compile(r"[\w./:@%+=,-]+")
"""What is one word to every shell, and nothing else: a task's name may be anything, and what is offered gets run."""


def offered(what: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """What there is of a kind (a key of `_EVERY`) that begins as was typed."""
    try:
        with ctx.scope(cleanup=False):
            return [item for item in _EVERY[what](ctx, incomplete) if item.value.startswith(incomplete)]
    except Exception:
        return []


def _policies(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    near = [item for item in _words(_library(ctx).ids()) if item.value.startswith(incomplete)]
    yield from near or [CompletionItem(incomplete, type="file")]


def _tasks(ctx: click.Context, _: str) -> Iterator[CompletionItem]:
    from interlock.ledger import STANDARD_INPUT

    with _session(ctx, at=ctx.params.get("at")) as session:
        if STANDARD_INPUT not in session.places:  # not to be read twice
            yield from _words(session.over(session.tasks))


def _params(ctx: click.Context, _: str) -> Iterator[CompletionItem]:
    given = {text.partition("=")[0] for text in ctx.params.get("params") or ()}
    names = {p.name: p.description for policy in _typed(ctx) for p in policy.parameters if p.name not in given}
    return (CompletionItem(f"{name}=", help=message) for name, message in names.items())


def _rules(ctx: click.Context, _: str) -> Iterator[CompletionItem]:
    return _words(rule.id for policy in _typed(ctx) for rule in policy.rules if rule.effect != "derive")


def _files(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    yield CompletionItem(incomplete, type="file")


def _folders(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    yield CompletionItem(incomplete, type="dir")


def _codes(_: click.Context, __: str) -> Iterator[CompletionItem]:
    from interlock import codes

    return (CompletionItem(code, help=codes.title(code)) for code in codes.every())


def _engines(_: click.Context, __: str) -> Iterator[CompletionItem]:
    from interlock.settings import SETTINGS

    return _words(SETTINGS["engine"].choices)


def _formats(_: click.Context, __: str) -> Iterator[CompletionItem]:
    from interlock.reporting import FORMATS

    return _words(FORMATS)


def _session(ctx: click.Context, **other: Any) -> Session:
    """The session of what the line says so far, of the environment and of the project's file."""
    from interlock.request import Session, request_of
    from interlock.settings import settle

    names = {"ledger": "ledger", "policy-dir": "policy_dir", "schema-dir": "schema_dir"}
    given = {key: ctx.params.get(name) for key, name in names.items()}
    request = request_of(settle(names, given), **other)
    return Session(structs.replace(request, policy_dirs=tuple(filter(os.path.isdir, request.policy_dirs))))


def _library(ctx: click.Context) -> Library:
    return _session(ctx).library


def _typed(ctx: click.Context) -> Iterator[Policy]:
    """The policies that the line names so far and that are valid.

    Where an option still lacks its value, click leaves what it has not made sense of in the context's arguments.
    """
    found = _library(ctx)
    named = filter(None, map(ctx.params.get, ("policy", "old", "new")))
    for name in (*(ctx.params.get("policies") or ()), *named, *ctx.args):
        try:
            yield found.load(name).policy
        except InterlockError:  # it is misspelt, or not valid
            continue


def _words(texts: Iterable[str]) -> Iterator[CompletionItem]:
    return (CompletionItem(text) for text in dict.fromkeys(texts) if _WORD.fullmatch(text))


def _kinds(ctx: click.Context, _: str) -> Iterator[CompletionItem]:
    catalog = _session(ctx).catalog
    return (CompletionItem(kind, help=str(catalog.schema(kind)["description"])) for kind in catalog.kinds)


_EVERY = {
    "kinds": _kinds,
    "policies": _policies,
    "tasks": _tasks,
    "params": _params,
    "rules": _rules,
    "codes": _codes,
    "formats": _formats,
    "engines": _engines,
    "files": _files,
    "folders": _folders,
}
