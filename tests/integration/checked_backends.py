"""Backends that are checked in processes of their own: good ones, broken ones, hostile ones."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codeflow_engine.contracts import Observer, VCSCapability
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.testing.contracts import BackendContract, ObserverContract, requires
from codeflow_engine.testing.fakes import FakeObserver


class Good(FakeObserver):
    """Keeps the contract."""


def factory() -> Observer:
    return Good()


def number() -> int:
    return 3


WORD = "word"
READY = Good()


class Forgetful(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        print("garbage " * 100_000)  # noqa: T201 - on purpose
        os.write(2, b"\x1b[31mred")
        assert event.sequence < 5, "\x1b[31m\u202e too many"


class Boasting(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        raise ValueError("z" * 2_000_000)


class BornBoasting(FakeObserver):
    def __init__(self) -> None:
        raise ValueError("z" * 2_000_000)


class Leaving(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        sys.exit(0)


class Interrupting(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        raise KeyboardInterrupt


class Panicking(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        raise BaseException("panic")  # noqa: TRY002 - on purpose


class Vanishing(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        os._exit(0)


class Crashing(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        os.abort()


class Hanging(FakeObserver):
    async def on_event(self, event: RunEvent) -> None:
        time.sleep(60)  # noqa: ASYNC251 - on purpose


class Clinging(FakeObserver):
    async def aclose(self) -> None:
        raise OSError("it does not let go")


class Nothing:
    """Derives from no contract."""


class BornRaising(FakeObserver):
    def __init__(self) -> None:
        raise OSError("no such server")


class BornLeaving(FakeObserver):
    def __init__(self) -> None:
        sys.exit(0)


class BornVanishing(FakeObserver):
    def __init__(self) -> None:
        os._exit(0)


class BornHanging(FakeObserver):
    def __init__(self) -> None:
        time.sleep(60)


class Demanding(FakeObserver):
    def __init__(self, url: str, word: str) -> None:
        super().__init__()


class PlacedCache(MemoryCache):
    """Asks for a directory, and takes down which."""

    def __init__(self, url: str) -> None:
        super().__init__()
        scheme, _, place = url.partition("://")
        assert scheme == "acme"
        assert Path(place).is_dir()
        with Path(os.environ["PLACES"]).open("a") as file:
            file.write(f"{place}\n")


@pytest.fixture
def beside() -> Callable[[], Observer]:
    return Good


class TestGood(ObserverContract):
    @pytest.fixture
    def create(self, beside: Callable[[], Observer]) -> Callable[[], Observer]:
        return beside

    @requires(VCSCapability.PUBLISH)
    async def test_more(self, backend: Observer) -> None:
        """It does more."""
        raise AssertionError("it is not asked")

    @pytest.mark.parametrize("number", [1, 2])
    async def test_twice(self, backend: Observer, number: int) -> None:
        """It does it twice."""
        assert number


class TestEvasive(TestGood):
    """Does what a test class may do so as not to be found out."""

    test_it_returns_quickly = None  # type: ignore[assignment] # on purpose

    async def test_it_takes_every_kind_of_event(self, backend: Observer) -> None:
        """It takes what it likes."""

    @pytest.mark.skip(reason="not today")
    async def test_skipped(self, backend: Observer) -> None:
        """It is left for later."""

    @pytest.mark.xfail(reason="known")
    async def test_expected(self, backend: Observer) -> None:
        """It fails, as everybody knows."""
        raise AssertionError("still")

    async def test_lost(self, backend: Observer, from_conftest: int) -> None:
        """It asks for what no file of its own defines."""


class TestWithoutFixture(ObserverContract):
    """Defines no fixture."""


class TestWithConstructor(ObserverContract):
    """Cannot be a test class of pytest's."""

    def __init__(self) -> None:
        self.backend = Good()


class TestUncollected(ObserverContract):
    """Says that it is none."""

    __test__ = False


class TestMismarked(TestGood):
    """Has a mark that is wrong."""

    @pytest.mark.parametrize("nothing", [1])
    async def test_mismarked(self, backend: Observer) -> None:
        """It has a number that it does not take."""


class TestOfNoKind(BackendContract[Observer]):
    """Derives from what all suites share."""
