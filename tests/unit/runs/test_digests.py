"""Which inputs are the same one, where a run is asked for again under its key."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from codec_values import PLAIN, Number, Odd, Word
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import ConflictingRunError, SerializationError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.digests import digest

PATCH = "--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = {}\n"


@dataclass(frozen=True)
class Order:
    name: str
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Parcel:
    name: str
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LaterOrder:
    """What a later release has in the place of an order."""

    name: str
    note: str | None = None
    parts: list[Order] = field(default_factory=list)
    tags: frozenset[str] = frozenset()


@given(st.dictionaries(st.text(), PLAIN))
def test_the_order_of_a_dict_tells_nothing(value: dict[str, Any]) -> None:
    """Who asks again may write it in another one."""
    turned = dict(reversed(value.items()))

    assert digest("w", [turned]) == digest("w", [value])


def test_the_order_of_a_set_tells_nothing() -> None:
    """Each process goes through a set of texts in another one."""
    script = (
        "from codeflow_engine.runs.digests import digest\n"
        "print(digest('w', {'tags': frozenset('abcdefgh')}))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(3)
    }

    assert len(told) == 1


def test_a_new_field_with_a_default_makes_no_other_input() -> None:
    """Runs are asked for again by the next release, too; given something else, it counts."""
    old, new = Order("tea", frozenset({"a"})), LaterOrder("tea", tags=frozenset({"a"}))

    assert digest("w", new) == digest("w", old)
    assert digest("w", LaterOrder("tea", note="x")) != digest("w", Order("tea"))
    assert digest("w", LaterOrder("tea", parts=[Order("x")])) != digest("w", Order("tea"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (1, "1"),
        ("1", Decimal(1)),
        (b"1", b"2"),
        (b"", ""),
        (None, "null"),
        ([1, 2], [2, 1]),
        ([1, [2]], [[1], 2]),
        (["a,b"], ["a", "b"]),
        ({"a": 1}, {"a": 2}),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
        ({1}, [1]),
        ({"1": 1}, {1: 1}),
        (Word.YES, "yes"),
        (Number.ONE, Number.TWO),
        (Odd.NONE, Odd.TEXT),
        ([Order("tea")], [Parcel("tea")]),
        (Order("tea"), Order("coffee")),
        (Diff.parse(PATCH.format(2)), Diff.parse(PATCH.format(3))),
    ],
)
def test_what_differs_has_another_digest(one: Any, other: Any) -> None:
    """Otherwise a caller would get the run of somebody else's input."""
    assert digest("w", one) != digest("w", other)
    assert digest("w", {"part": one}) != digest("w", {"part": other})


def test_the_same_input_of_another_workflow_is_another_one() -> None:
    """A key belongs to both."""
    assert digest("w", {}) != digest("v", {})


def test_an_input_that_is_nested_too_deeply_has_none() -> None:
    """It is a typed error, whoever notices it first."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(SerializationError, match="nested"):
        digest("w", deep)


async def test_d8_the_same_key_with_an_equal_input_is_the_same_run() -> None:
    """However it is written; with another one it is refused."""

    async def brew(run: RunContext, order: Order) -> str:
        return order.name

    async with AsyncEngine(executes="none") as engine:
        engine.workflow("brew")(brew)
        tags = ["hot", "sweet"]
        first = await engine.submit("brew", {"name": "tea", "tags": tags}, key="k")
        again = await engine.submit("brew", {"tags": tags[::-1], "name": "tea"}, key="k")
        with pytest.raises(ConflictingRunError):
            await engine.submit("brew", {"name": "tea"}, key="k")

    assert again.id == first.id
