"""The suite of caches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest

from codeflow_engine.contracts import Cache
from codeflow_engine.testing.contracts.backend import BackendContract, another, pass_over
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within

__all__ = ["CacheContract"]

_KEYS = (
    *("", " ", "k", "K", "k ", "k\n", "k\x00", "n\x00\udcff", "\U0001f600", "e\u0301", "\xe9"),
    *("a:k", "a", "a:", "b:k", "*", "?", "%", "_", "a:*", "[k]", "../k", "a/k", "'\";--", "{k}"),
    *("x" * 10_000, "x" * 10_001),
)
"""Each is another one, though some look alike, or are patterns that others fit."""

_SHORT = 0.2
"""Seconds after which an item has to be gone."""


class CacheContract(BackendContract[Cache]):
    """What every cache promises; see `codeflow_engine.contracts.Cache`.

    `create` returns a function that makes a cache which is empty at the beginning of each
    test. Everything in a cache may vanish, but here it has to stay: the cache needs room for
    some megabytes, and whatever it stands on has to be there.

    ```python
    import pytest

    from codeflow_acme import AcmeCache
    from codeflow_engine.testing.contracts import CacheContract


    class TestAcmeCache(CacheContract):
        @pytest.fixture
        def create(self, acme_server):
            acme_server.flush()
            return lambda: AcmeCache(acme_server.url)
    ```

    One more fixture is optional: `unreachable` returns a function that makes a cache which
    cannot be reached, such as on a port where nobody listens. It should give up within a
    second or two. Without it, the test of that is skipped.
    """

    contract: ClassVar[type[Cache]] = Cache

    @pytest.fixture
    def unreachable(self, request: pytest.FixtureRequest) -> Callable[[], Cache]:
        """Return what makes a cache that cannot be reached; who can, defines this one."""
        pass_over(
            request.node,
            "the fixture `unreachable` is not defined, which returns what makes a cache that "
            "cannot be reached: its server is away, or its file is locked",
        )

    async def test_what_was_put_is_got(self, backend: Cache) -> None:
        """Any bytes, and they are bytes; keys that are absent are left out."""
        items = {
            "a": bytes(range(256)),
            "b": b"",
            "c": b"\r\n\x00 ",
            "d": b'"1"',
            "e": b"y" * 10**6,
        }

        await backend.put(items, ttl=60)

        found = await backend.get([*items, "absent", "a"])
        # Not compared by the assert itself: it would print a megabyte.
        assert found.keys() == items.keys()
        assert [key for key in items if found[key] != items[key]] == []
        assert {type(value) for value in found.values()} == {bytes}

    async def test_a_key_is_meant_to_the_letter(self, backend: Cache) -> None:
        """Any text is one: neither case, nor patterns, nor parts of it mean anything."""
        items = {key: f"{number}".encode() for number, key in enumerate(_KEYS)}

        await backend.put(dict(list(items.items())[::2]), ttl=60)
        half = dict(await backend.get(_KEYS))
        await backend.put(items, ttl=60)

        assert half == dict(list(items.items())[::2])
        assert dict(await backend.get(_KEYS)) == items

    async def test_an_older_value_is_replaced(self, backend: Cache) -> None:
        """Whether it was longer or shorter; others stay."""
        await backend.put({"a": b"a long value", "b": b"b", "c": b"c"}, ttl=60)

        await backend.put({"a": b"", "b": b"a longer value"}, ttl=60)

        found = dict(await backend.get(["a", "b", "c"]))
        assert found == {"a": b"", "b": b"a longer value", "c": b"c"}

    async def test_an_item_is_gone_after_its_time(self, backend: Cache) -> None:
        """Not before it, and not later because somebody reads it; others are still there."""
        await backend.put({"long": b"2"}, ttl=60)
        started = time.monotonic()
        await backend.put({"short": b"1", "unread": b"1"}, ttl=_SHORT)

        before = dict(await backend.get(["short", "long"]))
        is_early = time.monotonic() - started < _SHORT
        gone = await _gone(backend, "short")

        assert not is_early or before == {"short": b"1", "long": b"2"}
        assert gone
        assert dict(await backend.get(["unread", "short", "long"])) == {"long": b"2"}

    async def test_the_time_of_the_last_value_counts(self, backend: Cache) -> None:
        """It replaces that of an older value, be it longer or shorter."""
        await backend.put({"longer": b"old"}, ttl=_SHORT)
        await backend.put({"shorter": b"old"}, ttl=60)

        await backend.put({"longer": b"new"}, ttl=60)
        await backend.put({"shorter": b"new"}, ttl=_SHORT)

        assert await _gone(backend, "shorter")
        assert dict(await backend.get(["longer"])) == {"longer": b"new"}

    async def test_a_time_may_be_as_long_as_it_likes(self, backend: Cache) -> None:
        """Longer than anybody waits is no special case."""
        await backend.put({"century": b"v"}, ttl=3.2e9)
        await backend.put({"ages": b"v"}, ttl=1e300)

        assert dict(await backend.get(["century", "ages"])) == {"century": b"v", "ages": b"v"}

    async def test_the_shortest_time_is_no_error(self, backend: Cache) -> None:
        """An item that lives for a microsecond is there and gone."""
        await backend.put({"k": b"v"}, ttl=0.000001)
        await asyncio.sleep(0.01)

        assert await _gone(backend, "k")

    async def test_discarded_items_are_gone(self, backend: Cache) -> None:
        """Others stay, and absent keys are no error."""
        await backend.put(dict.fromkeys(_KEYS, b"v"), ttl=60)

        await backend.discard([*_KEYS[::2], "absent", _KEYS[0]])

        assert set(await backend.get(_KEYS)) == {*_KEYS[1::2]}

    async def test_a_discarded_key_can_be_put_again(self, backend: Cache) -> None:
        """The new value is as good as any other one."""
        await backend.put({"k": b"old"}, ttl=60)
        await backend.discard(["k"])

        await backend.put({"k": b"new"}, ttl=60)

        assert dict(await backend.get(["k"])) == {"k": b"new"}

    async def test_empty_calls_are_no_error(self, backend: Cache) -> None:
        """Nothing is kept, found or discarded."""
        await backend.put({"k": b"v"}, ttl=60)

        await backend.put({}, ttl=60)
        await backend.discard([])

        assert dict(await backend.get([])) == {}
        assert dict(await backend.get(["k"])) == {"k": b"v"}

    async def test_many_items_are_kept_at_once(self, backend: Cache) -> None:
        """More than a database takes as parameters of one statement."""
        items = {f"k{number}": b"%d" % number for number in range(2500)}

        await within(backend.put(items, ttl=60))
        found = dict(await within(backend.get([f"k{number}" for number in range(34_000)])))
        await within(backend.discard([*items][:2000]))

        # In numbers: to tell how thousands of items differ takes pytest minutes.
        kept = sum(found.get(key) == value for key, value in items.items())
        assert (len(found), kept) == (2500, 2500)
        assert len(await within(backend.get([*items]))) == 500

    async def test_many_callers_at_once_lose_nothing(self, backend: Cache) -> None:
        """Each key has one of the values that were put under it."""

        async def use(number: int) -> Mapping[str, bytes]:
            await backend.put({"k": bytes([number]), f"k{number}": b"x"}, ttl=60)
            return await backend.get([f"k{number}"])

        seen = await within(asyncio.gather(*map(use, range(20))))

        assert [dict(one) for one in seen] == [{f"k{number}": b"x"} for number in range(20)]
        found = await backend.get(["k", *(f"k{number}" for number in range(20))])
        assert len(found) == 21
        assert found["k"] in {bytes([number]) for number in range(20)}

    async def test_a_cancelled_call_leaves_a_cache_that_works(self, backend: Cache) -> None:
        """At whatever moment its caller gives up."""
        for turn in range(6):
            items = {f"{turn}.{number}": b"v" for number in range(100)}
            call = asyncio.create_task(backend.put(items, ttl=60))
            await asyncio.sleep(turn * 0.001)
            call.cancel()
            await within(asyncio.wait([call]))

        await within(backend.put({"k": b"v"}, ttl=60))
        assert dict(await within(backend.get(["k"]))) == {"k": b"v"}

    async def test_it_does_not_block_the_event_loop(self, backend: Cache) -> None:
        """While it reads and writes, everything else of the host goes on."""

        async def use() -> None:
            await within(backend.put({"k": b"v" * 100_000}, ttl=60))
            await within(backend.get(["k"]))
            await within(backend.discard(["k"]))

        assert await longest_stall(use) < LONGEST_STALL

    async def test_a_cache_that_cannot_be_reached_is_an_empty_one(
        self, unreachable: Callable[[], Cache]
    ) -> None:
        """No call is an error, or takes long; nothing is found."""
        async with another(unreachable) as cache:
            try:
                await within(cache.put({"k": b"v"}, ttl=60))
                found = dict(await within(cache.get(["k"])))
                await within(cache.discard(["k"]))
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
                pytest.fail(f"it raised {type(error).__name__}: {error}")

        assert found == {}


async def _gone(cache: Cache, key: str) -> bool:
    """Wait for an item to be gone, for a little longer than it has to take."""
    for _ in range(30):
        if not await cache.get([key]):
            return True
        await asyncio.sleep(_SHORT / 10)
    return False
