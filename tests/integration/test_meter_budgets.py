"""Ten thousand calls at once on nested budgets: what is spent, and by how much it may pass."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from codeflow_engine.contracts import Meter, StorageCapability
from codeflow_engine.domain.budget import Budget, Reservation, Spend
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from sql_databases import Server

CALLS = 10_000
FEW = 240
AT_ONCE = 200
"""Calls under way on a database, whose callers wait else longer than it has patience."""

MOST = Decimal("0.04")
"""Dollars that a call is booked at, at most."""

DEAR = Decimal("1.3")
"""How much more than it was booked at one of a thousand calls costs."""


@dataclass(slots=True)
class Spent:
    """What the calls of a test did, told by themselves."""

    costs: dict[str, Spend] = field(default_factory=dict)
    """What each call has cost, or was booked at where it was killed."""

    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    """By the level of the scope."""

    killed: int = 0

    def on(self, scope: str) -> Spend:
        """Add up what was spent on a scope."""
        costs = [self.costs[one] for one, scopes in self.scopes.items() if scope in scopes]
        return Spend(
            usd=sum((one.usd for one in costs), Decimal(0)),
            tokens=sum(one.tokens for one in costs),
        )


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def meter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Meter]:
    """Give a meter of each kind."""
    storage: MemoryStorage | SQLStorage
    if request.param == "memory":
        storage = MemoryStorage()
    elif request.param == "sqlite":
        storage = SQLStorage(f"sqlite:///{tmp_path / 'meter.db'}")
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.url(request.getfixturevalue("postgres_database"))
        storage = SQLStorage(url, SQLSettings(migrate=True))
    assert StorageCapability.METER in storage.capabilities
    yield storage
    await storage.aclose()


def limits_of(number: int, calls: int) -> Mapping[str, Budget | None]:
    """Give the scopes of a call, each inside the next, of which each may refuse some."""
    run, change, repository = number % (calls // 20), number % (calls // 40), number % 4
    whole = Decimal(calls) * MOST / 10
    return {
        f"run:{run}": Budget(usd=Decimal("0.16"), tokens=9000),
        f"change:{change}": Budget(usd=Decimal("0.24")),
        f"repository:{repository}": Budget(usd=whole / 3, tokens=calls * 600),
        "tenant:a": Budget(usd=whole),
        "month:2026-11": None,
    }


async def call(meter: Meter, number: int, calls: int, spent: Spent) -> None:
    """Make a call as a run does: book, ask, settle; now and then its process is killed."""
    luck = random.Random(number)  # noqa: S311 - no secret
    name, limits = f"call {number}", limits_of(number, calls)
    booked = Spend(usd=MOST * luck.randint(10, 100) / 100, tokens=luck.randint(100, 3000))
    asked = Reservation(
        reservation_id=name,
        spend=booked,
        scopes=tuple(limits),
        limits=tuple(limits.values()),
    )
    if (refused := await meter.reserve("a", asked)) is not None:
        spent.refused[refused.split(":")[0]] += 1
        return
    spent.costs[name], spent.scopes[name] = booked, asked.scopes
    await asyncio.sleep(0)
    if luck.random() < 0.05:
        spent.killed += 1
        if luck.random() < 0.5:
            return
        # Another process makes it again, and finds its booking.
        assert await meter.reserve("a", asked) is None
    part = DEAR if luck.random() < 0.001 else Decimal(luck.randint(20, 100)) / 100
    cost = Spend(usd=booked.usd * part, tokens=int(booked.tokens * part))
    await meter.settle("a", name, cost)
    spent.costs[name] = cost
    if luck.random() < 0.1:
        await meter.settle("a", name, cost)


async def spend(meter: Meter, calls: int, at_once: int) -> Spent:
    """Make calls, all of them at once where as many may be under way."""
    spent, turns = Spent(), asyncio.Semaphore(at_once)

    async def make(number: int) -> None:
        async with turns:
            await call(meter, number, calls, spent)

    await asyncio.gather(*map(make, range(calls)))
    return spent


async def check(meter: Meter, calls: int, spent: Spent) -> None:
    """See that what is booked is what was spent, and passes no limit by more than a call."""
    limits: dict[str, Budget | None] = {}
    for number in range(calls):
        limits |= limits_of(number, calls)
    dearest = MOST * DEAR
    for balance in await meter.read_balances("a", [*limits]):
        assert balance.booked == spent.on(balance.scope)
        limit = limits[balance.scope]
        if limit is not None:
            assert balance.booked.usd <= Decimal(limit.usd or 0) + dearest
            assert limit.tokens is None or balance.booked.tokens <= limit.tokens + 3000 * DEAR
    assert spent.killed
    # Of a few calls, chance decides which of the inner scopes is spent first.
    assert {"run", "change"} & set(spent.refused)
    assert len(spent.costs) > calls // 20


@pytest.mark.parametrize("meter", ["memory"], indirect=True)
async def test_ten_thousand_calls_at_once_overspend_by_at_most_one(meter: Meter) -> None:
    """On every one of five nested scopes, though calls cost more and less, and are killed."""
    spent = await spend(meter, CALLS, CALLS)

    await check(meter, CALLS, spent)


@pytest.mark.parametrize("meter", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("calls", [FEW, pytest.param(CALLS, marks=pytest.mark.fault)])
async def test_calls_on_one_database_overspend_by_at_most_one(meter: Meter, calls: int) -> None:
    """The same, where each call is two transactions."""
    spent = await spend(meter, calls, AT_ONCE)

    await check(meter, calls, spent)
