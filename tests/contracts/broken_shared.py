"""Journals that several processes seem to share: one that keeps its contract, and broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from broken_claims import Keyless, Racing

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.domain.chat import ChatAnswer
from codeflow_engine.domain.journal import Submission
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.storage.memory import MemoryStorage

_FIRST: dict[Path, MemoryStorage] = {}
"""The first storage of each directory, whose memory the others share."""


class Linked(MemoryStorage):
    """Shares its memory with every other one of its directory, and keeps the contract."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {
            StorageCapability.DURABLE,
            StorageCapability.SHARED,
            StorageCapability.JOURNAL,
            StorageCapability.METER,
        }
    )

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.link(_FIRST.setdefault(directory, self))

    def link(self, first: MemoryStorage) -> None:
        """Share the memory of the first one."""
        self._tenants, self._ended, self._leases = first._tenants, first._ended, first._leases
        self._buckets = first._buckets


class Alone(Linked):
    """Has a memory of its own."""

    def link(self, first: MemoryStorage) -> None:
        pass


class Unleased(Linked):
    """Sees its own leases alone."""

    def link(self, first: MemoryStorage) -> None:
        self._tenants, self._ended = first._tenants, first._ended


class Buffering(Linked):
    """Acknowledges answers that it keeps when it is closed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._buffer: list[tuple[str, Mapping[str, ChatAnswer], datetime]] = []

    async def put_answers(
        self, tenant: str, answers: Mapping[str, ChatAnswer], *, now: datetime
    ) -> Mapping[str, ChatAnswer]:
        self._buffer.append((tenant, answers, now))
        return answers

    async def aclose(self) -> None:
        for tenant, answers, now in self._buffer:
            await super().put_answers(tenant, answers, now=now)
        await super().aclose()


class Overlapping(Racing, Linked):
    """Looks first, and takes later."""


class LoopBound(MemoryStorage):
    """Says that it serves any event loop, and has a client that serves the first one."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {StorageCapability.JOURNAL, StorageCapability.ANY_LOOP}
    )
    _loop: asyncio.AbstractEventLoop | None = None

    async def submit(self, runs: Sequence[Submission]) -> tuple[RunRecord, ...]:
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise RuntimeError("it is attached to a different loop")
        return await super().submit(runs)


class Unkeyed(Keyless, Linked):
    """Has no index that makes keys unique."""
