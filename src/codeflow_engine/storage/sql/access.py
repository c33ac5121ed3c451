"""Two ways to a connection: on the event loop, or in threads where the driver is synchronous.

Either way the work is a plain function of a synchronous `Connection`, so that every
operation is written once.
"""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Access", "OnLoop", "OnThreads"]


class Access(ABC):
    """Runs work on a connection of an engine."""

    @abstractmethod
    async def call[T](self, work: Callable[[Connection], T], prepare: Callable[[], None]) -> T:
        """Run `prepare`, and then `work` on a connection; neither blocks the event loop."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here; a host's engine stays as it is."""


@dataclass(frozen=True, slots=True)
class _Threads:
    """What serves one process; threads and connections do not survive a fork."""

    process: int
    pool: ThreadPoolExecutor
    engine: Engine


class OnThreads(Access):
    """Work in threads of its own, at most as many as are allowed at once.

    Each call takes one connection and never waits for a second one, so that a pool of one
    connection cannot deadlock.
    """

    def __init__(self, engine: Engine | Callable[[], Engine], threads: int) -> None:
        self._engine = engine
        self._count = threads
        self._threads: _Threads | None = None
        self._opening = threading.Lock()

    async def call[T](self, work: Callable[[Connection], T], prepare: Callable[[], None]) -> T:
        """Run work in a thread; it goes on to its end when the caller is cancelled."""
        threads = self._open()

        def run() -> T:
            prepare()
            with threads.engine.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(threads.pool, run)

    def _open(self) -> _Threads:
        with self._opening:
            opened = self._threads
            if opened is None or opened.process != os.getpid():
                engine = self._engine if isinstance(self._engine, Engine) else self._engine()
                pool = ThreadPoolExecutor(self._count, thread_name_prefix="codeflow-sql")
                opened = self._threads = _Threads(os.getpid(), pool, engine)
            return opened

    async def aclose(self) -> None:
        """Wait for the work under way, and close an engine that was made here."""
        opened, self._threads = self._threads, None
        if opened is None or opened.process != os.getpid():
            return
        await asyncio.to_thread(opened.pool.shutdown)
        if not isinstance(self._engine, Engine):
            await asyncio.to_thread(opened.engine.dispose)


class OnLoop(Access):
    """Work on the event loop of the caller; an engine made here is made anew for each loop."""

    def __init__(self, engine: AsyncEngine | Callable[[], AsyncEngine]) -> None:
        self._engine = engine
        self._opened: tuple[int, asyncio.AbstractEventLoop, AsyncEngine] | None = None

    async def call[T](self, work: Callable[[Connection], T], prepare: Callable[[], None]) -> T:
        """Run work on the loop; a cancelled call is rolled back."""
        await asyncio.to_thread(prepare)
        async with self._open().connect() as connection:
            return await connection.run_sync(work)

    def _open(self) -> AsyncEngine:
        if not callable(self._engine):
            return self._engine
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[:2] != (os.getpid(), loop):
            self._opened = (os.getpid(), loop, self._engine())
        return self._opened[2]

    async def aclose(self) -> None:
        """Close an engine that was made here."""
        opened, self._opened = self._opened, None
        if opened is not None and opened[:2] == (os.getpid(), asyncio.get_running_loop()):
            await opened[2].dispose()
