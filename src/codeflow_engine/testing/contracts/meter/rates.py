"""Tests of buckets that fill evenly."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from codeflow_engine.contracts import Meter
from codeflow_engine.testing.contracts.meter.values import SLOW, about, of_meter, rate
from codeflow_engine.testing.contracts.watching import within

__all__ = ["RateTests"]

_QUICK = 6000
"""A rate for a minute: one in ten milliseconds."""


@of_meter
class RateTests:
    """So much is taken as flows in, by all together."""

    async def test_a_bucket_is_full_at_first(self, meter: Meter) -> None:
        """It holds what flows in within a minute, and gives no more."""
        told = [await meter.take([rate("key", 1)]) for _ in range(SLOW)]

        wait = await meter.take([rate("key", 1)])

        assert told == [0] * SLOW
        assert wait == about(10)

    async def test_the_wait_is_as_long_as_what_is_missing_takes(self, meter: Meter) -> None:
        """It grows with what is asked for; nothing that was refused is taken."""
        await meter.take([rate("key", SLOW)])

        waits = [await meter.take([rate("key", amount)]) for amount in (1, 2, SLOW, 1)]

        assert waits == [about(10), about(20), about(60), about(10)]
        assert waits[3] <= waits[0]

    async def test_there_is_enough_after_the_wait(self, meter: Meter) -> None:
        """As long as nobody else takes: it fills while one waits."""
        await meter.take([rate("key", _QUICK, _QUICK)])

        for amount in (20, 15, 1):
            wait = await meter.take([rate("key", amount, _QUICK)])
            assert 0 <= wait <= amount / 100 + 0.001
            await asyncio.sleep(wait)
            assert not wait or await meter.take([rate("key", amount, _QUICK)]) == 0

    async def test_a_bucket_that_rests_is_full_and_no_more(self, meter: Meter) -> None:
        """What flows over is lost."""
        await meter.take([rate("key", 5, _QUICK)])
        await asyncio.sleep(0.2)

        told = [await meter.take([rate("key", amount, _QUICK)]) for amount in (_QUICK, 500)]

        assert told == [0, pytest.approx(5, abs=2)]

    async def test_all_buckets_or_none(self, meter: Meter) -> None:
        """Where one has not enough, the others lose nothing; the longest wait is told."""
        await meter.take([rate("words", SLOW), rate("calls", 4)])

        wait = await meter.take([rate("more", 1), rate("calls", 3), rate("words", 3)])
        turned = await meter.take([rate("words", 3), rate("calls", 3), rate("more", 1)])

        assert (wait, turned) == (about(30), about(30))
        assert await meter.take([rate("more", SLOW), rate("calls", 2)]) == 0

    async def test_more_than_a_bucket_holds_is_all_that_it_holds(self, meter: Meter) -> None:
        """Who asks for it waits until it is full, and not for ever."""
        first = await meter.take([rate("key", 10**30)])
        second = await meter.take([rate("key", 7 * SLOW)])

        assert (first, second) == (0, about(60))

    async def test_a_bucket_that_is_named_twice_gives_both(self, meter: Meter) -> None:
        """Both amounts or none, up to what it holds at the smaller one of the rates."""
        refused = await meter.take([rate("full", 4), rate("full", 3), rate("calls", 1)])
        whole = await meter.take([rate("full", 1)])
        told = await meter.take([rate("key", 2), rate("key", 3, SLOW * 2)])
        left = await meter.take([rate("key", 1)]), await meter.take([rate("key", 1)])

        assert (refused, whole) == (0, about(10))
        assert (told, left) == (0, (0, about(10)))

    async def test_a_bucket_of_another_rate_keeps_its_level(self, meter: Meter) -> None:
        """As far as there is room; it fills by the new rate."""
        await meter.take([rate("grows", 4), rate("shrinks", 1)])

        grown = [await meter.take([rate("grows", amount, SLOW * 10)]) for amount in (2, 5)]
        shrunk = [await meter.take([rate("shrinks", amount, 2)]) for amount in (2, 1)]

        assert grown == [0, about(5)]
        assert shrunk == [0, about(30)]

    async def test_nothing_is_always_there(self, meter: Meter) -> None:
        """From no bucket, or from an empty one."""
        await meter.take([rate("key", SLOW)])

        assert await meter.take([]) == 0
        assert await meter.take([rate("key", 0)]) == 0

    async def test_those_who_take_at_once_take_no_more_than_there_is(self, meter: Meter) -> None:
        """Each is told to wait whom nothing is left for."""
        numbers = count()

        async def take() -> float:
            # In one order and in the other: nobody waits for somebody who waits for him.
            rates = [rate("calls", 1), rate("words", 2, 40)]
            return await meter.take(rates if next(numbers) % 2 else rates[::-1])

        told = await within(asyncio.gather(*(take() for _ in range(20))))

        assert sum(one == 0 for one in told) == SLOW
