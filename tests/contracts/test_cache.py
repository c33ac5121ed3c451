"""What every cache promises; see the docstrings of `codeflow_engine.contracts.Cache`."""

from __future__ import annotations

import asyncio

import pytest

from codeflow_engine.contracts import Cache


async def test_what_was_put_is_got(cache: Cache) -> None:
    """Any bytes, under any key; keys that are absent are left out."""
    items = {"a": b"\x00\xff", "é'%": b"", "x" * 10_000: b"y" * 100_000, "n\x00\udcff": b"1"}

    await cache.put(items, ttl=60)

    assert dict(await cache.get([*items, "absent"])) == items
    assert dict(await cache.get(["A", "a "])) == {}


async def test_an_older_value_is_replaced(cache: Cache) -> None:
    """Together with its time to live."""
    await cache.put({"k": b"old", "j": b"j"}, ttl=0.000001)

    await cache.put({"k": b"new"}, ttl=60)
    await asyncio.sleep(0.01)

    assert dict(await cache.get(["k", "j"])) == {"k": b"new"}


@pytest.mark.parametrize("ttl", [1e300, 10**9])
async def test_a_time_to_live_may_be_long(cache: Cache, ttl: float) -> None:
    """Longer than anybody waits is no special case."""
    await cache.put({"k": b"v"}, ttl=ttl)

    assert dict(await cache.get(["k"])) == {"k": b"v"}


async def test_discarded_items_are_gone(cache: Cache) -> None:
    """Others stay, and absent keys are no error."""
    await cache.put({"a": b"1", "b": b"2"}, ttl=60)

    await cache.discard(["a", "absent"])
    await cache.discard([])

    assert dict(await cache.get(["a", "b"])) == {"b": b"2"}


async def test_empty_calls_are_no_error(cache: Cache) -> None:
    """Nothing is kept, and nothing is found."""
    await cache.put({}, ttl=60)

    assert dict(await cache.get([])) == {}


async def test_many_callers_at_once_lose_nothing(cache: Cache) -> None:
    """Each key has one of the values that were put under it."""
    await asyncio.gather(*(cache.put({"k": bytes([n]), f"k{n}": b"x"}, ttl=60) for n in range(20)))

    found = await cache.get(["k", *(f"k{n}" for n in range(20))])
    assert len(found) == 21
    assert found["k"] in {bytes([n]) for n in range(20)}
