"""The arithmetic of accounts and buckets, for any order of any calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.budget import Budget, Rate, Reservation, Spend
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.storage.memory import MemoryStorage

SCOPES = ("run", "change", "month")
IDS = st.sampled_from(["b1", "b2", "b3"])
USD = st.decimals(0, 10, places=12, allow_nan=False, allow_infinity=False)
SPEND = st.builds(Spend, usd=USD, tokens=st.integers(0, 1000))
LIMIT = st.none() | st.builds(Budget, usd=USD, tokens=st.integers(0, 2000))


@dataclass(frozen=True)
class Reserve:
    reservation: Reservation


@dataclass(frozen=True)
class Settle:
    reservation_id: str
    spend: Spend


@dataclass(frozen=True)
class TopUp:
    top_up_id: str
    scope: str
    spend: Spend


@st.composite
def reservations(draw: st.DrawFn) -> Reserve:
    scopes = draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=4))
    limits = draw(st.lists(LIMIT, min_size=len(scopes), max_size=len(scopes)))
    return Reserve(
        Reservation(
            reservation_id=draw(IDS),
            spend=draw(SPEND),
            scopes=tuple(scopes),
            limits=tuple(limits),
        )
    )


CALLS = st.lists(
    reservations()
    | st.builds(Settle, IDS, SPEND)
    | st.builds(TopUp, st.sampled_from(["t1", "t2"]), st.sampled_from(SCOPES), SPEND),
    max_size=30,
)


@dataclass
class Book:
    """What should be booked, kept as a list, and added up each time."""

    open: dict[str, Reservation] = field(default_factory=dict)
    settled: dict[str, tuple[Spend, frozenset[str]]] = field(default_factory=dict)
    past: list[tuple[Spend, frozenset[str]]] = field(default_factory=list)
    top_ups: dict[str, TopUp] = field(default_factory=dict)

    def booked(self, scope: str) -> Spend:
        lines = [
            *((one.spend, frozenset(one.scopes)) for one in self.open.values()),
            *self.settled.values(),
            *self.past,
        ]
        return total(spend for spend, scopes in lines if scope in scopes)

    def added(self, scope: str) -> Spend:
        return total(one.spend for one in self.top_ups.values() if one.scope == scope)

    def reserve(self, asked: Reservation) -> str | None:
        before = self.open.pop(asked.reservation_id, None)
        for scope, limit in zip(asked.scopes, asked.limits, strict=True):
            sum_ = total([self.booked(scope), asked.spend])
            if limit is not None and not fits(sum_, limit, self.added(scope)):
                if before is not None:
                    self.open[asked.reservation_id] = before
                return scope
        if (spent := self.settled.pop(asked.reservation_id, None)) is not None:
            self.past.append(spent)
        self.open[asked.reservation_id] = asked
        return None

    def settle(self, one: Settle) -> None:
        scopes: frozenset[str] | None = None
        if (booked := self.open.pop(one.reservation_id, None)) is not None:
            scopes = frozenset(booked.scopes)
        elif (known := self.settled.get(one.reservation_id)) is not None:
            scopes = known[1]
        if scopes is not None:
            self.settled[one.reservation_id] = (one.spend, scopes)


def total(spends: Iterable[Spend]) -> Spend:
    given = [*spends]
    return Spend(
        usd=sum((one.usd for one in given), Decimal(0)), tokens=sum(one.tokens for one in given)
    )


def fits(spend: Spend, limit: Budget, added: Spend) -> bool:
    assert limit.usd is not None
    assert limit.tokens is not None
    has_money = spend.usd <= Decimal(limit.usd) + added.usd
    return has_money and spend.tokens <= limit.tokens + added.tokens


async def follow(meter: MemoryStorage, book: Book, call: Reserve | Settle | TopUp) -> None:
    """Make a call twice, and see that the second one changes nothing."""
    if isinstance(call, Reserve):
        expected = book.reserve(call.reservation)
        assert await meter.reserve("a", call.reservation) == expected
    elif isinstance(call, Settle):
        book.settle(call)
        for _ in range(2):
            await meter.settle("a", call.reservation_id, call.spend)
    else:
        book.top_ups.setdefault(call.top_up_id, call)
        for _ in range(2):
            balance = await meter.top_up("a", call.scope, call.spend, top_up_id=call.top_up_id)
        assert balance.added == book.added(call.scope)
    for balance in await meter.read_balances("a", SCOPES):
        assert balance.booked == book.booked(balance.scope)
        assert balance.added == book.added(balance.scope)


@given(CALLS)
def test_what_is_booked_is_the_sum_of_the_bookings(
    calls: list[Reserve | Settle | TopUp],
) -> None:
    """After every call; refused ones change nothing, and repeated ones nothing more."""

    async def make() -> None:
        meter, book = MemoryStorage(), Book()
        for call in calls:
            await follow(meter, book, call)

    asyncio.run(make())


TAKES = st.lists(st.tuples(st.integers(0, 70), st.floats(0, 40)), min_size=1, max_size=30)


@given(TAKES, st.booleans())
def test_a_bucket_gives_what_it_holds_and_what_flows_in(
    takes: list[tuple[int, float]],
    waits: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    """In any stretch of time, and no less to who waits as long as it was told."""
    now, given_out = 1000.0, [(1000.0, 0)]

    async def make() -> None:
        nonlocal now
        meter = MemoryStorage(monotonic=lambda: now)
        for amount, pause in takes:
            asked = [Rate(bucket="key", amount=amount, per_minute=60)]
            wait = await meter.take(asked)
            if wait and waits:
                now += wait
                assert await meter.take(asked) == 0
                wait = 0.0
            if not wait:
                given_out.append((now, min(amount, 60)))
            now += pause

    asyncio.run(make())
    for first, (since, _) in enumerate(given_out):
        taken = 0
        for at, amount in given_out[first:]:
            taken += amount
            assert taken <= 60 + (at - since) + 0.001


def test_values_that_say_nothing_are_refused() -> None:
    """A rate at which nothing flows, an amount below nothing, and scopes without limits."""
    with pytest.raises(ConfigurationError, match="at least 1 and at most"):
        Rate(bucket="key", amount=1, per_minute=0)
    with pytest.raises(ConfigurationError, match="at least 1 and at most"):
        Rate(bucket="key", amount=1, per_minute=10**13)
    with pytest.raises(ValueError, match="at least 0"):
        Rate(bucket="key", amount=-1, per_minute=1)
    with pytest.raises(ValueError, match="2 scopes has as many limits, not 1"):
        Reservation(reservation_id="b", spend=Spend(), scopes=("a", "b"), limits=(None,))


async def test_a_storage_in_memory_does_not_grow_by_what_it_meters() -> None:
    """With the runs that it forgets go their scopes, and ids that were settled before their end."""
    from datetime import UTC, datetime, timedelta

    from codeflow_engine.domain.run import RunStatus
    from codeflow_engine.testing.values import run

    later = datetime.now(UTC) + timedelta(hours=1)
    storage = MemoryStorage(keep=2)
    for number in range(9):
        name = f"r{number}"
        asked = Reservation(
            reservation_id=name,
            spend=Spend(tokens=1),
            scopes=(f"run:{name}", "month"),
            limits=(None, None),
        )
        await storage.reserve("a", asked)
        await storage.settle("a", name, Spend(tokens=1))
        await storage.put_runs([run(name, status=RunStatus.FAILED, updated_at=later)])

    records = storage._tenants["a"]
    assert set(records.accounts) == {"month", "run:r7", "run:r8"}
    assert records.bookings.keys() == records.settled.keys() <= {"r8", "r7"}
    (month,) = await storage.read_balances("a", ["month"])
    assert month.booked == Spend(tokens=9)
