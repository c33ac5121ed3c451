from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import InvalidResponseError, ProviderUnavailableError
from codeflow_engine.review.files import SharedFiles


class Host:
    """Gives every file its own name as content, and counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Side]] = []
        self.fails = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise ProviderUnavailableError("the host is away")
        self.asked += [(path, side) for path in paths]
        return tuple(
            FileContent(path=path, reason="too large")
            if path == "large"
            else FileContent(path=path, content=f"{side} {path}".encode())
            for path in paths
        )


async def test_a_file_is_asked_for_once_on_each_side() -> None:
    """The answers are those of the host, in the order of the question."""
    host = Host()
    files = SharedFiles(host.read)

    first = await files.read(["a", "b"], Side.NEW)
    again = await files.read(["b", "c", "a", "b"], Side.NEW)
    old = await files.read(["a"], Side.OLD)

    assert [file.content for file in first] == [b"new a", b"new b"]
    assert [file.path for file in again] == ["b", "c", "a", "b"]
    assert [file.content for file in old] == [b"old a"]
    assert host.asked == [("a", Side.NEW), ("b", Side.NEW), ("c", Side.NEW), ("a", Side.OLD)]


async def test_two_that_ask_at_once_are_served_by_one_reading() -> None:
    """The second one waits for the first one's answer."""
    host = Host()
    host.gate.clear()
    files = SharedFiles(host.read)
    both = asyncio.gather(files.read(["a"], Side.NEW), files.read(["a"], Side.NEW))
    await asyncio.sleep(0)
    host.gate.set()

    one, other = await both

    assert one == other
    assert host.asked == [("a", Side.NEW)]


async def test_what_was_not_given_is_asked_for_again() -> None:
    """A reason in place of content may pass, and a failure too; neither is remembered."""
    host = Host()
    files = SharedFiles(host.read)
    for _ in range(2):
        (file,) = await files.read(["large"], Side.NEW)
        assert file.reason == "too large"
    assert len(host.asked) == 2

    host.fails = 1
    with pytest.raises(ProviderUnavailableError):
        await files.read(["a"], Side.NEW)
    assert (await files.read(["a"], Side.NEW))[0].content == b"new a"


async def test_one_that_gives_up_does_not_take_the_other_along() -> None:
    """Where the first one is cancelled, the second one asks itself."""
    host = Host()
    host.gate.clear()
    files = SharedFiles(host.read)
    first = asyncio.create_task(files.read(["a"], Side.NEW))
    second = asyncio.create_task(files.read(["a"], Side.NEW))
    await asyncio.sleep(0)

    first.cancel()
    host.gate.set()

    assert (await second)[0].content == b"new a"


async def test_memory_is_bounded() -> None:
    """Beyond the bound files are read anew each time, and come back whole."""
    host = Host()
    files = SharedFiles(host.read, most=6)

    for _ in range(2):
        assert [one.content for one in await files.read(["a", "b"], Side.NEW)] == [
            *(b"new a", b"new b")
        ]

    assert host.asked == [("a", Side.NEW), ("b", Side.NEW), ("b", Side.NEW)]


async def test_a_host_that_gives_other_files_is_refused() -> None:
    """An answer to another question is no answer, and is not remembered."""

    async def read(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        return (FileContent(path="other", content=b"x"),)

    with pytest.raises(InvalidResponseError, match="other files"):
        await SharedFiles(read).read(["a"], Side.NEW)
