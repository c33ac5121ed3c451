"""Tests of what calls did cost, and of top-ups."""

from __future__ import annotations

from codeflow_engine.contracts import Meter
from codeflow_engine.domain.budget import Balance
from codeflow_engine.testing.contracts.meter.values import (
    book,
    booked,
    cost,
    limit,
    of_meter,
    settled,
)

__all__ = ["SettlementTests"]

_NOTHING = cost()


@of_meter
class SettlementTests:
    """What was spent is what calls did cost."""

    async def test_the_cost_takes_the_place_of_the_booking(self, meter: Meter) -> None:
        """On all of its scopes, whether it is less, more or nothing."""
        limits = {"run": limit("1", 100), "month": None}
        costs = {"less": cost("0.1", 1), "more": cost("0.5", 50), "none": cost()}
        for name in costs:
            await book(meter, name, cost("0.3", 30), limits)

        for name, spend in costs.items():
            await meter.settle("a", name, spend)

        assert await booked(meter, *limits) == [cost("0.6", 51)] * 2

    async def test_a_cost_may_pass_a_limit(self, meter: Meter) -> None:
        """It was spent; nothing more is booked then, not even what costs nothing."""
        limits = {"run": limit("1")}
        await book(meter, "b1", cost("1"), limits)

        await meter.settle("a", "b1", cost("1.5"))

        assert await booked(meter, "run") == [cost("1.5")]
        assert await book(meter, "b2", cost(tokens=1), limits) == "run"

    async def test_what_is_settled_again_counts_once(self, meter: Meter) -> None:
        """The last cost is the one that holds."""
        await book(meter, "b1", cost("0.5", 5), {"run": None})

        for spend in (cost("0.2", 2), cost("0.4", 4), cost("0.3", 3), cost("0.3", 3)):
            await meter.settle("a", "b1", spend)

        assert await booked(meter, "run") == [cost("0.3", 3)]

    async def test_settling_what_is_unknown_books_nothing(self, meter: Meter) -> None:
        """It is no error, and the id is as new as before."""
        await meter.settle("a", "b1", cost("0.5", 5))
        refused = await book(meter, "b1", cost("0.2"), {"run": limit("0.2")})

        assert refused is None
        assert await booked(meter, "run") == [cost("0.2")]

    async def test_settling_what_was_refused_books_nothing(self, meter: Meter) -> None:
        """There is no booking whose place it could take."""
        await book(meter, "b1", cost("0.5"), {"run": limit("0.1"), "month": None})

        await meter.settle("a", "b1", cost("0.5"))

        assert await booked(meter, "run", "month") == [_NOTHING] * 2

    async def test_what_is_settled_stays_spent(self, meter: Meter) -> None:
        """Also where the same call is made once more: that costs as much again."""
        limits = {"run": limit("1"), "month": None}
        await settled(meter, "b1", cost("0.4", 4), limits)

        again = await book(meter, "b1", cost("0.5", 5), limits)
        both = await booked(meter, *limits)
        await meter.settle("a", "b1", cost("0.3", 3))
        third = await book(meter, "b1", cost("0.5", 5), limits)

        assert (again, third) == (None, "run")
        assert both == [cost("0.9", 9)] * 2
        assert await booked(meter, *limits) == [cost("0.7", 7)] * 2
        await meter.settle("a", "b1", cost("0.1", 1))
        assert await booked(meter, *limits) == [cost("0.5", 5)] * 2

    async def test_a_top_up_gives_a_scope_more(self, meter: Meter) -> None:
        """Beyond its limit, in money and in tokens, and tells how it stands then."""
        limits = {"run": limit("1", 10), "month": limit("1.5", 15)}
        await book(meter, "b1", cost("1", 10), limits)
        before = await book(meter, "b2", cost("0.6", 6), limits)

        balance = await meter.top_up("a", "run", cost("0.6", 6), top_up_id="t1")
        other = await book(meter, "b2", cost("0.6", 6), limits)
        await meter.top_up("a", "month", cost("0.1"), top_up_id="t2")
        words = await book(meter, "b2", cost("0.6", 6), limits)
        await meter.top_up("a", "month", cost(tokens=1), top_up_id="t3")
        after = await book(meter, "b2", cost("0.6", 6), limits)

        spent = cost("1", 10)
        assert balance == Balance(scope="run", booked=spent, reserved=spent, added=cost("0.6", 6))
        assert (before, other, words, after) == ("run", "month", "month", None)
        most = cost("1.6", 16)
        assert await meter.read_balances("a", ["month", "run"]) == (
            Balance(scope="month", booked=most, reserved=most, added=cost("0.1", 1)),
            Balance(scope="run", booked=most, reserved=most, added=cost("0.6", 6)),
        )

    async def test_a_top_up_counts_once(self, meter: Meter) -> None:
        """Its id is one of the tenant, whatever it gives and to whom."""
        first = await meter.top_up("a", "run", cost("1"), top_up_id="t1")
        again = await meter.top_up("a", "run", cost("1"), top_up_id="t1")
        other = await meter.top_up("a", "month", cost("2"), top_up_id="t1")
        second = await meter.top_up("a", "run", cost("3"), top_up_id="t2")

        assert first == again == Balance(scope="run", added=cost("1"))
        assert other == Balance(scope="month")
        assert second == Balance(scope="run", added=cost("4"))

    async def test_balances_come_in_the_order_asked_for(self, meter: Meter) -> None:
        """Unknown scopes have spent nothing; one that is asked for twice comes twice."""
        await settled(meter, "b1", cost("0.1"), {"b": None})
        await settled(meter, "b2", cost("0.2"), {"a": None})

        found = await meter.read_balances("a", ["b", "none", "a", "b"])

        assert [one.scope for one in found] == ["b", "none", "a", "b"]
        assert [one.booked for one in found] == [cost("0.1"), cost(), cost("0.2"), cost("0.1")]
        assert await meter.read_balances("a", []) == ()
