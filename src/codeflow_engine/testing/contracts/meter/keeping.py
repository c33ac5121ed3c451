"""Tests of a meter as a whole: tenants, texts, what goes, and calls that are broken off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from codeflow_engine.contracts import Meter, Pruned, Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.contracts.meter.values import (
    SLOW,
    TEXTS,
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
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall, within
from codeflow_engine.testing.values import NOON, run

__all__ = ["KeepingTests"]

_HOUR = timedelta(hours=1)
_NOTHING = cost()


@of_meter
class KeepingTests:
    """What holds for every part of a meter."""

    async def test_s32_a_tenant_spends_nothing_of_another_one(self, meter: Meter) -> None:
        """Scopes, bookings and top-ups are its own, also where they are called alike."""
        limits = {"run": limit("1", 10)}
        await book(meter, "b1", cost("0.9", 9), limits)
        await meter.top_up("a", "run", cost("0.1"), top_up_id="t1")

        refused = await book(meter, "b1", cost("0.8", 8), limits, "b")
        await meter.settle("b", "b1", cost("0.5", 5))
        given = await meter.top_up("b", "run", cost("0.2"), top_up_id="t1")
        await meter.settle("c", "b1", _NOTHING)

        assert refused is None
        assert (given.booked, given.added) == (cost("0.5", 5), cost("0.2"))
        assert await booked(meter, "run") == [cost("0.9", 9)]
        assert await booked(meter, "run", tenant="c") == [_NOTHING]

    async def test_s28_any_text_is_a_scope_and_an_id(self, meter: Meter) -> None:
        """Each scope, booking, top-up and tenant is another one, to the letter."""
        for number, text in enumerate(TEXTS, 1):
            await settled(meter, text, cost(tokens=number), {text: None, "all": None})
            await meter.top_up("a", text, cost(f"{number}"), top_up_id=text)
            await settled(meter, "b1", cost(tokens=number), {"run": None}, tenant=f"t{text}")

        found = await meter.read_balances("a", [*TEXTS, "all"])
        numbers = range(1, len(TEXTS) + 1)
        assert [one.booked.tokens for one in found] == [*numbers, sum(numbers)]
        assert [one.added for one in found[:-1]] == [cost(f"{number}") for number in numbers]
        for number, text in enumerate(TEXTS, 1):
            assert await booked(meter, "run", tenant=f"t{text}") == [cost(tokens=number)]

    async def test_s28_any_text_is_a_bucket(self, meter: Meter) -> None:
        """Each is another one."""
        for number, text in enumerate(TEXTS):
            await meter.take([rate(text, number, 60)])

        told = [await meter.take([rate(text, 60, 60)]) for text in TEXTS]

        assert told == [about(number) if number else 0 for number in range(len(TEXTS))]

    async def test_old_bookings_are_forgotten_and_stay_spent(
        self, backend: Storage, meter: Meter
    ) -> None:
        """Nobody settles them again; open ones, and those settled later, stay."""
        limits = {"month": limit("1")}
        await settled(meter, "old", cost("0.3", 3), limits)
        await book(meter, "open", cost("0.3", 3), limits)
        await meter.top_up("a", "month", cost("0.5"), top_up_id="t1")
        early = await backend.prune("a", before=datetime.now(UTC) - _HOUR)
        other = await backend.prune("b", before=datetime.now(UTC) + _HOUR)

        pruned = await backend.prune("a", before=datetime.now(UTC) + _HOUR)
        await meter.settle("a", "old", _NOTHING)

        assert (early, other, pruned) == (Pruned(), Pruned(), Pruned(bookings=1))
        assert await booked(meter, "month") == [cost("0.6", 6)]
        await meter.settle("a", "open", cost("0.1", 1))
        (balance,) = await meter.read_balances("a", ["month"])
        assert (balance.booked, balance.added) == (cost("0.4", 4), cost("0.5"))
        assert (await meter.top_up("a", "month", cost("9"), top_up_id="t1")) == balance

    async def test_bookings_are_forgotten_in_batches_the_oldest_first(
        self, backend: Storage, meter: Meter
    ) -> None:
        """At most so many; one that was settled once more is younger."""
        for name in ("first", "second", "third"):
            await settled(meter, name, cost("0.1"), {"month": None})
            await asyncio.sleep(0.002)
        await meter.settle("a", "first", cost("0.1"))
        later = datetime.now(UTC) + _HOUR

        none = [await backend.prune("a", before=later, limit=limit) for limit in (0, -1)]
        pruned = await backend.prune("a", before=later, limit=2)
        for name in ("first", "second", "third"):
            await meter.settle("a", name, _NOTHING)

        assert none == [Pruned()] * 2
        assert pruned == Pruned(bookings=2)
        assert await booked(meter, "month") == [cost("0.2")]
        assert await backend.prune("a", before=later, limit=2) == Pruned(bookings=1)

    async def test_the_scope_of_a_run_goes_with_it(self, backend: Storage, meter: Meter) -> None:
        """Scopes of runs that stay, and all others, stay too."""
        await backend.put_runs([run("r1", status=RunStatus.FAILED), run("r2")])
        scopes = ("run:r1", "run:r2", "run:r11", "r1", "month:r1")
        await book(meter, "b1", cost("0.5", 5), dict.fromkeys(scopes))
        await book(meter, "b1", cost("0.5", 5), {"run:r1": None}, "b")

        pruned = await backend.prune("a", before=NOON + _HOUR)

        assert pruned == Pruned(runs=1)
        left = [_NOTHING, *[cost("0.5", 5)] * 4]
        assert await booked(meter, *scopes) == left
        assert await booked(meter, "run:r1", tenant="b") == [cost("0.5", 5)]
        await meter.settle("a", "b1", cost("0.2", 2))
        assert await booked(meter, *scopes) == [_NOTHING, *[cost("0.2", 2)] * 4]

    async def test_a_metered_call_that_is_cancelled_is_whole_or_not_there(
        self, meter: Meter
    ) -> None:
        """At whatever moment its caller gives up; and made again it counts once."""
        limits = {f"s{n}": limit("1") for n in range(30)}
        rates = [rate(f"k{n}", SLOW // 2) for n in range(30)]
        for turn in range(6):
            tenant = f"t{turn}"
            asked = reservation("b1", cost("0.6", 6), limits)
            call = asyncio.create_task(meter.reserve(tenant, asked))
            await asyncio.sleep(turn * 0.001)
            call.cancel()
            await within(asyncio.wait([call]))

            (first, *others) = await booked(meter, *limits, tenant=tenant)
            assert first in {cost("0.6", 6), _NOTHING}
            assert {*others} == {first}
            assert await book(meter, "b1", cost("0.6", 6), limits, tenant) is None
            assert await booked(meter, *limits, tenant=tenant) == [cost("0.6", 6)] * 30
        taking = asyncio.create_task(meter.take(rates))
        await asyncio.sleep(0.001)
        taking.cancel()
        await within(asyncio.wait([taking]))
        again = await within(meter.take(rates))
        empty = [await meter.take([rate(one.bucket, SLOW // 2)]) == 0 for one in rates]
        assert again == 0
        assert len({*empty}) == 1

    async def test_it_does_not_block_the_event_loop_while_it_meters(self, meter: Meter) -> None:
        """While it books and settles, everything else of the host goes on."""

        async def use() -> None:
            limits = {f"s{n}": limit("1000") for n in range(50)}
            for number in range(3):
                await book(meter, f"b{number}", cost("0.5", 5), limits)
                await within(meter.settle("a", f"b{number}", cost("0.4", 4)))
                await within(meter.take([rate("key", 1)]))

        assert await longest_stall(use) < LONGEST_STALL
