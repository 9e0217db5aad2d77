"""Elements of HTML and SVG: a text of the ledger comes into them as text alone, and is escaped when it is written."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from interlock.escape import harmless


def node(tag: str, *content: Element | str | None, **attributes: object) -> Element:
    """An element with what it holds, in order; None is left out, of the attributes too.

    An attribute is named as in Python: `class_` is `class`, `aria_label` is `aria-label`. Characters that a reader
    obeys rather than shows (controls, marks of direction) are spelled out; line ends of a text are kept.
    """
    element = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            element.set(name.removesuffix("_").replace("_", "-"), harmless(str(value)))
    for part in content:
        if isinstance(part, str):
            _append(element, harmless(part, keep="\n"))
        elif part is not None:
            element.append(part)
    return element


def shipped(name: str) -> str:
    """The text of a style sheet or script that lies beside this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _append(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
