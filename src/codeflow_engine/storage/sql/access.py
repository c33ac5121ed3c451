"""Two ways to a connection: on the event loop, or in threads where the driver is synchronous.

Either way the work is a plain function of a synchronous `Connection`, so that every
operation is written once.
"""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import NullPool

from codeflow_engine.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

__all__ = ["Access", "OnLoop", "OnThreads", "Prepare", "Work"]

type Work[T] = Callable[[Connection], T]
type Prepare = Callable[[], None] | None

_MOMENT = 0.05
"""Seconds that a cancelled call waits for a connection that is being opened or given back: what
is cut off there is lost, and only the garbage collector closes it (aiosqlite 0.22)."""


class Access(ABC):
    """Runs work on a connection of an engine."""

    @abstractmethod
    async def call[T](self, work: Work[T], prepare: Prepare = None, *, alone: bool = False) -> T:
        """Run `prepare`, and then `work` on a connection; neither blocks the event loop.

        Args:
            work: What to do.
            prepare: What comes before a connection is taken; it may block.
            alone: Whether it waits here for the one before it that is to be alone, too.
                SQLite has one writer, and who waits for it there looks again after a sleep
                of up to 100 ms.
        """

    @property
    @abstractmethod
    def serves_any_loop(self) -> bool:
        """Whether it may be called on several event loops at the same time."""

    @abstractmethod
    async def leave_loop(self) -> None:
        """Close what serves the running event loop alone."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what was opened here; a host's engine stays as it is."""


@dataclass(frozen=True, slots=True)
class _Threads:
    """What serves one process; threads and connections do not survive a fork."""

    process: int
    pool: ThreadPoolExecutor
    single: ThreadPoolExecutor
    """One thread, for work that is done alone."""

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

    @property
    def serves_any_loop(self) -> bool:
        """All loops share the threads."""
        return True

    async def call[T](self, work: Work[T], prepare: Prepare = None, *, alone: bool = False) -> T:
        """Run work in a thread; it goes on to its end when the caller is cancelled."""
        threads = self._open()

        def run() -> T:
            if prepare is not None:
                prepare()
            with threads.engine.connect() as connection:
                return work(connection)

        pool = threads.single if alone else threads.pool
        return await asyncio.get_running_loop().run_in_executor(pool, run)

    async def leave_loop(self) -> None:
        """Close nothing: other loops use the same threads."""

    def _open(self) -> _Threads:
        with self._opening:
            opened = self._threads
            if opened is None or opened.process != os.getpid():
                engine = self._engine if isinstance(self._engine, Engine) else self._engine()
                single = ThreadPoolExecutor(1, thread_name_prefix="codeflow-sql-alone")
                pool = single
                if self._count > 1:
                    pool = ThreadPoolExecutor(self._count - 1, thread_name_prefix="codeflow-sql")
                opened = self._threads = _Threads(os.getpid(), pool, single, engine)
            return opened

    async def aclose(self) -> None:
        """Wait for the work under way, and close an engine that was made here."""
        opened, self._threads = self._threads, None
        if opened is None or opened.process != os.getpid():
            return
        for pool in (opened.single, opened.pool):
            await asyncio.to_thread(pool.shutdown)
        if not isinstance(self._engine, Engine):
            await asyncio.to_thread(opened.engine.dispose)


@dataclass(frozen=True, slots=True)
class _Looped:
    """What serves one event loop of one process."""

    process: int
    engine: AsyncEngine
    turns: asyncio.Semaphore
    """As many as there are connections: who waits in SQLAlchemy's pool is not woken where
    the one before could not connect, and hears of it only when the pool's patience ends."""


class OnLoop(Access):
    """Work on the event loop of the caller; an engine made here is one for each loop."""

    def __init__(self, engine: AsyncEngine | Callable[[], AsyncEngine], connections: int) -> None:
        self._engine = engine
        self._connections = connections
        self._opened: dict[asyncio.AbstractEventLoop, _Looped] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alone: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]
        self._alone = WeakKeyDictionary()

    @property
    def serves_any_loop(self) -> bool:
        """A host's engine belongs to one loop, and each other one gets its own here."""
        return callable(self._engine)

    async def call[T](self, work: Work[T], prepare: Prepare = None, *, alone: bool = False) -> T:
        """Run work on the loop; a cancelled call is rolled back."""
        if prepare is not None:
            await asyncio.to_thread(prepare)
        if not callable(self._engine):
            self._check_loop(self._engine, asyncio.get_running_loop())
            async with self._turn(alone=alone), _connected(self._engine) as connection:
                return await _run(connection, work)
        opened = await self._open(self._engine)
        turn = self._turn(alone=alone)
        async with turn, opened.turns, _connected(opened.engine) as connection:
            return await _run(connection, work)

    def _turn(self, *, alone: bool) -> AbstractAsyncContextManager[object]:
        if not alone:
            return nullcontext()
        return self._alone.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    async def _open(self, make: Callable[[], AsyncEngine]) -> _Looped:
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is not None and opened.process == os.getpid():
            return opened
        # The first one imports SQLAlchemy's half for asyncio and the driver: half a second.
        engine = await asyncio.to_thread(make)
        opened = self._opened.get(loop)
        if opened is None or opened.process != os.getpid():
            # A loop that was closed before its engine keeps nothing that could be closed.
            kept = {one: each for one, each in self._opened.items() if not one.is_closed()}
            opened = _Looped(os.getpid(), engine, asyncio.Semaphore(self._connections))
            self._opened = {**kept, loop: opened}
        return opened

    def _check_loop(self, engine: AsyncEngine, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse a host's pool on a second loop: drivers fail there, each in its own way."""
        self._loop = self._loop or loop
        if self._loop is not loop and not isinstance(engine.pool, NullPool):
            raise ConfigurationError(
                "storage: this AsyncEngine is used on another event loop already; give each "
                "loop an engine of its own, or one with a NullPool"
            )

    async def leave_loop(self) -> None:
        """Close the engine that was made here for the running loop."""
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None and opened.process == os.getpid():
            await opened.engine.dispose()

    async def aclose(self) -> None:
        """Close the engine that was made here; other loops have closed theirs."""
        await self.leave_loop()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Lend a connection; one that is being opened when the caller is cancelled is not lost."""
    opening = asyncio.ensure_future(engine.connect())
    try:
        connection = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening], timeout=_MOMENT)
        if not opening.cancel() and opening.exception() is None:
            await opening.result().close()
        raise
    try:
        yield connection
    finally:
        closing = asyncio.ensure_future(connection.close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            # It goes back to its pool all the same, before the pool itself may be closed.
            await asyncio.wait([closing], timeout=_MOMENT)
            raise


async def _run[T](connection: AsyncConnection, work: Work[T]) -> T:
    """Run work; where its caller was cancelled, whatever the driver makes of that is one.

    A cancellation that meets psycopg 3.3 where it opens a pipeline comes out as an
    `AssertionError`, and leaves the connection in pipeline mode (`_pipeline_nolock`; one of
    2,496 cancelled calls on a busy machine). So the connection is thrown away: the pool
    would give it to somebody else.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        return await connection.run_sync(work)
    except asyncio.CancelledError as error:
        # SQLAlchemy has closed the connection, but SQLite holds its lock for as long as a
        # cursor is there whose rows nobody has read, and the frames of the error hold that.
        traceback.clear_frames(error.__traceback__)
        raise
    except Exception as error:
        if task is None or task.cancelling() == before:
            raise
        await connection.invalidate()
        raise asyncio.CancelledError from error
