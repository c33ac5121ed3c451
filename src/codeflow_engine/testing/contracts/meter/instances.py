"""Tests of several meters over the same data, one after another or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from codeflow_engine.contracts import Journal, Meter, StorageCapability
from codeflow_engine.errors import StorageUnavailableError
from codeflow_engine.testing.contracts.backend import another, requires
from codeflow_engine.testing.contracts.meter.values import (
    SLOW,
    about,
    book,
    booked,
    cost,
    limit,
    of_meter,
    rate,
    reservation,
    settled,
)
from codeflow_engine.testing.contracts.watching import PATIENCE, within

__all__ = ["SeveralMetersTests"]

_DURABLE = StorageCapability.DURABLE
_SHARED = StorageCapability.SHARED

type _Create = Callable[[], Any]

_TIGHT = {"run": limit("1", 100)}


async def _meter_everything(meter: Meter) -> None:
    await settled(meter, "b1", cost("0.3", 30), _TIGHT)
    await book(meter, "b2", cost("0.5", 50), _TIGHT)
    await meter.top_up("a", "run", cost("0.1", 10), top_up_id="t1")
    await meter.take([rate("key", SLOW)])
    await meter.drain("other", left=1, seconds=0)


async def _check_everything(meter: Meter) -> None:
    """See what `_meter_everything` has left, and go on with it."""
    (balance,) = await within(meter.read_balances("a", ["run"]))
    assert (balance.booked, balance.added) == (cost("0.8", 80), cost("0.1", 10))
    assert await book(meter, "b3", cost("0.4"), _TIGHT) == "run"
    assert await book(meter, "b2", cost("0.8", 80), _TIGHT) is None
    await meter.settle("a", "b2", cost("0.2", 20))
    await meter.settle("a", "b1", cost("0.1", 10))
    assert await booked(meter, "run") == [cost("0.3", 30)]
    assert (await meter.top_up("a", "run", cost("9"), top_up_id="t1")).added == cost("0.1", 10)
    assert await meter.take([rate("key", 1)]) == about(10)
    assert await meter.take([rate("other", 3)]) == about(20)


@of_meter
class SeveralMetersTests:
    """Processes share what may be spent, and how fast."""

    @requires(_DURABLE)
    async def test_what_was_metered_outlives_the_meter(self, untouched: _Create) -> None:
        """Another one goes on with it, after the first was closed: a call may be under way."""
        async with another(untouched) as first:
            await first.migrate()
            await _meter_everything(first)

        async with another(untouched) as second:
            await _check_everything(second)

    @requires(_DURABLE, _SHARED)
    async def test_what_was_metered_is_there_at_once(self, create: _Create, meter: Meter) -> None:
        """A process that ends in the middle closes nothing."""
        await _meter_everything(meter)

        async with another(create) as second:
            await _check_everything(second)

    @requires(_SHARED)
    async def test_several_stay_within_one_budget(self, create: _Create, meter: Meter) -> None:
        """Whatever the order of the scopes, in which none waits for another one for ever."""
        scopes = ["run", "change", "repository", "tenant", "month"]
        async with another(create) as second, another(create) as third:

            async def spend(mine: Meter, name: str, first: int) -> int:
                order = scopes[first:] + scopes[:first]
                limits = {scope: limit("1") if scope == "tenant" else None for scope in order}
                made = 0
                for number in range(8):
                    asked = reservation(f"{name}{number}", cost("0.1"), limits)
                    if await mine.reserve("a", asked) is None:
                        await mine.settle("a", f"{name}{number}", cost("0.08"))
                        made += 1
                return made

            several = [(meter, "x", 0), (second, "y", 2), (third, "z", 4), (second, "w", 1)]
            told = await within(asyncio.gather(*(spend(*one) for one in several)))

        assert sum(told) == 12
        assert await booked(meter, *scopes) == [cost("0.96")] * 5

    @requires(_SHARED)
    async def test_several_take_from_one_bucket(self, create: _Create, meter: Meter) -> None:
        """Together they take what there is, and what one drains is gone for all."""
        async with another(create) as second, another(create) as third:
            calls = [
                one.take([rate("words", 3, 30), rate("calls", 1, 90)][::turn])
                for one in (meter, second, third)
                for turn in (1, -1, 1, -1, 1)
            ]
            told = await within(asyncio.gather(*calls))
            await second.drain("calls", left=5, seconds=0)

            assert sum(one == 0 for one in told) == 10
            assert await meter.take([rate("calls", 10, 90)]) == about(10 / 3)

    @requires(StorageCapability.ANY_LOOP, StorageCapability.JOURNAL)
    async def test_several_event_loops_use_one_meter(self, meter: Meter) -> None:
        """Each in a thread of its own, at the same time."""

        async def use(name: str, *, leaves: bool = True) -> None:
            # A thread that hangs would hold up the end of the process.
            async with asyncio.timeout(PATIENCE):
                for number in range(4):
                    await settled(meter, f"{name}{number}", cost("0.1", 1), {"run": limit("9")})
                    assert await meter.take([rate("key", 1, 9999)]) == 0
                if leaves:
                    await cast("Journal", meter).leave_loop()

        threads = [asyncio.to_thread(lambda one: asyncio.run(use(one)), one) for one in "xyz"]
        calls = asyncio.gather(*threads, use("w", leaves=False), return_exceptions=True)
        failures = [one for one in await within(calls, 2 * PATIENCE) if one is not None]

        assert failures == []
        assert await booked(meter, "run") == [cost("1.6", 16)]

    async def test_d15_a_meter_that_cannot_be_reached_is_an_error(
        self, unreachable: _Create
    ) -> None:
        """Every call says so, in a way that tells that a later try may succeed."""
        async with another(unreachable) as meter:
            calls: list[Awaitable[object]] = [
                meter.reserve("a", reservation("b1", cost("1"), {"run": None})),
                meter.settle("a", "b1", cost("1")),
                meter.top_up("a", "run", cost("1"), top_up_id="t1"),
                meter.read_balances("a", ["run"]),
                meter.take([rate("key", 1)]),
                meter.drain("key", left=1, seconds=1),
            ]
            ends = await within(asyncio.gather(*calls, return_exceptions=True))

        wrong = [one for one in ends if not isinstance(one, StorageUnavailableError)]
        assert wrong == []
