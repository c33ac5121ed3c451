"""What the tests of the fake forge stand on: a forge that runs, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from forge_client import Client

from codeflow_engine.testing.forge import FakeForge, Repository


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    """Run a forge."""
    with FakeForge() as made:
        yield made


@pytest.fixture
def shop(forge: FakeForge) -> Repository:
    """Make an empty repository."""
    return forge.repository("acme/shop")


@pytest.fixture
def client_of() -> Iterator[Callable[[FakeForge, str | None], Client]]:
    """Give a function that makes clients, which are closed in the end."""
    made: list[Client] = []

    def make(forge: FakeForge, login: str | None) -> Client:
        made.append(Client(forge, login))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def bot(forge: FakeForge, client_of: Callable[[FakeForge, str | None], Client]) -> Client:
    """Make a client of an app's bot, which may write."""
    return client_of(forge, "codeflow-app[bot]")
