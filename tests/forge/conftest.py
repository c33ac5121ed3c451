"""A forge for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codeflow_engine.testing.forge import FakeForge


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    """Start a forge, and stop it after the test."""
    with FakeForge() as started:
        yield started
