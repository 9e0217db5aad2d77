"""A file is read whole, or there is a reason why it is not; nothing waits for a pipe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interlock.diagnostics import PolicyError
from interlock.files import MAX_SOURCE_BYTES, TooLargeError, UnreadableError, read_file, read_source


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\r\n" * 4)
    assert read_file(str(path), 8) == b"\r\n" * 4
    with pytest.raises(TooLargeError, match=r"^too large: 8 bytes; at most 7 are read$"):
        read_file(str(path), 7)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_only_regular_files_are_read(make: object, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "odd")
    with pytest.raises(UnreadableError, match=r"^not a regular file$"):
        read_file(str(tmp_path / "odd"), 8)


def test_the_reason_of_the_system_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"^no such file or directory$"):
        read_file(str(tmp_path / "gone"), 8)


def test_a_file_that_says_nothing_of_its_size_is_bounded_too() -> None:
    path = "/proc/self/status"
    if not os.path.exists(path):
        pytest.skip("no such file system here")
    with pytest.raises(TooLargeError, match="at most 7 are read"):
        read_file(path, 7)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b" " * (MAX_SOURCE_BYTES + 1), "E001.*the file has 1,048,577 bytes; a list of waivers has at most 1,048,576"),
        (b"- a\n- \xff", ":2:3: error.E002.*the file is not UTF-8 text"),
    ],
    ids=["large", "binary"],
)
def test_what_is_no_text_has_a_place(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=told):
        read_source(str(path), "list of waivers")
