"""Each test of the suite of caches can fail: there is a cache that it finds out."""

from __future__ import annotations

import asyncio
import fnmatch
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Cache
from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.storage.sql import SQLCache
from codeflow_engine.testing.contracts import CacheContract


class Textual(MemoryCache):
    """Takes values for text."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        text = {key: value.decode(errors="replace").encode() for key, value in items.items()}
        await super().put(text, ttl=ttl)


class Viewing(MemoryCache):
    """Gives what its driver gives."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = await super().get(keys)
        return {key: memoryview(value) for key, value in found.items()}  # type: ignore[misc] # what is broken


class Normalizing(MemoryCache):
    """Makes a name of a file out of a key."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        await super().put({_file(key): value for key, value in items.items()}, ttl=ttl)

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = await super().get([_file(key) for key in keys])
        return {key: found[_file(key)] for key in keys if _file(key) in found}


class Adding(MemoryCache):
    """Lets the value stay that was there first, as memcached's `add` does."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        found = await self.get([*items])
        new = {key: value for key, value in items.items() if key not in found}
        await super().put(new, ttl=ttl)


class Eternal(MemoryCache):
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        await super().put(items, ttl=10**9)


class Sliding(MemoryCache):
    """Lengthens the time of what is read."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        found = await super().get(keys)
        await super().put(found, ttl=10)
        return found


class Hasty(MemoryCache):
    """Counts whole seconds."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        await super().put(items, ttl=int(ttl))


class FirstTime(MemoryCache):
    """Replaces a value, and not its time."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        now = self._monotonic()
        ends = {key: self._items[key][1] for key in items if key in self._items}
        for key, value in items.items():
            await super().put({key: value}, ttl=ends.get(key, now + ttl) - now)


class Wrapping(MemoryCache):
    """Has 32 bits for the seconds of a time."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        bits = int(ttl) & 0xFFFF_FFFF
        await super().put(items, ttl=ttl if ttl < 1 else bits - 2**32 * (bits >> 31))


class AtLeast(MemoryCache):
    """Rounds a short time up, to the unit that its server knows."""

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        await super().put(items, ttl=max(2.0, ttl))


class Matching(MemoryCache):
    """Discards by patterns."""

    async def discard(self, keys: Sequence[str]) -> None:
        for key in keys:
            gone = [one for one in self._items if fnmatch.fnmatchcase(one, key)]
            await super().discard(gone)


class Burying(MemoryCache):
    """Remembers what was discarded, and finds it no more."""

    def __init__(self) -> None:
        super().__init__()
        self._gone: set[str] = set()

    async def discard(self, keys: Sequence[str]) -> None:
        self._gone.update(keys)

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return await super().get([key for key in keys if key not in self._gone])


class Flushing(MemoryCache):
    """Takes no keys for all keys."""

    async def discard(self, keys: Sequence[str]) -> None:
        await super().discard(keys or [*self._items])


class Paged(MemoryCache):
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return await super().get(keys[:1000])


class Remarking(MemoryCache):
    """Keeps in the cache what belongs to one call."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        self._asked = keys
        await asyncio.sleep(0)
        return await super().get(self._asked)


class Holding(MemoryCache):
    """Does not let go of its connection where a call is given up."""

    _is_held = False

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        if self._is_held:
            return
        self._is_held = True
        await asyncio.sleep(0.005)
        await super().put(items, ttl=ttl)
        self._is_held = False


class Blocking(MemoryCache):
    async def discard(self, keys: Sequence[str]) -> None:
        time.sleep(0.7)  # noqa: ASYNC251 - that is what is wrong with it
        await super().discard(keys)


class Colliding(SQLCache):
    """Finds an item by a digest that is too short."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return await super().get([_short(key) for key in keys])

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        await super().put({_short(key): value for key, value in items.items()}, ttl=ttl)


class Complaining(MemoryCache):
    """Tells its caller that there is no server."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        raise StorageUnavailableError("the cache cannot be reached")


def of(mutant: type[Cache], *tests: str) -> type:
    return struck(CacheContract, mutant, *tests)


def colliding(directory: Path) -> Cache:
    return Colliding(f"sqlite:///{directory}/codeflow.db")


TestTextual = of(Textual, "test_what_was_put_is_got")
TestViewing = of(Viewing, "test_what_was_put_is_got")
TestNormalizing = of(Normalizing, "test_a_key_is_meant_to_the_letter")
TestColliding = struck(CacheContract, colliding, "test_many_items_are_kept_at_once")
TestAdding = of(Adding, "test_an_older_value_is_replaced", "test_the_time_of_the_last_value_counts")
TestEternal = of(Eternal, "test_an_item_is_gone_after_its_time")
TestSliding = of(Sliding, "test_an_item_is_gone_after_its_time")
TestHasty = of(Hasty, "test_an_item_is_gone_after_its_time")
TestFirstTime = of(FirstTime, "test_the_time_of_the_last_value_counts")
TestWrapping = of(Wrapping, "test_a_time_may_be_as_long_as_it_likes")
TestAtLeast = of(AtLeast, "test_the_shortest_time_is_no_error")
TestMatching = of(Matching, "test_discarded_items_are_gone")
TestBurying = of(Burying, "test_a_discarded_key_can_be_put_again")
TestFlushing = of(Flushing, "test_empty_calls_are_no_error")
TestPaged = of(Paged, "test_many_items_are_kept_at_once")
TestRemarking = of(Remarking, "test_many_callers_at_once_lose_nothing")
TestHolding = of(Holding, "test_a_cancelled_call_leaves_a_cache_that_works")
TestBlocking = of(Blocking, "test_it_does_not_block_the_event_loop")


class TestComplaining(
    of(Complaining, "test_a_cache_that_cannot_be_reached_is_an_empty_one")  # type: ignore[misc] # made as it is asked for
):
    @pytest.fixture
    def unreachable(self) -> Callable[[], Cache]:
        return Complaining


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(CacheContract, globals()) == set()


def _file(key: str) -> str:
    return key.strip().replace("/", "_")


def _short(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:4]
