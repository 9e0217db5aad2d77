"""Plain data → YAML text in the form of policies and their tests, which `policy/parse.py` reads as it was."""

from __future__ import annotations

from typing import Any

import yaml

_WIDEST = 90
"""The most characters of the values of a mapping on one line."""
_UNWRAPPED = 1 << 30
"""More columns than a text has, which is never wrapped."""
_AMBIGUOUS = {"y", "n"}
"""Booleans to YAML 1.1, which PyYAML takes for texts."""


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


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text of several lines as a literal block, unless it has line ends that PyYAML would not keep apart."""
    style = None
    if text.lower() in _AMBIGUOUS or not {"\r", "\x85", "\u2028", "\u2029"}.isdisjoint(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
