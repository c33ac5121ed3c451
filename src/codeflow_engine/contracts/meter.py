"""The contract of a meter: what was spent, and how fast, shared by all processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from codeflow_engine.domain.budget import Balance, Rate, Reservation, Spend

__all__ = ["Meter"]


class Meter(ABC):
    """Keeps budgets and rate limits; a `Storage` with the capability `METER` is one, too.

    What `Storage` says of identities, tenants, errors and the event loop holds here as well:
    every call is done whole or not at all, and is on disk when it returns, where the storage
    is durable. A call that was broken off may be repeated: nothing is then booked twice.

    What a call may cost is booked before it is made and corrected when it has ended. A process
    that dies in between leaves the booking as it is, since its provider may ask for the money;
    whoever makes the same call again books under the same id, and so once.
    """

    @abstractmethod
    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        """Book on all scopes, or on none; give the first scope that has not enough left.

        A scope has enough if its bookings, this one among them, are not more than its limit
        and its top-ups, in money and in tokens. One of the same id is undone first; if it is
        refused then, the old one stays.
        """

    @abstractmethod
    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        """Put what a call did cost in the place of its booking; nothing is refused.

        Settled again, the last one counts. An unknown id is no error, and books nothing.
        """

    @abstractmethod
    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        """Give a scope more to spend, once for each id, and tell how it stands."""

    @abstractmethod
    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        """Tell how scopes stand, in the order given; an unknown one has spent nothing."""

    @abstractmethod
    async def take(self, rates: Sequence[Rate]) -> float:
        """Take from all buckets and give 0; or take nothing, and give the seconds to wait.

        Buckets belong to a provider's key, and not to a tenant. An unknown bucket is full.
        Time is that of all processes, as for leases. Those who ask again after the seconds are
        not promised to come first.
        """

    @abstractmethod
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        """Say how much a provider has counted as left in a bucket, which is full in `seconds`.

        It only ever makes a bucket emptier: others may have taken since from what was counted.
        An unknown bucket is as large as the first `Rate` says that names it.
        """
