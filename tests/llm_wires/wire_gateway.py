"""A gateway of its own for each test of the wires, and what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import LLM, ModelGateway
from codeflow_engine.domain.budget import Payer
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.pace import Clock
from fault_server import Reply
from model_replies import JSON
from wires import REQUEST, Told, Wire

__all__ = ["PAYER", "Hasty", "Steady", "broke", "gateway", "good", "question"]

PAYER = Payer(run_id="run-1")


class Hasty(Clock):
    """Lets pauses pass a hundred times as fast, and knows how long they were to be."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._ahead += seconds
        await asyncio.sleep(seconds / 100)


class Steady(Clock):
    """Draws the same each time, so that pauses double as llmock wants to see it."""

    def random(self) -> float:
        return 0.2


@contextlib.asynccontextmanager
async def gateway(
    *llms: LLM, clock: Clock | None = None, **options: Any
) -> AsyncIterator[ModelGateway]:
    """Give the way to these models in an engine of its own."""
    async with AsyncEngine(llm=llms, clock=clock or Hasty(), **options) as engine:
        models = engine._tools.models
        assert models is not None
        yield models


def question(text: str, **fields: Any) -> ChatRequest:
    first, *_ = REQUEST.messages
    return replace(REQUEST, messages=(replace(first, text=text),), **fields)


def good(wire: Wire, text: str = "Fine.") -> Reply:
    return Reply(headers=JSON, body=wire.answer(text))


def broke(wire: Wire) -> Told:
    """Say that there is no money left, in the vendor's words or by the status for it."""
    return wire.quota[0] if wire.quota else wire.status(402)
