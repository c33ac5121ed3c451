"""The suite of observers holds for the fake one, and each of its tests can fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from mutation import struck, unbroken

from codeflow_engine.contracts import Observer
from codeflow_engine.domain.run import RunEvent, RunStarted
from codeflow_engine.testing.contracts import ObserverContract
from codeflow_engine.testing.fakes import FakeObserver


class TestFakeObserver(ObserverContract):
    @pytest.fixture
    def create(self) -> Callable[[], Observer]:
        return FakeObserver


class Choosy(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        assert "Finished" not in type(event).__name__


class Dated(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        assert type(event).__module__ == RunEvent.__module__


class Strict(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        assert self.events or isinstance(event, RunStarted)
        await super().on_event(event)


class Single(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        await super().on_event(event)
        assert {one.run_id for one in self.events} == {event.run_id}


class Slow(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        await asyncio.sleep(1.1)


class Blocking(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        time.sleep(0.7 if event.sequence == 1 else 0)  # noqa: ASYNC251 - that is what is wrong with it


class Waiting(FakeObserver):
    async def aclose(self) -> None:
        assert not self.events, "the run has not ended"


def contract_of(mutant: type, *tests: str) -> type:
    return struck(ObserverContract, mutant, *tests)


TestChoosy = contract_of(Choosy, "test_it_takes_every_kind_of_event")
TestDated = contract_of(Dated, "test_it_takes_a_kind_of_event_that_it_does_not_know")
TestStrict = contract_of(Strict, "test_it_joins_a_run_that_is_under_way")
TestSingle = contract_of(Single, "test_it_watches_many_runs_at_once")
TestSlow = contract_of(Slow, "test_it_returns_quickly")
TestBlocking = contract_of(Blocking, "test_it_does_not_block_the_event_loop")
TestWaiting = contract_of(Waiting, "test_it_can_be_closed_while_a_run_is_under_way")


def test_every_test_of_the_suite_can_fail() -> None:
    """Each has a mutant that it finds out."""
    assert unbroken(ObserverContract, globals()) == set()
