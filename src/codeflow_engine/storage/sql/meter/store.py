"""The meter in a SQL database: each call is one transaction."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from datetime import UTC, datetime

from codeflow_engine.contracts import Meter
from codeflow_engine.domain.budget import Balance, Rate, Reservation, Spend
from codeflow_engine.storage.buckets import merged
from codeflow_engine.storage.sql.database import Database
from codeflow_engine.storage.sql.meter import accounts, bookings
from codeflow_engine.storage.sql.meter.rates import drain, take
from codeflow_engine.storage.sums import amount_of

__all__ = ["SQLMeter"]


class SQLMeter(Meter, ABC):
    """The half of a storage in a SQL database that keeps what is spent, and how fast."""

    _database: Database

    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        """Book on all scopes, or on none."""
        return await self._database.run(
            lambda to: bookings.reserve(to, tenant, reservation), write=True
        )

    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        """Put what a call did cost in the place of its booking."""
        amount = amount_of(f"the cost of {reservation_id!r}", spend)
        now = datetime.now(UTC)
        await self._database.run(
            lambda to: bookings.settle(to, tenant, reservation_id, amount, now), write=True
        )

    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        """Give a scope more to spend, once for each id."""
        amount = amount_of(f"top-up {top_up_id!r}", spend)
        return await self._database.run(
            lambda to: bookings.top_up(to, tenant, scope, amount, top_up_id), write=True
        )

    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        """Tell how scopes stand, in the order given."""
        return await self._database.run(lambda by: accounts.read_balances(by, tenant, scopes))

    async def take(self, rates: Sequence[Rate]) -> float:
        """Take from all buckets and give 0; or take nothing, and give the seconds to wait."""
        if not (asked := merged(rates)):
            return 0.0
        return await self._database.run(lambda to: take(to, asked), write=True)

    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        """Bring a bucket down to what a provider has counted."""
        await self._database.run(lambda to: drain(to, bucket, left, seconds), write=True)
