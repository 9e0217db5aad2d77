"""What is offered at the caret."""

from __future__ import annotations

from typing import Literal

import msgspec

ItemKind = Literal[
    "key", "value", "field", "parameter", "fact", "variable", "function", "operator", "kind", "policy", "rule"
]


class Item(msgspec.Struct, frozen=True):
    """Something that may be written: `text` in place of the `length` characters before the caret.

    `detail` is a few words beside the label; `about` says more, in Markdown. Of lower `rank` are shown first.
    """

    label: str
    kind: ItemKind
    text: str
    length: int
    detail: str = ""
    about: str = ""
    rank: int = 0
