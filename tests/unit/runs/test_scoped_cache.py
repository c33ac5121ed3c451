from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from codeflow_engine.runs.scoped_cache import ScopedCache
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.testing.faults import Fault, FaultPlan, answers, faulty, hangs, raises


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
    "fault",
    [
        lambda method: raises(method, ValueError("broken")),
        lambda method: raises(method, SystemExit(1)),
        lambda method: raises(method, asyncio.CancelledError),
        lambda method: answers(method, lambda _: None),
        lambda method: answers(method, lambda _: 42),
        lambda method: answers(method, lambda _: {"key": "text"}),
        lambda method: answers(method, lambda _: {}),
    ],
    ids=["raises", "exits", "cancels", "none", "number", "foreign-keys", "empty"],
)
async def test_a_broken_cache_is_an_empty_one(fault: Callable[[str], Fault]) -> None:
    """No error of a cache, and no value that is none of ours, reaches who asks it."""
    plan = FaultPlan(*(fault(method) for method in ("get", "put", "discard")))
    cache = ScopedCache(faulty(MemoryCache(), plan), "tenant")

    assert await cache.get(["key"]) == {}
    await cache.put({"key": b"value"}, ttl=60)
    await cache.discard(["key"])
    assert [call.method for call in plan.struck] == ["get", "put", "discard"]


async def test_an_item_that_is_not_bytes_is_absent() -> None:
    """A cache that decodes its values gives none that could be mistaken for ours."""

    def decoded(found: Mapping[str, bytes]) -> Mapping[str, str]:
        return {key: value.decode() for key, value in found.items()}

    cache = ScopedCache(faulty(MemoryCache(), FaultPlan(answers("get", decoded))), "tenant")
    await cache.put({"key": b"value"}, ttl=60)

    assert await cache.get(["key"]) == {}


async def test_a_cancellation_goes_through_a_cache() -> None:
    """Whoever waits for the cache can be told to stop."""
    plan = FaultPlan(hangs("get"))
    cache = ScopedCache(faulty(MemoryCache(), plan), "tenant")
    task = asyncio.ensure_future(cache.get(["key"]))
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(plan.struck[0].error, asyncio.CancelledError)
