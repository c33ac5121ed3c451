"""Meters that are each broken in one way: in how fast is taken, and in what others see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from math import inf, isnan
from pathlib import Path
from typing import ClassVar

from broken_meters import Racing
from broken_shared import Linked

from codeflow_engine.contracts import StorageCapability
from codeflow_engine.domain.budget import Balance, Rate, Reservation, Spend
from codeflow_engine.storage import buckets
from codeflow_engine.storage.memory import MemoryStorage


class Empty(MemoryStorage):
    """Has to be filled first."""

    async def take(self, rates: Sequence[Rate]) -> float:
        for one in rates:
            if one.bucket not in self._buckets:
                await self.drain(one.bucket, left=0, seconds=0)
        return await super().take(rates)


class Constant(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return min(1.0, await super().take(rates))


class Hasty(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return await super().take(rates) / 2


class Halving(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return await super().take([replace(one, amount=one.amount // 2) for one in rates])


class OneByOne(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return max([await super(OneByOne, self).take([one]) for one in rates], default=0.0)


class Impossible(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        if any(one.amount > one.per_minute for one in rates):
            return inf
        return await super().take(rates)


class LastNamed(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return await super().take([*{one.bucket: one for one in rates}.values()])


class Resetting(MemoryStorage):
    """Begins anew with each rate."""

    async def take(self, rates: Sequence[Rate]) -> float:
        named = [replace(one, bucket=f"{one.bucket} {one.per_minute}") for one in rates]
        return await super().take(named)


class Grudging(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return await super().take([replace(one, amount=max(1, one.amount)) for one in rates])


class RacingRates(MemoryStorage):
    """Looks first, and takes later."""

    async def take(self, rates: Sequence[Rate]) -> float:
        taken, wait = buckets.take(self._buckets, buckets.merged(rates), self._now())
        await asyncio.sleep(0.001)
        self._buckets.update(taken)
        return wait


class Folding(MemoryStorage):
    async def take(self, rates: Sequence[Rate]) -> float:
        return await super().take([replace(one, bucket=one.bucket.lower()) for one in rates])


class Deaf(MemoryStorage):
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        pass


class Believing(MemoryStorage):
    """Takes the provider's word, whatever was taken here."""

    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        self._buckets.pop(bucket, None)
        await super().drain(bucket, left=left, seconds=seconds)


class Timeless(MemoryStorage):
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        await super().drain(bucket, left=left, seconds=0.0 * min(seconds, 1))


class Refilling(MemoryStorage):
    """Is full when that is said, at whatever rate."""

    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        await super().drain(bucket, left=left, seconds=seconds)
        if seconds < 1:
            del self._buckets[bucket]


class KnownAlone(MemoryStorage):
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        if bucket in self._buckets:
            await super().drain(bucket, left=left, seconds=seconds)


class Lenient(MemoryStorage):
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        await super().drain(bucket, left=left, seconds=0 if isnan(seconds) else seconds)


class LoopBound(MemoryStorage):
    """Says that it serves any event loop, and has a client that serves the first one."""

    capabilities: ClassVar[frozenset[StrEnum]] = MemoryStorage.capabilities | {
        StorageCapability.ANY_LOOP
    }
    _first: asyncio.AbstractEventLoop | None = None

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        self._first = self._first or asyncio.get_running_loop()
        if asyncio.get_running_loop() is not self._first:
            raise RuntimeError("it is attached to a different loop")
        return await super().reserve(tenant, reservation)


class Buffering(Linked):
    """Acknowledges top-ups that it keeps when it is closed."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._buffer: list[tuple[str, str, Spend, str]] = []

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        self._buffer.append((tenant, scope, spend, top_up_id))
        return Balance(scope=scope)

    async def aclose(self) -> None:
        for tenant, scope, spend, top_up_id in self._buffer:
            await super().top_up(tenant, scope, spend, top_up_id=top_up_id)
        await super().aclose()


class Overspending(Racing, Linked):
    """Looks first, and books later."""


class Bucketed(Linked):
    """Has buckets of its own."""

    def link(self, first: MemoryStorage) -> None:
        self._tenants, self._ended, self._leases = first._tenants, first._ended, first._leases
