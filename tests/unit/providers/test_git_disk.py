"""Reads that stay inside: no link, no FIFO, no surprise."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.disk import (
    find,
    in_thread,
    open_directory,
    open_regular,
    read_regular,
    shown,
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """Open a directory with a file, links, and a FIFO."""
    inside = tmp_path / "inside"
    (inside / "dir").mkdir(parents=True)
    (inside / "dir" / "file").write_text("content")
    (inside / "dir" / "link").symlink_to("file")
    (inside / "out").symlink_to(tmp_path)
    (tmp_path / "secret").write_text("secret")
    os.mkfifo(inside / "fifo")
    root = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    yield root
    os.close(root)


def test_a_file_is_found_and_read(root: int) -> None:
    """A file comes with its bytes, up to a limit, as often as asked."""
    with find(root, b"dir/file") as found:
        assert found is not None
        assert found.read(7) == b"content"
        assert found.read(6) is None
        assert list(found.pieces(lambda: None)) == [b"content"]


def test_a_link_is_its_target(root: int) -> None:
    """A link comes with what it leads to, and has nothing to read piece by piece."""
    with find(root, b"dir/link") as found:
        assert found is not None
        assert (found.file, found.read(1)) == (None, b"file")
        assert list(found.pieces(lambda: None)) == []


@pytest.mark.parametrize(
    "path", [b"none", b"dir", b"fifo", b"out/secret", b"dir/file/x", b"none/x", b"fifo/x"]
)
def test_s18_everything_else_is_not_there(root: int, path: bytes) -> None:
    """Neither a directory, nor a FIFO, nor what lies behind a link is found."""
    with find(root, path) as found:
        assert found is None


def test_a_directory_that_cannot_be_opened_is_an_error(root: int) -> None:
    """An error of the system that does not mean "absent" is not swallowed."""
    with (
        pytest.raises(OSError, match="File name too long") as caught,
        find(root, b"n" * 300 + b"/x"),
    ):
        pass
    assert caught.value.filename == b"n" * 300 + b"/x".removesuffix(b"/x")


def test_s18_a_fifo_that_takes_a_files_place_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is opened is looked at again, and the opening does not wait for a writer."""
    path = tmp_path / "file"
    path.write_text("")
    real = os.open

    def swap(*words: object, **named: object) -> int:
        path.unlink()
        os.mkfifo(path)
        return real(*words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", swap)

    assert open_regular(None, path) is None


def test_a_small_file(tmp_path: Path) -> None:
    """A file of a repository's own is read whole or refused; none is None."""
    (tmp_path / "file").write_text("12345")
    (tmp_path / "link").symlink_to("file")

    assert read_regular(tmp_path / "file", limit=5) == b"12345"
    assert read_regular(tmp_path / "none", limit=5) is None
    assert read_regular(tmp_path / "file" / "none", limit=5) is None
    with pytest.raises(ChangeUnavailableError, match="larger than 4 bytes"):
        read_regular(tmp_path / "file", limit=4)
    with pytest.raises(ChangeUnavailableError, match="is not a regular file"):
        read_regular(tmp_path / "link", limit=5)


def test_descriptors_are_closed(root: int) -> None:
    """No look, whatever its end, leaves a descriptor open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (b"dir/file", b"dir/link", b"none/x", b"fifo", b"out/secret", b"dir"):
        with find(root, path):
            pass
    os.close(open_directory(root, b"dir"))

    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_an_error_of_the_system_is_one_of_ours() -> None:
    """What the system refuses is named, with its reason, as an unavailable change."""

    def work(_: object) -> None:
        Path("/nonexistent\n/file").stat()

    with pytest.raises(
        ChangeUnavailableError, match=r"could not read /nonexistent\\n/file: No such"
    ):
        await in_thread(work)
    with pytest.raises(ChangeUnavailableError, match="could not read: Bad file"):
        await in_thread(lambda _: os.fstat(-1))


async def test_work_in_a_thread_ends_with_its_caller() -> None:
    """A cancelled call stops its work, and waits until it has ended, however often cancelled."""
    started, seen = threading.Event(), []

    def work(stop: object) -> None:
        assert callable(stop)
        started.set()
        for round_ in range(100_000):
            seen.append(round_)
            threading.Event().wait(0.001)
            stop()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    count = len(seen)
    await asyncio.sleep(0.02)
    assert len(seen) == count < 100_000


async def test_an_error_of_work_that_nobody_waits_for_is_dropped() -> None:
    """A cancelled call is cancelled, also when its work fails meanwhile."""
    started, go = threading.Event(), threading.Event()

    def work(_: object) -> None:
        started.set()
        go.wait(90)
        raise ChangeUnavailableError("too late")

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff", "\\udcff"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("\u202e", "\\u202e"),
        (Path("/a/b"), "/a/b"),
        ("x" * 300, "x" * 200 + "..."),
    ],
)
def test_s8_foreign_texts_in_messages(text: str | bytes | Path, expected: str) -> None:
    """A message stays one line without control characters, and of bounded length."""
    assert shown(text) == expected
