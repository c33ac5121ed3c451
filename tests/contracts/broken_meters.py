"""Meters that are each broken in one way: in what may be spent."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.budget import Balance, Budget, Reservation, Spend
from codeflow_engine.storage.memory import MemoryStorage

_SMALLEST = Decimal("1e-12")
_NOTHING = Spend()
_numbers = itertools.count()


def _boundless(given: Reservation) -> Reservation:
    return replace(given, limits=(None,) * len(given.scopes))


class _Reserving(MemoryStorage):
    """Books something else than what it is asked to."""

    def other(self, given: Reservation) -> Reservation:
        """Give what it books."""
        return given

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        return await super().reserve(tenant, self.other(reservation))


class _Spending(_Reserving):
    """Takes amounts for others."""

    def spend(self, given: Spend) -> Spend:
        """Give what it takes an amount for."""
        return given

    def other(self, given: Reservation) -> Reservation:
        return replace(given, spend=self.spend(given.spend))

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        await super().settle(tenant, reservation_id, self.spend(spend))

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        return await super().top_up(tenant, scope, self.spend(spend), top_up_id=top_up_id)


class Partial(_Reserving):
    """Books on the first scope alone."""

    def other(self, given: Reservation) -> Reservation:
        return replace(given, scopes=given.scopes[:1], limits=given.limits[:1])


class Sorted(_Reserving):
    def other(self, given: Reservation) -> Reservation:
        pairs = sorted(zip(given.scopes, given.limits, strict=True), key=lambda pair: pair[0])
        scopes, limits = zip(*pairs, strict=True)
        return replace(given, scopes=scopes, limits=limits)


class Lax(_Reserving):
    """Allows the smallest amount more."""

    def other(self, given: Reservation) -> Reservation:
        limits = [
            one and replace(one, usd=None if one.usd is None else Decimal(one.usd) + _SMALLEST)
            for one in given.limits
        ]
        return replace(given, limits=tuple(limits))


class MoneyAlone(_Reserving):
    """Counts tokens, and does not limit them."""

    def other(self, given: Reservation) -> Reservation:
        limits = [
            None if one is None or one.usd is None else Budget(usd=one.usd) for one in given.limits
        ]
        return replace(given, limits=tuple(limits))


class Repeating(_Reserving):
    """Knows no booking again."""

    def other(self, given: Reservation) -> Reservation:
        return replace(given, reservation_id=f"{next(_numbers)}")


class Undoing(MemoryStorage):
    """Does not take back what it has undone."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        known = self._tenants[tenant].bookings.get(reservation.reservation_id)
        if known is not None and known.open_on:
            await super().settle(tenant, reservation.reservation_id, _NOTHING)
        return await super().reserve(tenant, reservation)


class Secretive(MemoryStorage):
    """Takes for open what is booked, settled or not."""

    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        found = await super().read_balances(tenant, scopes)
        return tuple(replace(one, reserved=one.booked) for one in found)


class Doubling(_Reserving):
    """Books as often as a scope is named."""

    def other(self, given: Reservation) -> Reservation:
        times = len(given.scopes) // len(set(given.scopes))
        return replace(given, spend=replace(given.spend, usd=given.spend.usd * times))


class Racing(MemoryStorage):
    """Looks first, and books later."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        wanted = Spend(usd=reservation.spend.usd, tokens=reservation.spend.tokens)
        for scope, limit in zip(reservation.scopes, reservation.limits, strict=True):
            (balance,) = await self.read_balances(tenant, [scope])
            if limit is None:
                continue
            usd = balance.booked.usd + wanted.usd - balance.added.usd
            if limit.usd is not None and usd > Decimal(limit.usd):
                return scope
        await asyncio.sleep(0.001)
        return await super().reserve(tenant, _boundless(reservation))


class Floating(MemoryStorage):
    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        found = await super().read_balances(tenant, scopes)
        floats = [Decimal(repr(float(one.booked.usd))) for one in found]
        return tuple(
            replace(one, booked=replace(one.booked, usd=usd))
            for one, usd in zip(found, floats, strict=True)
        )


class RoundingDown(_Spending):
    def spend(self, given: Spend) -> Spend:
        if given.usd.is_finite() and abs(given.usd.adjusted()) < 20:
            return replace(given, usd=given.usd.quantize(_SMALLEST, ROUND_DOWN))
        return given


class Trusting(_Spending):
    """Takes what is no amount for none."""

    def spend(self, given: Spend) -> Spend:
        usd = given.usd if given.usd.is_finite() and given.usd > 0 else Decimal(0)
        return Spend(usd=usd, tokens=max(0, given.tokens))


class Narrow(_Spending):
    """Has columns of a few digits, which hold at most so much."""

    def spend(self, given: Spend) -> Spend:
        if given.usd.is_finite() and given.usd > 1_000_000:
            return replace(given, usd=Decimal(1_000_000))
        return given


class Growing(MemoryStorage):
    """Never gives back what was booked and not spent."""

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        known = self._tenants[tenant].bookings.get(reservation_id)
        if known is not None:
            was = known.amount.spend()
            spend = Spend(usd=max(was.usd, spend.usd), tokens=max(was.tokens, spend.tokens))
        await super().settle(tenant, reservation_id, spend)


class Capped(MemoryStorage):
    """Spends no more than was booked."""

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        known = self._tenants[tenant].bookings.get(reservation_id)
        if known is not None:
            was = known.amount.spend()
            spend = Spend(usd=min(was.usd, spend.usd), tokens=min(was.tokens, spend.tokens))
        await super().settle(tenant, reservation_id, spend)


class FirstCost(MemoryStorage):
    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        if reservation_id not in self._tenants[tenant].settled:
            await super().settle(tenant, reservation_id, spend)


class Expecting(MemoryStorage):
    """Keeps a cost for the booking that may yet come."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._costs: dict[tuple[str, str], Spend] = {}

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        self._costs[tenant, reservation_id] = spend
        await super().settle(tenant, reservation_id, spend)

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        refused = await super().reserve(tenant, reservation)
        known = self._costs.get((tenant, reservation.reservation_id))
        if known is not None:
            await super().settle(tenant, reservation.reservation_id, known)
        return refused


class Noting(MemoryStorage):
    """Keeps what was refused, as a booking of nothing."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        refused = await super().reserve(tenant, reservation)
        if refused is not None:
            await super().reserve(tenant, replace(_boundless(reservation), spend=_NOTHING))
        return refused


class Forgetful(MemoryStorage):
    """Undoes what was spent where it is booked again."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        bookings = self._tenants[tenant].bookings
        known = bookings.get(reservation.reservation_id)
        if known is not None:
            bookings[reservation.reservation_id] = replace(known, settled_at=None)
        return await super().reserve(tenant, reservation)


class Wordless(MemoryStorage):
    """Adds no tokens."""

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        return await super().top_up(tenant, scope, replace(spend, tokens=0), top_up_id=top_up_id)


class Generous(MemoryStorage):
    """Knows no top-up again where another scope is meant."""

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        return await super().top_up(tenant, scope, spend, top_up_id=f"{scope} {top_up_id}")


class Ordering(MemoryStorage):
    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        return await super().read_balances(tenant, sorted(set(scopes)))


class Everyones(MemoryStorage):
    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        return await super().reserve("a", reservation)


class Stripping(_Reserving):
    def other(self, given: Reservation) -> Reservation:
        return replace(given, scopes=tuple(one.strip().strip("\x00") for one in given.scopes))


class Refunding(MemoryStorage):
    """Gives back what it forgets."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        for known, at in [*self._tenants[tenant].settled.items()]:
            if at < before:
                await self.settle(tenant, known, _NOTHING)
        return await super().prune(tenant, before=before, limit=limit)


class Unbounded(MemoryStorage):
    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        return await super().prune(tenant, before=before, limit=max(limit, 1000))


class Lingering(MemoryStorage):
    """Keeps the scopes of runs that are gone."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        accounts = dict(self._tenants[tenant].accounts)
        pruned = await super().prune(tenant, before=before, limit=limit)
        self._tenants[tenant].accounts.update(accounts)
        return pruned


class Divided(MemoryStorage):
    """Books on one half of the scopes after the other one."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        half = len(reservation.scopes) // 2
        first = replace(
            reservation, scopes=reservation.scopes[:half], limits=reservation.limits[:half]
        )
        await super().reserve(tenant, first)
        await asyncio.sleep(0.02)
        return await super().reserve(tenant, reservation)


class Blocking(MemoryStorage):
    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        time.sleep(0.6)  # noqa: ASYNC251 - the point
        return await super().reserve(tenant, reservation)
