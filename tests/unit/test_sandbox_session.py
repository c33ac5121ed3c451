"""Programs in dialogue."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from codeflow_engine.errors import SandboxError, SandboxLimitError, SandboxTimeoutError
from codeflow_engine.sandbox import Isolation, Limits, Sandbox, Session
from codeflow_engine.sandbox.ladder import Ladder

Ladders = dict[str, Ladder]

Open = Callable[..., AbstractAsyncContextManager[Session]]


@pytest.fixture(params=[*Isolation, "trusted"])
async def session(request: pytest.FixtureRequest, ladders: Ladders) -> AsyncIterator[Open]:
    """Give `Sandbox.session` in each of its ways."""
    trusted = request.param == "trusted"
    async with Sandbox(prefer=Isolation.NONE if trusted else request.param) as made:
        made._ladder = ladders.setdefault(request.param, made._ladder)
        if not trusted and await made.isolation() is not request.param:
            pytest.skip(f"this machine has no rung {request.param}: {dict(made.refusals)}")
        yield partial(made.session, isolate=not trusted)


@pytest.fixture
async def trusted() -> AsyncIterator[Open]:
    """Give one way, for what happens on the engine's side alone."""
    async with Sandbox() as made:
        yield partial(made.session, isolate=False)


async def test_lines_and_bytes_go_to_and_fro(session: Open) -> None:
    """What is written comes back by line, by exact count, and in pieces."""
    async with session(["cat"]) as cat:
        await cat.write(b"one\ntwo, three")
        assert await cat.readline() == b"one\n"
        assert await cat.readexactly(4) == b"two,"
        assert await cat.read(100) == b" three"
        cat.write_eof()
        assert await cat.read(100) == b""
        assert await cat.wait() == 0


async def test_git_answers_questions_about_objects(session: Open, git_repository: Any) -> None:
    """`git cat-file --batch` is the dialogue that the sandbox was made for."""
    commit = git_repository.commit({"a.txt": "x" * 200_000})
    argv = ["git", "--git-dir", str(git_repository.path / ".git"), "cat-file", "--batch"]

    async with session(argv, readable=[git_repository.path]) as git:
        for _ in range(3):
            await git.write(f"{commit}:a.txt\n".encode())
            _, kind, size = (await git.readline()).split()
            assert (kind, size) == (b"blob", b"200000")
            assert await git.readexactly(200_001) == b"x" * 200_000 + b"\n"


async def test_a_reader_that_falls_behind_makes_the_program_wait(session: Open) -> None:
    """Unread output is bounded, and nothing of it is lost."""
    async with session(["head", "-c", "8000000", "/dev/zero"]) as head:
        await asyncio.sleep(0.3)
        waiting = head._child.stdout._left
        total = 0
        while data := await head.read(1_000_000):
            total += len(data)

    assert waiting is not None
    assert waiting > Limits().output_bytes - 4_000_000  # type: ignore[operator]  # has a default
    assert total == 8_000_000


async def test_the_deadline_ends_a_session_while_it_reads(session: Open) -> None:
    """A program that is silent past the deadline is an error, not an end of output."""
    async with session(["sleep", "60"], limits=Limits(timeout=0.4)) as silent:
        with pytest.raises(SandboxTimeoutError, match=r"0\.4 s"):
            await silent.readline()
        with pytest.raises(SandboxTimeoutError):
            await silent.read(1)
        with pytest.raises(SandboxTimeoutError):
            await silent.wait()


async def test_the_cap_ends_a_session_while_it_reads(trusted: Open) -> None:
    """More output than the cap is an error, not an end of output."""
    async with trusted(["yes"], limits=Limits(output_bytes=200_000)) as yes:
        with pytest.raises(SandboxLimitError, match="200000 bytes"):
            await yes.readexactly(1_000_000)


async def test_an_early_end_is_an_error_with_the_status(session: Open) -> None:
    """A program that ends before it has answered is told with its exit status."""
    async with session(["sh", "-c", "echo half; printf rest; echo why >&2; exit 3"]) as program:
        assert await program.readline() == b"half\n"
        with pytest.raises(SandboxError, match=r"sh ended its output .* status was 3"):
            await program.readline()
        with pytest.raises(SandboxError, match="0 of 5 bytes in; its exit status was 3"):
            await program.readexactly(5)
        with pytest.raises(SandboxError, match="reads no more"):
            await program.write(bytes(1_000_000))
        assert program.stderr == b"why\n"
        assert await program.wait() == 3


async def test_a_line_without_an_end_is_an_error(trusted: Open) -> None:
    """A line has a longest length, so that it cannot fill the host's memory."""
    async with trusted(["cat", "/dev/zero"]) as endless:
        with pytest.raises(SandboxLimitError, match="line"):
            await endless.readline()


async def test_leaving_ends_a_program_that_goes_on(session: Open) -> None:
    """A session that is left takes its program along, also one that ignores its input's end."""
    loop = asyncio.get_running_loop()
    async with session([sys.executable, "-IS", "-c", "import time; time.sleep(60)"]) as program:
        started = loop.time()

    assert loop.time() - started < 5
    assert program._child.exited.done()


async def test_an_error_in_the_block_passes_and_the_program_ends(trusted: Open) -> None:
    """The caller's own error is what the caller sees."""
    with pytest.raises(ZeroDivisionError):
        async with trusted(["cat"]) as cat:
            raise ZeroDivisionError

    assert cat._child.exited.done()


async def test_two_writers_at_once_are_a_mistake(trusted: Open) -> None:
    """Writes cannot interleave unnoticed."""
    async with trusted(["sleep", "60"]) as deaf:
        first = asyncio.create_task(deaf.write(bytes(1_000_000)))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another write"):
            await deaf.write(b"more")
        first.cancel()
