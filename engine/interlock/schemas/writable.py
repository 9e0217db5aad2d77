"""Whether a document can be written as JSON in UTF-8, and read again: the part of an answer that no schema gives."""

from __future__ import annotations

import msgspec

DEEPEST = 500
"""The deepest nesting that any reader can be relied on to follow."""

_ENCODER = msgspec.json.Encoder()


def is_writable(document: object) -> bool:
    """Whether `document` holds no text that is none (an unpaired surrogate), and is not nested too deeply."""
    try:
        text = _ENCODER.encode(document)
    except (ValueError, TypeError, RecursionError):
        return False
    # A level takes two characters at least, one of them a bracket: hardly any document has enough to be looked into.
    if len(text) <= 2 * DEEPEST or text.count(b"{") + text.count(b"[") <= DEEPEST:
        return True
    from interlock.schemas.unwritable import unwritable

    return not any(unwritable(document, "document"))
