"""A pull request on a forge, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from codeflow_engine.testing.forge import FakeForge
from github_posting import Desk


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    """Start a forge, and stop it after the test."""
    with FakeForge() as started:
        yield started


@pytest.fixture
async def desk(forge: FakeForge) -> AsyncIterator[Desk]:
    """Open a pull request, and close what was opened to write to it."""
    opened = Desk.at(forge)
    yield opened
    await opened.aclose()
