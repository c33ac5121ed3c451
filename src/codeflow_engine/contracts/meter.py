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
    that dies in between leaves the booking open, since its provider may ask for the money;
    whoever makes the same call again books under the same id, and so once. What is settled was
    spent: it stays booked, also where the same call is made and booked once more. What is open
    is told by `Balance.reserved`, so that nothing is booked for ever unseen.

    An id of a booking or of a top-up is one of its tenant, whatever its scopes. Amounts that are
    negative or no numbers are refused, and so are those that are too large to be kept, alone or
    in a sum: at least nine million dollars and 2^62 tokens have room in a scope. `Storage.prune`
    forgets the ids of bookings that were settled before its moment, which stay spent; the scope
    of a run, `run:` and its id, goes with the run; other scopes and top-ups stay.
    """

    @abstractmethod
    async def reserve(self, tenant: str, reservation: Reservation) -> str | None:
        """Book on all scopes, or on none; give the first scope that has not enough left.

        A scope has enough if its bookings, this one among them, are not more than its limit
        and its top-ups, in money and in tokens; a scope that is named twice is booked once, and
        has to keep each of its limits. An open booking of the same id is undone first; if the
        new one is refused then, the old one stays. A refusal changes nothing.
        """

    @abstractmethod
    async def settle(self, tenant: str, reservation_id: str, spend: Spend) -> None:
        """Put what a call did cost in the place of its booking; nothing is refused.

        It may be more than was booked, so that a scope passes its limit. Settled again, the last
        one counts. An unknown id is no error, and books nothing.
        """

    @abstractmethod
    async def top_up(self, tenant: str, scope: str, spend: Spend, *, top_up_id: str) -> Balance:
        """Give a scope more to spend, once for each id, and tell how it stands then."""

    @abstractmethod
    async def read_balances(self, tenant: str, scopes: Sequence[str]) -> tuple[Balance, ...]:
        """Tell how scopes stand, all at one moment and in the order given.

        An unknown one has spent nothing; one that is asked for twice comes twice.
        """

    @abstractmethod
    async def take(self, rates: Sequence[Rate]) -> float:
        """Take from all buckets and give 0; or take nothing, and give the seconds to wait.

        Buckets belong to a provider's key, and not to a tenant. An unknown bucket is full. Where
        nobody else takes, there is enough after the seconds. What is taken from a bucket that is
        named twice adds up, up to what the bucket holds at the smaller one of the rates.
        A bucket whose `per_minute` changes keeps its level, as far as there is room for it.
        Time is that of all processes, as for leases. Those who ask again after the seconds are
        not promised to come first.

        A call that was broken off and is repeated may take twice: less is then left than there
        could be, and never more.
        """

    @abstractmethod
    async def drain(self, bucket: str, *, left: int, seconds: float) -> None:
        """Say how much a provider has counted as left in a bucket, which is full in `seconds`.

        From now until then it fills evenly, but never faster than its rate. It only ever makes a
        bucket emptier: others may have taken since from what was counted. Less than 0 is 0, in
        both. An unknown bucket is as large as the first `Rate` says that names it.
        """
