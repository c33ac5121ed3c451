"""What the suites of storages stand on: how the one under test is made."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar

import pytest

from codeflow_engine.contracts import Storage, StorageCapability
from codeflow_engine.testing.contracts.backend import BackendContract, choose, pass_over

__all__ = ["StorageFixtures"]


class StorageFixtures(BackendContract[Storage]):
    """Makes storages: migrated, untouched, and out of reach."""

    contract: ClassVar[type[Storage]] = Storage
    capability: ClassVar[type[StrEnum] | None] = StorageCapability

    async def prepare(self, backend: Storage) -> None:
        """Migrate what is stored."""
        await backend.migrate()

    @pytest.fixture
    def unreachable(self, request: pytest.FixtureRequest) -> Callable[[], Storage]:
        """Return what makes a storage that cannot be reached; who can, defines this one."""
        pass_over(
            request.node,
            "the fixture `unreachable` is not defined, which returns what makes a storage whose "
            "data cannot be reached: its server is away, or its file is locked",
        )

    @pytest.fixture
    def untouched(
        self, create: Callable[[], Storage], request: pytest.FixtureRequest
    ) -> Callable[[], Storage]:
        """Return what makes the storage, over data that nobody has migrated."""
        choose(request.node, create())
        return create
