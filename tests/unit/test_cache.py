"""Compiled policies kept between runs: believed only when nobody else can have written them."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from interlock import cache
from interlock.compiled import CompiledPolicy
from interlock.library import Library

KEY = cache.key("a policy")


@pytest.fixture
def compiled() -> CompiledPolicy:
    return Library().load("loop").compiled


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "interlock"


def entry(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_what_is_stored_is_loaded(compiled: CompiledPolicy, folder: Path) -> None:
    assert cache.load(KEY) is None
    cache.store(KEY, compiled)
    assert cache.load(KEY) == compiled
    assert folder.stat().st_mode & 0o777 == 0o700
    assert entry(folder).stat().st_mode & 0o777 == 0o600


def test_another_text_is_another_entry(compiled: CompiledPolicy, folder: Path) -> None:
    cache.store(KEY, compiled)
    assert cache.load(cache.key("another policy")) is None
    renamed = folder / cache._name(cache.key("another policy"))
    entry(folder).rename(renamed)
    assert cache.load(cache.key("another policy")) is None


@pytest.mark.parametrize("at", [0, 40, -1, -1000])
def test_a_damaged_entry_is_not_believed(compiled: CompiledPolicy, folder: Path, at: int) -> None:
    cache.store(KEY, compiled)
    content = bytearray(entry(folder).read_bytes())
    content[at] ^= 1
    entry(folder).write_bytes(content)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("size", [0, 10, 5_000])
def test_a_cut_entry_is_not_believed(compiled: CompiledPolicy, folder: Path, size: int) -> None:
    cache.store(KEY, compiled)
    entry(folder).write_bytes(entry(folder).read_bytes()[:size])
    assert cache.load(KEY) is None


def test_an_entry_of_another_shape_is_not_believed(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    body = b'["no", "policy"]'
    (folder / cache._name(KEY)).write_bytes(cache._head(KEY) + cache._sum(body) + body)
    (folder / cache._name(KEY)).chmod(0o600)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_not_believed(compiled: CompiledPolicy, folder: Path, mode: int) -> None:
    cache.store(KEY, compiled)
    entry(folder).chmod(mode)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_not_used(compiled: CompiledPolicy, folder: Path, mode: int) -> None:
    cache.store(KEY, compiled)
    folder.chmod(mode)
    assert cache.load(KEY) is None
    entry(folder).unlink()
    cache.store(KEY, compiled)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_believed(compiled: CompiledPolicy, folder: Path) -> None:
    cache.store(KEY, compiled)
    os.chown(entry(folder), 12345, 12345)
    assert cache.load(KEY) is None


def test_a_link_is_not_followed(compiled: CompiledPolicy, folder: Path, tmp_path: Path) -> None:
    cache.store(KEY, compiled)
    real = tmp_path / "elsewhere"
    name = entry(folder)
    name.rename(real)
    name.symlink_to(real)
    assert cache.load(KEY) is None


def test_a_pipe_does_not_make_it_wait(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.mkfifo(folder / cache._name(KEY), 0o600)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("home", ["relative/cache", ""])
def test_without_a_home_nothing_is_kept(
    compiled: CompiledPolicy, home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda _: "~")
    cache.store(KEY, compiled)
    assert cache.load(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_no_error(compiled: CompiledPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    cache.store(KEY, compiled)
    assert cache.load(KEY) is None


def _write_and_read(folder: str, rounds: int) -> int:
    os.environ["XDG_CACHE_HOME"] = folder
    compiled = Library().load("smoke").compiled
    wrong = 0
    for _ in range(rounds):
        cache.store(KEY, compiled)
        wrong += cache.load(KEY) != compiled
    return wrong


def test_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        wrong = pool.starmap(_write_and_read, [(str(tmp_path), 50)] * 3)
    assert wrong == [0, 0, 0]
    assert not list((tmp_path / "interlock").glob("*.tmp"))


def test_the_library_reads_what_it_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Library().load("smoke").compiled

    def never(*_: object) -> None:
        raise AssertionError("compiled anew")

    monkeypatch.setattr("interlock.making.make", never)
    assert Library().load("smoke").compiled == first
