"""Engines over models by a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gateway_world import Scripted, engine_of, gateway_of

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import ModelGateway


@pytest.fixture
async def ask() -> AsyncIterator[Any]:
    """Make the gateway of an engine with these models."""
    engines: list[AsyncEngine] = []

    def make(*models: Scripted, **options: Any) -> ModelGateway:
        engine = engine_of(models, **options)
        engines.append(engine)
        return gateway_of(engine)

    yield make
    for engine in engines:
        await engine.aclose()
