"""What is told of the input of a run, and what an input may hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from codec_values import KINDS, Number, Word
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import SerializationError
from codeflow_engine.runs.codec import encode
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.telling import tell
from codeflow_engine.testing.values import NOON

PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = 2\n"


@dataclass(frozen=True)
class Order:
    receipt: bytes
    tags: frozenset[str]
    prices: dict[int, Decimal] = field(default_factory=dict)
    until: date | None = None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"tea and milk", "12 bytes"),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({1}), [1]),
        (Diff.parse(PATCH), f"a patch of {len(PATCH)} bytes"),
        ({Number.ONE: (b"x",)}, {"1": ["1 bytes"]}),
        (Word.YES, "yes"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (timedelta(minutes=90), "1:30:00"),
        (NOON, NOON.isoformat()),
        (datetime(2026, 1, 2), "2026-01-02 00:00:00"),  # noqa: DTZ001 - it is wanted
        (Order(b"", frozenset()), {"receipt": "0 bytes", "tags": [], "prices": {}, "until": None}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_told_in_short(value: object, told: object) -> None:
    """Lists of runs show it as JSON."""
    assert tell(value) == told


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_all_that_can_be_kept_can_be_told(kind: str, data: st.DataObject) -> None:
    """What a step may return, an input may hold."""
    declared, values = KINDS[kind]
    value = data.draw(values)
    encode(value, declared)

    json.dumps(tell(value), allow_nan=False).encode()


def test_what_is_nested_too_deeply_is_refused() -> None:
    """It is a typed error, whoever notices it first."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(SerializationError, match="nested"):
        tell(deep)


async def test_an_input_may_hold_what_a_step_may_return() -> None:
    """It is kept by its annotation, and told in short."""

    async def brew(run: RunContext, order: Order) -> Order:
        return order

    asked = {"receipt": b"tea", "tags": {"sweet", "hot"}, "prices": {1: Decimal("2.5")}}
    async with AsyncEngine() as engine:
        engine.workflow("brew")(brew)
        run = await engine.submit("brew", {**asked, "until": date(2026, 1, 2)})
        order = await run.result()

    assert order == Order(
        b"tea", frozenset({"hot", "sweet"}), {1: Decimal("2.5")}, date(2026, 1, 2)
    )
    assert run.record.input == {
        "receipt": "3 bytes",
        "tags": ["hot", "sweet"],
        "prices": {"1": "2.5"},
        "until": "2026-01-02",
    }
