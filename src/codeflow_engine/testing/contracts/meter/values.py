"""Values for the tests of meters, and the calls that most of them make."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from codeflow_engine.contracts import Meter, StorageCapability
from codeflow_engine.domain.budget import Budget, Rate, Reservation, Spend
from codeflow_engine.testing.contracts.backend import requiring
from codeflow_engine.testing.contracts.watching import within

__all__ = [
    "SLOW",
    "TEXTS",
    "about",
    "book",
    "booked",
    "cost",
    "limit",
    "of_meter",
    "rate",
    "reservation",
    "settled",
]

SLOW = 6
"""A rate for a minute at which nothing comes while a test runs: one in ten seconds."""

TEXTS = (
    *("", " ", "a", "A", "a ", "a\x00", "\x00", "\x01", "\udcff", "\ue000", "\U0001f600"),
    *("e\u0301", "\xe9", "%", "_", "é'\"`\\;--", "run:a", "#1", "r" * 300),
)
"""Each is another one, though some look alike, or are alike to something."""


def about(seconds: float) -> object:
    """Give a wait that a call has told, which took a while itself."""
    return pytest.approx(seconds, abs=2.0)


def of_meter[T: type](tests: T) -> T:
    """Run the tests of a class only on storages that are a meter."""
    return requiring(StorageCapability.METER)(tests)


def cost(usd: str = "0", tokens: int = 0) -> Spend:
    """Make an amount."""
    return Spend(usd=Decimal(usd), tokens=tokens)


def limit(usd: str | None = None, tokens: int | None = None) -> Budget:
    """Make a limit."""
    return Budget(usd=usd, tokens=tokens)


def reservation(
    reservation_id: str, spend: Spend, limits: Mapping[str, Budget | None]
) -> Reservation:
    """Make a reservation, with a limit for each scope."""
    return Reservation(
        reservation_id=reservation_id,
        spend=spend,
        scopes=tuple(limits),
        limits=tuple(limits.values()),
    )


def rate(bucket: str, amount: int, per_minute: int = SLOW) -> Rate:
    """Make what is to be taken from a bucket."""
    return Rate(bucket=bucket, amount=amount, per_minute=per_minute)


async def book(
    meter: Meter,
    reservation_id: str,
    spend: Spend,
    limits: Mapping[str, Budget | None],
    tenant: str = "a",
) -> str | None:
    """Reserve, and give what refused it."""
    asked = reservation(reservation_id, spend, limits)
    return await within(meter.reserve(tenant, asked))


async def settled(
    meter: Meter,
    reservation_id: str,
    spend: Spend,
    limits: Mapping[str, Budget | None],
    tenant: str = "a",
) -> None:
    """Reserve and settle the same amount."""
    assert await book(meter, reservation_id, spend, limits, tenant) is None
    await meter.settle(tenant, reservation_id, spend)


async def booked(meter: Meter, *scopes: str, tenant: str = "a") -> list[Spend]:
    """Read what is booked on scopes."""
    return [one.booked for one in await within(meter.read_balances(tenant, scopes))]
