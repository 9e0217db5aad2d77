"""Texts that are read otherwise than their author means: braces that are doubled, a `#` that begins a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from interlock.language.syntax import parse
from interlock.policy.parse import Document
from interlock.schemas.wording import Path

_DOUBLED = re.compile(r"(?<!\{)\{\{([^{}]+)\}\}(?!\})")
_MESSAGES = ("block", "warn", "note", "message", "reason", "fix", "hint")
_CONDITIONS = ("when", "unless")


def doubled_braces(document: Document, names: frozenset[str]) -> Iterator[tuple[Path, int, int, str]]:
    """The messages with `{{ expression }}`, which is a text in braces: the place in it, and the expression.

    `names` are those that the policy declares, parameters as `params.NAME`.
    """
    for path in messages(document.data):
        text = document.data_at(path)
        for found in _DOUBLED.finditer(text) if isinstance(text, str) else ():
            if _is_expression(found[1], names):
                yield path, *found.span(), found[1].strip()


def cut_texts(document: Document) -> Iterator[tuple[Path, int]]:
    """The messages and expressions that a `#` cuts short, with its offset: a comment has a space after its `#`."""
    for path in (*messages(document.data), *expressions(document.data)):
        at = document.comment_after(path)
        if at is not None and not document.source.text[at + 1 : at + 2].isspace():
            yield path, at


def messages(data: dict[str, Any]) -> Iterator[Path]:
    """The paths of a valid policy's messages."""
    for part in ("rules", "decide"):
        yield from ((part, i, key) for i, each in enumerate(data.get(part) or ()) for key in _MESSAGES if key in each)
    for name, each in (data.get("facts") or {}).items():
        said = each.get("required")
        if isinstance(said, dict):
            yield from (("facts", name, "required", key) for key in _MESSAGES if key in said)
        elif said is not None:
            yield ("facts", name, "required")


def expressions(data: dict[str, Any]) -> Iterator[Path]:
    """The paths of a valid policy's expressions."""
    yield from ((key,) for key in _CONDITIONS if key in data)
    yield from (("facts", name, "where") for name, each in (data.get("facts") or {}).items() if "where" in each)
    for part in ("rules", "decide"):
        for index, each in enumerate(data.get(part) or ()):
            yield from ((part, index, key) for key in _CONDITIONS if key in each)
            yield from _leaves(each.get("data"), (part, index, "data"))
            yield from _leaves(each.get("derive"), (part, index, "derive"))
    yield from _leaves(data.get("outputs"), ("outputs",))
    for name, need in (data.get("needs") or {}).items():
        yield from ((("needs", name, "tasks"),) if "tasks" in need else ())
        yield from _leaves(need.get("with"), ("needs", name, "with"))


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif value is not None:
        yield path


def _is_expression(text: str, names: frozenset[str]) -> bool:
    """Whether it is an expression of which every name is known."""
    tree = parse(text)
    if isinstance(tree, tuple):
        return False
    found = {str(node.children[0]) for node in tree.find_data("name")} - {"params"}
    found |= {f"params.{node.children[1]}" for node in tree.find_data("select") if _is_params(node.children[0])}
    return bool(found) and found <= names


def _is_params(node: Any) -> bool:
    return getattr(node, "data", None) == "name" and node.children[0] == "params"
