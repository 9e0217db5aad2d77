"""A case as the text of a test file, and added to one that is there: `policy/parse.py` reads it as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from interlock.diagnostics import PolicyError, Source, UsageError
from interlock.policy.parse import Document, ambiguous, parse_yaml

_KEYS = ("case", "now", "task", "params", "facts", "expect")
_WIDEST = 90
"""The most characters of the values of a mapping on one line."""
_UNWRAPPED = 1 << 30
"""More columns than a text has, which is never wrapped."""


def dump(data: Any) -> str:
    """The text of `data`: what holds a few scalars on one line, the rest in blocks; a text of several lines as such."""
    written: str = yaml.dump(
        data, Dumper=_Dumper, allow_unicode=True, default_flow_style=None, sort_keys=False, width=_UNWRAPPED
    )
    return written


class _Dumper(yaml.SafeDumper):
    """No aliases, which policies may not have; lists are indented."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        if sum(len(value.value) for _, value in node.value if isinstance(value, yaml.ScalarNode)) > _WIDEST:
            node.flow_style = False
        return node


def _scalar(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text of several lines as a literal block, unless it has line ends that PyYAML would not keep apart."""
    style = None
    if ambiguous(text) or not {"\r", "\x85", "\u2028", "\u2029"}.isdisjoint(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _scalar)


def new_file(policy: str, schema: str, case: Mapping[str, Any]) -> str:
    """A test file with one case. `policy` is what the file calls the policy, `schema` where its schema is."""
    written = dump({"policy": policy, "cases": [_ordered(case)]}).replace("\ncases:", "\n\ncases:", 1)
    return f"# yaml-language-server: $schema={schema}\n{written}"


def with_case(source: Source, case: Mapping[str, Any]) -> tuple[Source, Mapping[str, Any]]:
    """A test file with a case more, after all others, and the case, under another name if its own was taken.

    Nothing else of the text is changed. Raises PolicyError where it is not YAML, UsageError where no case can be added.
    """
    document, issues = parse_yaml(source)
    if document is None or issues:
        raise PolicyError(issues, (source,))
    cases = document.data.get("cases") if isinstance(document.data, dict) else None
    if not isinstance(cases, list) or not all(isinstance(each, dict) for each in cases) or not _is_block(document):
        raise UsageError(f"`{source.name}` has no list of cases, each after a dash, that one could be added to")
    named = {**case, "case": _free(str(case["case"]), {each.get("case") for each in cases})}
    text, place = source.text, document.places["cases",].start
    at = _end(document)
    made = _text(named, place - (text.rfind("\n", 0, place) + 1))
    before = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
    found = f"{before}\n{made}{text[at:]}"
    changed, _ = parse_yaml(Source(source.name, found))
    if changed is None or changed.data != {**document.data, "cases": [*cases, named]}:
        raise UsageError(f"`{source.name}` is written so that no case can be added to it; write to another file")
    return Source(source.name, found if "\r\n" not in text else re.sub("\r?\n", "\r\n", found)), named


def _is_block(document: Document) -> bool:
    return document.source.text[document.places["cases",].start :].startswith("-")


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _free(name: str, taken: set[Any]) -> str:
    """The name, with a number after it where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def _end(document: Document) -> int:
    """Where the list of cases is over: where the file is, or after the last line of the last case."""
    text, start = document.source.text, document.places["cases",].start
    if all(key.start < start for path, key in document.keys.items() if len(path) == 1):
        return len(text)
    inside = ((path, place) for path, place in document.places.items() if path[:1] == ("cases",))
    last = max(place.end for path, place in inside if text[place.start] in "[{" or _is_leaf(document.data_at(path)))
    return last if text[last - 1] == "\n" else (text.find("\n", last) + 1 or len(text))


def _text(case: Mapping[str, Any], indent: int) -> str:
    """The case as an entry of a list whose dashes are indented that far."""
    lines = dump([_ordered(case)]).splitlines(keepends=True)
    return "".join(f"{' ' * indent}{line}" if line.strip() else line for line in lines)


def _ordered(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: case[name] for name in _KEYS if name in case}
