"""Tests of amounts: how exact they are, how large, and what is none."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal, localcontext

import pytest

from codeflow_engine.contracts import Meter
from codeflow_engine.domain.budget import Spend
from codeflow_engine.errors import StorageError
from codeflow_engine.testing.contracts.meter.values import (
    book,
    booked,
    cost,
    limit,
    of_meter,
    reservation,
)
from codeflow_engine.testing.contracts.watching import within

__all__ = ["AmountTests"]

_NO_AMOUNTS = (
    *(Spend(usd=Decimal(text)) for text in ("-0.1", "NaN", "sNaN", "Infinity", "-Infinity")),
    Spend(tokens=-1),
)
_HUGE = (
    *(Spend(usd=Decimal(text)) for text in ("9999999999999", "1e30")),
    Spend(tokens=10**30),
)
_LARGE = cost("4500000.000000000001", 2**61)


async def _refused(call: Awaitable[object]) -> bool:
    """Say whether a call was refused; the only way to do so is a `StorageError`."""
    try:
        await within(call)
    except StorageError:
        return True
    except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
        pytest.fail(f"it raised {type(error).__name__}, which is no StorageError: {error}")
    return False


@of_meter
class AmountTests:
    """Sums are exact, and an amount is kept as what it is or refused."""

    async def test_sums_are_exact(self, meter: Meter) -> None:
        """No fraction of a cent comes or goes, whatever the caller's context of decimals."""
        with localcontext(prec=3):
            for n in range(10):
                await book(meter, f"b{n}", cost("0.100000000001", 1), {"run": limit("1.1")})
            (balance,) = await meter.read_balances("a", ["run"])
            await meter.settle("a", "b0", cost("123456.789012345678", 10**12))
            (after,) = await booked(meter, "run")

        assert balance.booked == cost("1.00000000001", 10)
        assert type(balance.booked.usd) is Decimal
        assert after == cost("123457.689012345687", 10**12 + 9)

    async def test_what_is_smaller_than_the_smallest_amount_is_rounded_up(
        self, meter: Meter
    ) -> None:
        """What is paid in parts is never free; and no part of a limit is more than there is."""
        part = cost("0.0000000000001")
        told = [
            await book(meter, "b1", part, {"run": None, "tight": limit("0.0000000000019")}),
            await book(meter, "b2", part, {"tight": limit("0.0000000000019")}),
            await book(meter, "b3", cost("1e-999999999"), {"run": None}),
        ]

        assert told == [None, "tight", None]
        assert await booked(meter, "run", "tight") == [
            cost("0.000000000002"),
            cost("0.000000000001"),
        ]

    async def test_what_is_no_amount_is_refused(self, meter: Meter) -> None:
        """By each call that takes one, which then changes nothing."""
        limits = {"run": limit("5")}
        await book(meter, "b1", cost("1", 1), limits)

        for wrong in _NO_AMOUNTS:
            assert await _refused(meter.reserve("a", reservation("b1", wrong, limits))), wrong
            assert await _refused(meter.settle("a", "b1", wrong)), wrong
            assert await _refused(meter.top_up("a", "run", wrong, top_up_id="t1")), wrong

        assert await booked(meter, "run") == [cost("1", 1)]
        balance = await meter.top_up("a", "run", cost("2", 2), top_up_id="t1")
        assert balance.added == cost("2", 2)

    async def test_large_amounts_have_room(self, meter: Meter) -> None:
        """Nine million dollars and as many tokens as one will ever see, in a scope."""
        told = [await book(meter, f"b{n}", _LARGE, {"run": None}) for n in range(2)]
        await meter.top_up("a", "run", _LARGE, top_up_id="t1")
        balance = await meter.top_up("a", "run", _LARGE, top_up_id="t2")

        assert told == [None, None]
        assert balance.booked == balance.added == cost("9000000.000000000002", 2**62)

    async def test_an_amount_is_kept_as_it_is_or_refused(self, meter: Meter) -> None:
        """However large it is, by itself or in a sum; one that is refused changes nothing."""
        await book(meter, "b1", _LARGE, {"run": None, "month": None})

        for number, huge in enumerate(_HUGE):
            asked = reservation(f"h{number}", huge, {f"new{number}": None})
            kept = not await _refused(meter.reserve("a", asked))
            assert await booked(meter, f"new{number}") == [huge if kept else cost()]
        endless = reservation("b1", cost("1e999999999"), {"run": None})
        assert await _refused(meter.reserve("a", endless))
        assert await _refused(meter.settle("a", "b1", endless.spend))
        sums = [
            await _refused(meter.reserve("a", reservation(f"s{n}", _LARGE, {"month": None})))
            for n in range(9)
        ]

        assert await booked(meter, "run") == [_LARGE]
        (total,) = await booked(meter, "month")
        many = 10 - sum(sums)
        assert total == Spend(usd=many * _LARGE.usd, tokens=many * _LARGE.tokens)
