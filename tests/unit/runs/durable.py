"""Workers that freeze at a named point, for tests of what happens to their runs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from codeflow_engine import AsyncEngine, AsyncRun
from codeflow_engine.contracts import Journal, Storage, StorageCapability
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.memory import MemoryStorage


class Freeze:
    """Stops whoever reaches a point, until it is told to go on.

    Args:
        point: Its name.
        turn: Which arrival is stopped, counted from 1.
    """

    def __init__(self, point: str, turn: int = 1) -> None:
        self._point = point
        self._turn = turn
        self.passed: Counter[str] = Counter()
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, name: str) -> None:
        self.passed[name] += 1
        if name == self._point and self.passed[name] == self._turn:
            self.arrived.set()
            await self.go_on.wait()


class Frozen:
    """An engine whose worker stands still at a point, as a process that was stopped."""

    def __init__(self, storage: Storage, point: str, turn: int = 1, **options: Any) -> None:
        assert isinstance(storage, Journal)
        self._journal = storage
        self.freeze = Freeze(point, turn)
        self.engine = AsyncEngine(storage=storage, points=self.freeze, **options)

    async def until_frozen(self) -> None:
        """Wait until it stands still, and let everybody take it for dead."""
        async with asyncio.timeout(5):
            await self.freeze.arrived.wait()
        await self.engine._executor._worker.stop_looking()
        await self._journal.retire(self.engine._executor._worker.id)

    async def thaw(self) -> None:
        """Let it go on."""
        self.freeze.go_on.set()
        await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Let it go on, and end it."""
        self.freeze.go_on.set()
        await self.engine.aclose()


@asynccontextmanager
async def opened(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Lend an engine that looks for runs: beside a storage in memory it waits for its first."""
    async with engine:
        await engine.open()
        yield engine


async def until(run: AsyncRun, status: RunStatus, seconds: float = 5.0) -> None:
    """Wait until a run stands as it should."""
    async with asyncio.timeout(seconds):
        while (await run.refresh()).status is not status:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


class DurableStorage(MemoryStorage):
    """Outlives the process, as far as engines can tell: as long as a test holds it."""

    capabilities = MemoryStorage.capabilities | {StorageCapability.DURABLE}
