from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, override

import pytest

from codeflow_engine.contracts import Cache
from codeflow_engine.runs.scoped_cache import ScopedCache
from codeflow_engine.storage.memory import MemoryCache
from raising import raising


class Scripted(Cache):
    """Does in every call what the test says."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    @override
    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        answer: Mapping[str, bytes] = self._answer()
        return answer

    @override
    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        self._answer()

    @override
    async def discard(self, keys: Sequence[str]) -> None:
        self._answer()


async def test_a_tenant_reads_its_own_items_alone() -> None:
    """The same key of two tenants is two items."""
    shared = MemoryCache()
    ours, theirs = ScopedCache(shared, "a"), ScopedCache(shared, "b")

    await ours.put({"key": b"ours"}, ttl=60)
    await theirs.put({"key": b"theirs"}, ttl=60)
    await theirs.discard(["key"])

    assert await ours.get(["key", "other"]) == {"key": b"ours"}
    assert await theirs.get(["key"]) == {}


@pytest.mark.parametrize(
    "answer",
    [
        raising(ValueError("broken")),
        raising(SystemExit(1)),
        raising(asyncio.CancelledError()),
        lambda: None,
        lambda: 42,
        lambda: {"key": "text"},
        dict,
    ],
    ids=["raises", "exits", "cancels", "none", "number", "foreign-keys", "empty"],
)
async def test_a_broken_cache_is_an_empty_one(answer: Callable[[], Any]) -> None:
    """No error of a cache, and no value that is none of ours, reaches who asks it."""
    cache = ScopedCache(Scripted(answer), "tenant")

    assert await cache.get(["key"]) == {}
    await cache.put({"key": b"value"}, ttl=60)
    await cache.discard(["key"])


async def test_an_item_that_is_not_bytes_is_absent() -> None:
    """A cache that decodes its values gives none that could be mistaken for ours."""

    class Decoding(MemoryCache):
        @override
        async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
            decoded: Any = {key: value.decode() for key, value in (await super().get(keys)).items()}
            found: Mapping[str, bytes] = decoded
            return found

    cache = ScopedCache(Decoding(), "tenant")
    await cache.put({"key": b"value"}, ttl=60)

    assert await cache.get(["key"]) == {}


async def test_a_cancellation_goes_through_a_cache() -> None:
    """Whoever waits for the cache can be told to stop."""

    class Waiting(MemoryCache):
        @override
        async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
            await asyncio.sleep(30)
            return {}

    task = asyncio.ensure_future(ScopedCache(Waiting(), "tenant").get(["key"]))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
