"""Tests of what a provider has counted as left."""

from __future__ import annotations

from math import inf, nan

import pytest

from codeflow_engine.contracts import Meter
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.meter.values import SLOW, about, of_meter, rate

__all__ = ["DrainTests"]


@of_meter
class DrainTests:
    """Others use the same key, of whom its provider alone knows."""

    async def test_a_drained_bucket_has_what_was_counted(self, meter: Meter) -> None:
        """That much can still be taken, and then it fills by its rate."""
        await meter.take([rate("key", 1)])

        await meter.drain("key", left=2, seconds=40)
        told = [await meter.take([rate("key", amount)]) for amount in (3, 2, 1)]

        assert told == [about(10), 0, about(10)]

    async def test_draining_makes_a_bucket_never_fuller(self, meter: Meter) -> None:
        """What was taken here may not have been counted yet."""
        await meter.take([rate("key", 5)])

        await meter.drain("key", left=4, seconds=1)
        told = [await meter.take([rate("key", amount)]) for amount in (2, 1, 1)]

        assert told == [about(10), 0, about(10)]

    async def test_a_drained_bucket_is_full_when_it_was_said(self, meter: Meter) -> None:
        """Between it fills evenly; what is taken meanwhile makes it later."""
        await meter.take([rate("key", 1)])

        await meter.drain("key", left=3, seconds=3000)
        waits = [await meter.take([rate("key", amount)]) for amount in (6, 4, 3, 1)]

        assert waits[:3] == [about(3000), about(1000), 0]
        assert 300 < waits[3] < 1100

    async def test_a_drained_bucket_fills_no_faster_than_its_rate(self, meter: Meter) -> None:
        """Whatever was said, and however large it was thought to be."""
        await meter.take([rate("known", 1)])
        for bucket in ("known", "unknown"):
            await meter.drain(bucket, left=0, seconds=0.001)

        waits = [await meter.take([rate(bucket, 3)]) for bucket in ("known", "unknown")]

        assert waits == [about(30), about(30)]

    async def test_an_unknown_bucket_is_drained_before_anybody_takes(self, meter: Meter) -> None:
        """It is as large as the first rate says that names it."""
        await meter.drain("small", left=50, seconds=0)
        await meter.drain("large", left=50, seconds=100)
        await meter.drain("twice", left=1, seconds=0)
        await meter.drain("twice", left=5, seconds=0)

        told = [
            await meter.take([rate("small", SLOW)]),
            await meter.take([rate("small", 1)]),
            await meter.take([rate("large", 150, 150)]),
            await meter.take([rate("large", 50, 150)]),
            await meter.take([rate("twice", 2)]),
            await meter.take([rate("twice", 1)]),
        ]

        assert told == [0, about(10), about(100), 0, about(10), 0]

    async def test_less_than_nothing_is_nothing(self, meter: Meter) -> None:
        """And a time of any length is one; what is no number is refused."""
        await meter.drain("past", left=-5, seconds=-7)
        await meter.drain("full", left=10**30, seconds=inf)
        await meter.drain("never", left=3, seconds=inf)
        with pytest.raises(StorageError):
            await meter.drain("other", left=0, seconds=nan)

        assert await meter.take([rate("past", 1)]) == about(10)
        assert await meter.take([rate("full", SLOW)]) == 0
        assert await meter.take([rate("never", 3)]) == 0
        assert 10**6 < await meter.take([rate("never", 1)]) < inf
        assert await meter.take([rate("other", SLOW)]) == 0
