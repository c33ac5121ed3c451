"""A backend in which no fault strikes keeps its contract; the suites look at it closely."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codeflow_engine.contracts import Observer, Strategy, WorkflowBackend
from codeflow_engine.testing.contracts import (
    ObserverContract,
    StrategyContract,
    WorkflowBackendContract,
)
from codeflow_engine.testing.contracts.strategy import Answer
from codeflow_engine.testing.fakes import FakeObserver, FakeStrategy, FakeWorkflowBackend
from codeflow_engine.testing.faults import FaultPlan, faulty


class TestFaultyObserver(ObserverContract):
    @pytest.fixture
    def create(self) -> Callable[[], Observer]:
        return lambda: faulty(FakeObserver(), FaultPlan())


class TestFaultyStrategy(StrategyContract):
    @pytest.fixture
    def create(self) -> Callable[[], Strategy]:
        return lambda: faulty(FakeStrategy(), FaultPlan())

    @pytest.fixture
    def answer(self) -> Answer:
        return lambda request, chunk, findings: FakeStrategy.answer(findings)


class TestFaultyWorkflowBackend(WorkflowBackendContract):
    @pytest.fixture
    def create(self) -> Callable[[], WorkflowBackend]:
        return lambda: faulty(FakeWorkflowBackend(), FaultPlan())
