"""The suite of workflow backends holds for the shipped ones, and for the fake one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import pytest
from brokers import Brokers

from codeflow_engine.contracts import WorkflowBackend
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.workflow.local import LocalBackend, LocalSettings
from codeflow_engine.testing.contracts import WorkflowBackendContract
from codeflow_engine.testing.fakes import FakeWorkflowBackend


class TestLocalBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return LocalBackend


class TestNarrowLocalBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return lambda: LocalBackend(LocalSettings(concurrency=1))


class TestFakeWorkflowBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return FakeWorkflowBackend


class Prompt(FakeWorkflowBackend):
    """Holds nothing back, and says so."""

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset()

    async def enqueue(self, run_id: str, *, not_before: datetime | None = None) -> None:
        if not_before is not None:
            raise ConfigurationError("Prompt holds nothing back; enqueue without a moment")
        await super().enqueue(run_id)


class TestPrompt(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return Prompt


class TestSpread(Brokers, WorkflowBackendContract):
    pass
