"""Workflows whose steps are counted, whoever executes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from codeflow_engine import AsyncEngine
from codeflow_engine.errors import ProviderUnavailableError
from codeflow_engine.pace.retry import Retry
from codeflow_engine.runs.context import RunContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A value with a type of its own."""

    name: str
    cents: int


class Shop:
    """Workflows whose steps are counted, whoever executes them."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        """How often a step still fails."""

    def register(self, engine: AsyncEngine) -> AsyncEngine:
        for name in ("buy", "many", "tidy", "values"):
            engine.workflow(name)(getattr(self, name))
        return engine

    async def work(self, name: str) -> str:
        self.done[name] += 1
        if self.broken[name]:
            self.broken[name] -= 1
            raise ProviderUnavailableError(f"{name} is away")
        return name.upper()

    async def buy(self, run: RunContext, given: dict[str, Any]) -> list[str]:
        retry = Retry(attempts=given.get("attempts", 1), first=0.01)
        return [
            await run.step("look", self.work, "look"),
            await run.step("pay", self.work, "pay", retry=retry),
            await run.step("send", self.work, "send"),
        ]

    async def many(self, run: RunContext, given: dict[str, Any]) -> list[str]:
        first = await run.step("look", self.work, "look")
        rest = await run.together(
            run.step("part", self.work, f"part {n}", key=str(n)) for n in range(given["parts"])
        )
        return [first, *rest]

    async def tidy(self, run: RunContext, given: dict[str, Any]) -> None:
        try:
            await run.step("look", self.work, "look")
        finally:
            await run.step("clean", self.work, "clean")

    async def price(self) -> Price:
        self.done["price"] += 1
        return Price(name="tea", cents=250)

    async def values(self, run: RunContext, given: dict[str, Any]) -> Price:
        price = await run.step("price", self.price)
        doubled: Price = await run.compute("double", lambda: Price(name="tea", cents=500))
        assert isinstance(price, Price)
        await run.step("look", self.work, "look")
        return doubled
