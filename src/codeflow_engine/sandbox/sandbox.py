"""The sandbox: the one way in which the engine starts a process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from codeflow_engine.errors import ConfigurationError, SandboxError
from codeflow_engine.sandbox.child import Child
from codeflow_engine.sandbox.ladder import Ladder, Order
from codeflow_engine.sandbox.rungs import find
from codeflow_engine.sandbox.scratch import Scratch
from codeflow_engine.sandbox.session import Session
from codeflow_engine.sandbox.values import Completed, Isolation, Limits
from codeflow_engine.sandbox.view import own_package

__all__ = ["Sandbox"]

_DEFAULT: Final = Limits()
_PATIENCE: Final = 10.0


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Sandbox:
    """Starts programs with no key in reach, and ends them with all that they started.

    Every program gets a fixed argument vector and never a shell, an environment of five
    fixed variables and what the caller adds, a session of its own, no descriptor but its
    three, limits, a private empty directory as home, temporary and working directory, and
    a deadline. Its output is whole, or there is an error.

    One event loop at a time. Construction does nothing.

    Args:
        prefer: The best rung to try; `None` tries all. The outcome can be a lower one.
        python: The interpreter for Python programs, of the running installation; needed
            where `sys.executable` is none, as inside uWSGI.
        directory: Where private directories on disk are made; `None` is the platform's
            temporary directory.
        parallel: Isolated runs at once, others wait for their turn; `None` is two more
            than there are cores. Trusted programs and sessions do not count.

    Raises:
        ConfigurationError: `prefer` names no rung, or `parallel` is not positive.
    """

    def __init__(
        self,
        *,
        prefer: Isolation | str | None = None,
        python: str | None = None,
        directory: Path | None = None,
        parallel: int | None = None,
    ) -> None:
        if parallel is not None and parallel < 1:
            message = f"Sandbox(parallel=...) must be positive, not {parallel}"
            raise ConfigurationError(message)
        self._python = sys.executable if python is None else python
        self._ladder = Ladder(prefer=prefer, python=self._python)
        self._scratch = Scratch(directory)
        self._starting = asyncio.Lock()
        # More at once end no sooner, and keep the host's loop waiting for a core: 20 starts
        # at once on two cores stalled it for 35 ms, four at a time for 15, in equal time.
        self._turns = asyncio.Semaphore(parallel or _cores() + 2)
        self._running: set[Child] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every program that still runs and remove every private directory."""
        self._closed = True
        for child in self._running:
            child.stop(SandboxError("the sandbox was closed"))
        if self._running:
            # Each run waits for its own end, and says so when the kernel holds one back.
            await asyncio.wait([child.exited for child in self._running], timeout=_PATIENCE)
        await self._scratch.aclose()

    async def isolation(self) -> Isolation:
        """Give the rung that isolated programs get here; the first call tries it out.

        Raises:
            SandboxError: There is no Python interpreter to confine programs with.
        """
        return (await self._ladder.rung()).rung

    @property
    def refusals(self) -> Mapping[Isolation, str]:
        """Why the rungs above the present one cannot be had; empty before the first try."""
        return self._ladder.refusals

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        """Lend a private, empty directory on disk, for files that programs shall read.

        It is removed afterwards; if this process dies, by the next sandbox that needs one.
        """
        self._check_open()
        path = await self._scratch.fresh()
        try:
            yield path
        finally:
            await self._scratch.remove(path)

    async def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        stdin: bytes | Path | None = None,
        limits: Limits = _DEFAULT,
        env: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        isolate: bool = True,
        check: bool = False,
    ) -> Completed:
        """Run a program to its end.

        Args:
            argv: The program and its words. A bare name is looked for beside the
                interpreter and in the system's directories, never by `PATH`.
            stdin: Bytes, or a regular file, to read; else its input is empty.
            limits: What it may use.
            env: Variables beside the fixed ones.
            readable: Paths that it can read; on the lowest rung it can read all.
            writable: Paths that it can write to as well.
            isolate: Use the best rung. Without, a trusted program sees host and network
                and has all the rest: no environment, own session, limits, caps, group kill.
            check: Raise when the exit status is not 0.

        Raises:
            SandboxTimeoutError: It ran past its deadline.
            SandboxLimitError: It wrote more than allowed, or used up CPU time or file size.
            SandboxError: It could not be started or confined, or its status is lost.
        """
        words = self._words(argv)
        order = Order(
            words=["exec", *words] if isolate else words,
            program=words[0],
            isolate=isolate,
            limits=limits,
            stdin=stdin,
            env=env or {},
            readable=readable,
            writable=writable,
        )
        return await self._complete(order, check=check)

    async def run_python(
        self,
        module: str,
        *args: str,
        stdin: bytes | Path | None = None,
        limits: Limits = _DEFAULT,
        env: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        check: bool = False,
    ) -> Completed:
        """Run a module as `python -I -m` does, always on the best rung.

        The module comes from the interpreter's own installation or from this package,
        wherever that lies; never from the working directory or `PYTHONPATH`. The other
        arguments and the errors are those of `run`.
        """
        own = own_package()
        parent = str(own.parent) if module.partition(".")[0] == own.name else ""
        order = Order(
            words=["python", parent, module, *args],
            program=module,
            isolate=True,
            limits=limits,
            stdin=stdin,
            env=env or {},
            readable=readable,
            writable=writable,
        )
        return await self._complete(order, check=check)

    @asynccontextmanager
    async def session(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        limits: Limits = _DEFAULT,
        env: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        isolate: bool = True,
    ) -> AsyncIterator[Session]:
        """Start a program to talk with; it is ended when the block is left.

        Deadline and caps hold for the whole session. The arguments and the errors are
        those of `run`.
        """
        words = self._words(argv)
        order = Order(
            words=["exec", *words] if isolate else words,
            program=words[0],
            isolate=isolate,
            limits=limits,
            dialogue=True,
            env=env or {},
            readable=readable,
            writable=writable,
        )
        reader = Session.reader()
        async with self._started(order, reader.feed_data) as child:
            session = Session(child, reader)
            yield session
            await session.leave()

    async def _complete(self, order: Order, *, check: bool) -> Completed:
        output = bytearray()
        turn = self._turns if order.isolate else nullcontext()
        async with turn, self._started(order, output.extend) as child:
            returncode = await child.wait()
        if check and returncode:
            message = f"{child.program} ended with exit status {returncode}"
            raise SandboxError(message)
        return Completed(
            returncode=returncode,
            stdout=bytes(output),
            stderr=bytes(child.stderr),
            duration=child.finished - child.started,
        )

    @asynccontextmanager
    async def _started(self, order: Order, feed: Callable[[bytes], object]) -> AsyncIterator[Child]:
        self._check_open()
        async with AsyncExitStack() as stack:
            directory = None
            if not order.isolate or await self.isolation() is Isolation.NONE:
                directory = await stack.enter_async_context(self.workspace())
            launch = await self._ladder.launch(order, directory)
            async with self._starting:
                # A start holds the loop for a moment: one for each of its turns.
                await asyncio.sleep(0)
                self._check_open()
                child = Child(launch, order.limits, feed)
            self._running.add(child)
            try:
                yield child
            finally:
                try:
                    await child.end()
                finally:
                    self._running.discard(child)

    def _check_open(self) -> None:
        if self._closed:
            message = "the sandbox is closed"
            raise SandboxError(message)

    def _words(self, argv: Sequence[str | os.PathLike[str]]) -> list[str]:
        words = [os.fspath(word) for word in argv]
        program = find(words[0], beside=self._python) if words else None
        if program is None:
            what = repr(words[0]) if words else "an empty argument vector"
            message = f"cannot run {what}: no such program in the system's directories"
            raise SandboxError(message)
        return [program, *words[1:]]
