"""Tests of what a call may cost, booked before it is made."""

from __future__ import annotations

import asyncio

from codeflow_engine.contracts import Meter
from codeflow_engine.domain.budget import Balance, Reservation
from codeflow_engine.testing.contracts.meter.values import (
    book,
    booked,
    cost,
    limit,
    of_meter,
    reservation,
)
from codeflow_engine.testing.contracts.watching import within

__all__ = ["BookingTests"]

_NOTHING = cost()


@of_meter
class BookingTests:
    """A call is booked on all of its scopes, or is not to be made."""

    async def test_a_reservation_is_booked_on_all_of_its_scopes(self, meter: Meter) -> None:
        """In money and in tokens, and on no other scope."""
        refused = await book(
            meter, "b1", cost("0.5", 700), {"run": limit("1"), "month": limit(tokens=900)}
        )
        await book(meter, "b2", cost("0.25", 50), {"month": None})

        assert refused is None
        assert await meter.read_balances("a", ["run", "month", "year"]) == (
            Balance(scope="run", booked=cost("0.5", 700), reserved=cost("0.5", 700)),
            Balance(scope="month", booked=cost("0.75", 750), reserved=cost("0.75", 750)),
            Balance(scope="year"),
        )

    async def test_the_first_scope_without_room_refuses_it(self, meter: Meter) -> None:
        """The first in the order given; then nothing is booked on any."""
        limits = {"z": limit("9"), "m": limit("0.4"), "b": limit("0.1"), "a": None}

        refused = await book(meter, "b1", cost("0.5", 5), limits)
        turned = await book(meter, "b1", cost("0.5", 5), dict(reversed(limits.items())))

        assert (refused, turned) == ("m", "b")
        assert await booked(meter, *limits) == [_NOTHING] * 4

    async def test_a_limit_may_be_reached_and_not_passed(self, meter: Meter) -> None:
        """To the smallest amount, in money and in tokens; a limit of nothing is one, too."""
        smallest = cost("0.000000000001")
        money = {"money": limit("0.3")}

        told = [
            await book(meter, "b1", cost("0.1", 10), {"money": limit("0.3"), "words": None}),
            await book(meter, "b2", cost("0.2", 10), {"words": limit(tokens=20), **money}),
            await book(meter, "b3", smallest, money),
            await book(meter, "b4", cost(tokens=1), {"words": limit(tokens=20)}),
            await book(meter, "b5", smallest, {"none": limit("0")}),
            await book(meter, "b6", cost(tokens=1), {"none": limit(tokens=0)}),
            await book(meter, "b7", _NOTHING, {"none": limit("0", 0)}),
        ]

        assert told == [None, None, "money", "words", "none", "none", None]
        assert await booked(meter, "money", "words") == [cost("0.3", 20)] * 2

    async def test_money_and_tokens_have_limits_of_their_own(self, meter: Meter) -> None:
        """What is not limited only counts, however much it is; where both are, both hold."""
        much = cost("1000000", 10**15)

        told = [
            await book(meter, "b1", much, {"counted": None}),
            await book(meter, "b2", cost("1", 10**15), {"money": limit("1")}),
            await book(meter, "b3", cost("1000000", 1), {"words": limit(tokens=1)}),
            await book(meter, "b4", cost("1", 2), {"both": limit("1", 1)}),
            await book(meter, "b5", cost("2", 1), {"both": limit("1", 1)}),
            await book(meter, "b6", much, {"boundless": limit("1e40", 10**40)}),
        ]

        assert told == [None, None, None, "both", "both", None]

    async def test_a_call_that_is_booked_again_is_booked_once(self, meter: Meter) -> None:
        """The last reservation counts, with its amount and on its scopes."""
        tight = limit("1", 10)
        await book(meter, "b1", cost("0.9", 9), {"run": tight, "may": tight})

        same = await book(meter, "b1", cost("0.9", 9), {"run": tight, "may": tight})
        smaller = await book(meter, "b1", cost("0.2", 2), {"run": tight, "may": tight})
        larger = await book(meter, "b1", cost("1", 10), {"run": tight, "june": tight})

        assert (same, smaller, larger) == (None, None, None)
        left = [cost("1", 10), _NOTHING, cost("1", 10)]
        assert await booked(meter, "run", "may", "june") == left

    async def test_a_refusal_leaves_the_earlier_booking(self, meter: Meter) -> None:
        """Which is settled and booked again as if nothing had been asked."""
        await book(meter, "b1", cost("0.5", 5), {"run": limit("1"), "may": None})

        refused = await book(meter, "b1", cost("2", 20), {"june": None, "run": limit("1")})

        assert refused == "run"
        before = [cost("0.5", 5), cost("0.5", 5), _NOTHING]
        assert await booked(meter, "run", "may", "june") == before
        await meter.settle("a", "b1", cost("0.25", 1))
        after = [cost("0.25", 1), cost("0.25", 1), _NOTHING]
        assert await booked(meter, "run", "may", "june") == after

    async def test_what_is_open_is_told_until_it_is_settled(self, meter: Meter) -> None:
        """On each scope; booked again it counts once, refused not at all, and settled no more."""
        limits = {"run": limit("1"), "month": None}
        for name in ("dead", "done"):
            await book(meter, name, cost("0.4", 4), limits)
        await book(meter, "dead", cost("0.3", 3), limits)
        refused = await book(meter, "dead", cost("2", 20), limits)
        both = await meter.read_balances("a", [*limits])

        await meter.settle("a", "done", cost("0.1", 1))
        await meter.settle("a", "done", cost("0.2", 2))
        topped = await meter.top_up("a", "run", cost("1"), top_up_id="t1")

        assert refused == "run"
        assert [(one.booked, one.reserved) for one in both] == [
            (cost("0.7", 7), cost("0.7", 7))
        ] * 2
        left = await meter.read_balances("a", [*limits])
        assert [(one.booked, one.reserved) for one in left] == [
            (cost("0.5", 5), cost("0.3", 3))
        ] * 2
        assert topped == left[0]
        await book(meter, "done", cost("0.1", 1), limits)
        (again,) = await meter.read_balances("a", ["month"])
        assert (again.booked, again.reserved) == (cost("0.6", 6), cost("0.4", 4))

    async def test_a_scope_that_is_named_twice_is_booked_once(self, meter: Meter) -> None:
        """And has to keep each of its limits."""
        scopes = ("run", "run")
        twice = Reservation(
            reservation_id="b1",
            spend=cost("0.5"),
            scopes=scopes,
            limits=(limit("0.5"), limit("0.5", 9)),
        )
        second = Reservation(
            reservation_id="b2", spend=cost("0.5"), scopes=scopes, limits=(None, limit("0.9"))
        )

        told = [await meter.reserve("a", twice), await meter.reserve("a", second)]

        assert told == [None, "run"]
        assert await booked(meter, *scopes) == [cost("0.5")] * 2

    async def test_bookings_at_once_stay_within_a_limit(self, meter: Meter) -> None:
        """As many are booked as there is room for, and each of the others is refused."""
        limits = {"month": limit("1"), "run": limit(tokens=100)}
        asked = [reservation(f"b{n}", cost("0.15", 10), limits) for n in range(24)]

        told = await within(asyncio.gather(*(meter.reserve("a", one) for one in asked)))

        assert sorted(map(str, told)) == ["None"] * 6 + ["month"] * 18
        assert await booked(meter, *limits) == [cost("0.9", 60)] * 2

    async def test_a_call_that_is_booked_many_times_at_once_is_booked_once(
        self, meter: Meter
    ) -> None:
        """Whoever makes it: another process may have taken it for one that was lost."""
        asked = reservation("b1", cost("0.5", 5), {"run": limit("0.5"), "month": limit("0.5")})

        told = await within(asyncio.gather(*(meter.reserve("a", asked) for _ in range(12))))

        assert told == [None] * 12
        assert await booked(meter, "run", "month") == [cost("0.5", 5)] * 2
