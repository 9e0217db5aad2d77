"""The public Python API."""

from __future__ import annotations

import pytest

import interlock


@pytest.mark.parametrize("name", interlock.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    found = getattr(interlock, name)
    assert name == "__version__" or found.__name__ == name
