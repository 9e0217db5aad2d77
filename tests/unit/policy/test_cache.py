"""Compiled policies kept between runs: believed only when nobody else can have written them."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import msgspec
import pytest

from interlock import schemas
from interlock.model.compiled import CompiledPolicy
from interlock.policy import cache
from interlock.policy.library import Library

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


def test_an_entry_that_is_a_folder_is_not_believed_and_leaves_no_litter(compiled: CompiledPolicy, folder: Path) -> None:
    (folder / cache._name(KEY)).mkdir(parents=True)
    folder.chmod(0o700)
    assert cache.load(KEY) is None
    cache.store(KEY, compiled)
    assert [each.name for each in folder.iterdir()] == [cache._name(KEY)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_entry_that_cannot_be_read_is_not_believed(compiled: CompiledPolicy, folder: Path) -> None:
    cache.store(KEY, compiled)
    entry(folder).chmod(0o000)
    assert cache.load(KEY) is None


def test_an_entry_that_cannot_be_read_to_its_end_is_not_believed(
    compiled: CompiledPolicy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(KEY, compiled)
    monkeypatch.setattr(cache, "_LARGEST", 100)
    assert cache.load(KEY) is None

    def broken(*_: object, **__: object) -> None:
        raise OSError("input/output error")

    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent))
    monkeypatch.setattr("builtins.open", broken)
    assert cache.load(KEY) is None


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'["\xff"]', b"{", b""])
def test_an_entry_whose_sum_is_right_and_whose_data_is_not_is_not_believed(folder: Path, body: bytes) -> None:
    folder.mkdir(mode=0o700)
    (folder / cache._name(KEY)).write_bytes(cache._head(KEY) + cache._sum(body) + body)
    (folder / cache._name(KEY)).chmod(0o600)
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
        raise AssertionError("compiled again")

    monkeypatch.setattr("interlock.policy.library.make", never)
    assert Library().load("smoke").compiled == first


def forged(policy: str) -> CompiledPolicy:
    """A policy as it would be compiled if it allowed whatever its rules find."""
    compiled = Library(cached=False).load(policy).compiled
    allows = tuple(msgspec.structs.replace(line, allow=True) for line in compiled.policy.decide)
    return msgspec.structs.replace(compiled, policy=msgspec.structs.replace(compiled.policy, decide=allows))


def plant(policy: str, compiled: CompiledPolicy) -> None:
    """Make an entry the kept form of a shipped policy."""
    library = Library()
    text = library.load(policy).source.text
    cache.store(cache.key(schemas.schemas_digest(), os.path.basename(library.path(policy)), text), compiled)


def test_what_was_planted_is_what_is_loaded(folder: Path) -> None:
    plant("smoke", forged("smoke"))
    assert all(line.allow for line in Library().load("smoke").policy.decide), "the forgery below tests nothing"


def test_a_library_without_a_cache_neither_believes_nor_writes_an_entry(folder: Path) -> None:
    library = Library(cached=False)
    honest = library.load("smoke").compiled
    assert not folder.exists()
    plant("smoke", forged("smoke"))
    before = entry(folder).stat()
    assert Library(cached=False).load("smoke").compiled == honest
    assert (entry(folder).stat().st_mtime_ns, entry(folder).stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_an_entry_that_states_another_digest_than_its_text_has_is_not_believed(folder: Path) -> None:
    compiled = forged("smoke")
    another = "sha256:" + "0" * 64
    plant("smoke", msgspec.structs.replace(compiled, policy=msgspec.structs.replace(compiled.policy, digest=another)))
    assert Library().load("smoke").compiled == Library(cached=False).load("smoke").compiled
