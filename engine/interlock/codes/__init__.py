"""The reference of what can be wrong with a policy: a page for each code, `CODE.md` in this folder.

A page's first line is its title; it says what the code means, shows a policy that has it, and how to fix that.
"""

from __future__ import annotations

import os

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_SUFFIX = ".md"


def every() -> list[str]:
    """Every code that has a page, sorted."""
    return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(_FOLDER) if name.endswith(_SUFFIX))


def place(code: str) -> str:
    """The file of a code's page. Raises KeyError when there is none."""
    if code not in every():
        raise KeyError(code)
    return os.path.join(_FOLDER, code + _SUFFIX)


def page(code: str) -> str:
    """The page of a code, in Markdown. Raises KeyError when there is none."""
    with open(place(code), encoding="utf-8") as file:
        return file.read()


def title(code: str) -> str:
    """What the code means, in a few words. Raises KeyError."""
    return page(code).partition("\n")[0].partition(": ")[2]
