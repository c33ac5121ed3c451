"""A sandbox on each rung of isolation, for the tests of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.sandbox.ladder import Ladder


@pytest.fixture(scope="module")
def ladders() -> dict[str, Ladder]:
    """Keep what was found for each rung: trying one costs as much as a test."""
    return {}


@pytest.fixture(params=list(Isolation))
async def sandbox(
    request: pytest.FixtureRequest, ladders: dict[str, Ladder]
) -> AsyncIterator[Sandbox]:
    """Give a sandbox on each rung that this machine has."""
    async with Sandbox(prefer=request.param) as made:
        made._ladder = ladders.setdefault(request.param, made._ladder)
        if await made.isolation() is not request.param:
            pytest.skip(f"this machine has no rung {request.param}: {dict(made.refusals)}")
        yield made
