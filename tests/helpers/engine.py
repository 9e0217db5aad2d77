"""Who judges here: both evaluators, or the reference alone where durable-rules cannot be imported."""

from __future__ import annotations

import pytest

from interlock.evaluation.rete import AVAILABLE

ENGINE = "both" if AVAILABLE else "reference"
"""What a decision names as its engine when nobody asks for one."""
needs_engine = pytest.mark.skipif(not AVAILABLE, reason="durable-rules cannot be imported here")


def as_by_both(text: str) -> str:
    """A text as it is where both evaluators judge: without the words that say that one is lacking here."""
    return text if AVAILABLE else text.replace(" (judged by reference alone)", "")


RETE, BOTH = pytest.param("rete", marks=needs_engine), pytest.param("both", marks=needs_engine)
