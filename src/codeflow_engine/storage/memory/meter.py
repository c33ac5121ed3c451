"""Budgets and rate limits in memory."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from datetime import UTC, datetime

from codeflow_engine.contracts import Meter
from codeflow_engine.domain.budget import Balance, Rate, Reservation, Spend
from codeflow_engine.storage import buckets, sums
from codeflow_engine.storage.memory.state import MemoryState
from codeflow_engine.storage.sums import Account, amount_of

__all__ = ["MemoryMeter"]

_SECOND = 1_000_000


class MemoryMeter(MemoryState, Meter, ABC):
    """The half of a storage in memory that keeps what is spent, and how fast."""

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        """Book on all scopes, or on none."""
        records = self._tenants[tenant]
        known = reservation.reservation_id
        before = records.bookings.get(known)
        scopes = {*reservation.scopes, *(before.open_on if before else ())}
        accounts = {one: records.accounts.get(one, Account()) for one in scopes}
        booked = sums.book(accounts, before, reservation)
        if isinstance(booked, str):
            return booked
        changed, booking = booked
        records.accounts.update(changed)
        records.settled.pop(known, None)
        records.bookings[known] = booking
        return None

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        """Put what a call did cost in the place of its booking."""
        amount = amount_of(f"the cost of {reservation_id!r}", spend)
        records = self._tenants[tenant]
        booking = records.bookings.get(reservation_id)
        if booking is None:
            return
        accounts = {one: records.accounts[one] for one in booking.scopes if one in records.accounts}
        now = datetime.now(UTC)
        changed, settled = sums.settle(accounts, booking, amount, now)
        records.accounts.update(changed)
        records.bookings[reservation_id] = settled
        # Taken out first, so that those which were settled first stand first.
        records.settled.pop(reservation_id, None)
        records.settled[reservation_id] = now

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        """Give a scope more to spend, once for each id."""
        amount = amount_of(f"top-up {top_up_id!r}", spend)
        records = self._tenants[tenant]
        account = records.accounts.get(scope, Account())
        if top_up_id not in records.top_ups:
            account = account.top_up(amount)
            records.accounts[scope] = account
            records.top_ups.add(top_up_id)
        return account.balance(scope)

    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        """Tell how scopes stand, in the order given."""
        accounts = self._tenants[tenant].accounts
        return tuple(accounts.get(one, Account()).balance(one) for one in scopes)

    async def take(self, rates: Sequence[Rate]) -> float:
        """Take from all buckets and give 0; or take nothing, and give the seconds to wait."""
        taken, wait = buckets.take(self._buckets, buckets.merged(rates), self._now())
        self._buckets.update(taken)
        return wait

    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        """Bring a bucket down to what a provider has counted."""
        known = self._buckets.get(bucket)
        self._buckets[bucket] = buckets.drain(known, left, seconds, self._now())

    def _now(self) -> int:
        return int(self._monotonic() * _SECOND)
