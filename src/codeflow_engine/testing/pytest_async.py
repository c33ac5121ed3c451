"""The fixtures of the kit that need an event loop; see `pytest_plugin`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from codeflow_engine import AsyncEngine
    from codeflow_engine.engine import EngineOptions
    from codeflow_engine.sandbox import Sandbox

__all__ = ["codeflow_async_engine", "codeflow_sandbox"]


@pytest_asyncio.fixture
async def codeflow_async_engine(
    codeflow_engine_options: EngineOptions,
) -> AsyncIterator[AsyncEngine]:
    """An `AsyncEngine` with the options of `codeflow_engine_options`, closed after the test."""
    from codeflow_engine import AsyncEngine

    async with AsyncEngine(**codeflow_engine_options) as engine:
        yield engine


@pytest_asyncio.fixture
async def codeflow_sandbox() -> AsyncIterator[Sandbox]:
    """A `Sandbox` to hand to an analyzer or a VCS host, closed after the test."""
    from codeflow_engine.sandbox import Sandbox

    async with Sandbox() as sandbox:
        yield sandbox
