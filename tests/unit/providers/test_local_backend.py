"""The workflow backend of this process: how many runs execute at once, and in which order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import pytest

from codeflow_engine.contracts import WorkflowBackend
from codeflow_engine.errors import ConfigurationError, WorkflowError
from codeflow_engine.plugins.backends import Backends
from codeflow_engine.plugins.loader import load_plugins
from codeflow_engine.providers.workflow.local import LocalBackend, LocalSettings


class Runs:
    """Runs that go on until they are told to end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.under_way: set[str] = set()
        self.most = 0
        self._ends: dict[str, asyncio.Event] = {}

    async def execute(self, run_id: str) -> None:
        assert run_id not in self.under_way
        self.begun.append(run_id)
        self.under_way.add(run_id)
        self.most = max(self.most, len(self.under_way))
        try:
            await self._ends.setdefault(run_id, asyncio.Event()).wait()
        finally:
            self.under_way.discard(run_id)
            self._ends.pop(run_id)

    async def end(self, run_id: str) -> None:
        self._ends[run_id].set()
        await settle()


async def settle() -> None:
    """Let everything happen that can happen by itself."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
async def two_places(runs: Runs) -> AsyncIterator[LocalBackend]:
    """Give a backend that executes two runs at once."""
    backend = LocalBackend(LocalSettings(concurrency=2))
    await backend.start(runs.execute)
    yield backend
    await backend.aclose()


async def accept(backend: LocalBackend, *run_ids: str) -> None:
    for run_id in run_ids:
        await backend.enqueue(run_id)
    await settle()


async def test_runs_beyond_the_limit_wait_in_the_order_in_which_they_came(
    two_places: LocalBackend, runs: Runs
) -> None:
    """A place that becomes free goes to the run that waits for the longest time."""
    await accept(two_places, "a", "b", "c", "d", "e")
    assert runs.begun == ["a", "b"]

    await runs.end("b")
    assert runs.begun == ["a", "b", "c"]

    await runs.end("a")
    await runs.end("c")
    assert runs.begun == ["a", "b", "c", "d", "e"]


async def test_the_limit_is_never_passed(runs: Runs) -> None:
    """Not in a burst, and not by runs that enqueue, fail or are cancelled."""
    most, now = 0, 0
    backend = LocalBackend(LocalSettings(concurrency=4))

    async def execute(run_id: str) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            await asyncio.sleep(0)
            if run_id.isdigit():
                await backend.enqueue(f"child of {run_id}")
            if run_id.endswith("3"):
                raise ValueError(run_id)
        finally:
            now -= 1

    await backend.start(execute)
    for number in range(200):
        await backend.enqueue(str(number))
        if number % 7 == 0:
            await backend.cancel(str(number - 1))
    await asyncio.sleep(0.05)
    await backend.aclose()

    assert (most, now) == (4, 0)


async def test_a_run_executes_once_at_a_time(two_places: LocalBackend, runs: Runs) -> None:
    """What comes while it executes begins once that is over, however often it came."""
    await accept(two_places, "a", "a", "a")
    assert runs.begun == ["a"]

    await runs.end("a")
    assert runs.begun == ["a", "a"]

    await runs.end("a")
    assert runs.begun == ["a", "a"]


async def test_a_run_that_comes_again_holds_up_no_other(
    two_places: LocalBackend, runs: Runs
) -> None:
    """It does not wait in the place of another one, and goes to the end of the line."""
    await accept(two_places, "a", "a", "b", "c")
    assert runs.begun == ["a", "b"]

    await runs.end("a")

    assert runs.begun == ["a", "b", "c"]
    await runs.end("b")
    assert runs.begun == ["a", "b", "c", "a"]


async def test_a_run_that_waits_is_in_line_once(two_places: LocalBackend, runs: Runs) -> None:
    """A sweep that finds it due each second does not make it longer."""
    await accept(two_places, "a", "b", *["c"] * 1000, "d")

    await runs.end("a")
    await runs.end("c")
    await runs.end("b")

    assert runs.begun == ["a", "b", "c", "d"]


async def test_a_cancelled_run_leaves_the_line(two_places: LocalBackend, runs: Runs) -> None:
    """Also where it executes and waits for its next turn; both may come again."""
    await accept(two_places, "a", "a", "b", "c", "d")

    await two_places.cancel("c")
    await two_places.cancel("a")
    await settle()
    assert runs.begun == ["a", "b", "d"]

    await accept(two_places, "c", "a")
    await runs.end("b")
    await runs.end("d")
    assert runs.begun == ["a", "b", "d", "c", "a"]


async def test_tens_of_thousands_of_runs_at_once_are_cheap() -> None:
    """What one costs does not grow with those that wait."""

    async def seconds(count: int) -> float:
        left, ended = count, asyncio.Event()

        async def execute(run_id: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                ended.set()

        backend = LocalBackend(LocalSettings(concurrency=4))
        await backend.start(execute)
        before = time.process_time()
        for number in range(count):
            await backend.enqueue(f"run {number}")
        await ended.wait()
        taken = time.process_time() - before
        await backend.aclose()
        return taken

    few = min([await seconds(2_500) for _ in range(5)])
    many = min([await seconds(40_000) for _ in range(3)])

    # 256 times as long where each looks at all the others, and 16 times where not.
    assert many < few * 32


async def test_an_execution_that_leaves_the_program_only_ends_itself(
    two_places: LocalBackend, runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that raises `SystemExit` would stop the loop of the host."""
    backend = LocalBackend()

    async def execute(run_id: str) -> None:
        if run_id == "bad":
            raise SystemExit(3)
        await runs.execute(run_id)

    await backend.start(execute)
    await accept(backend, "bad", "good")
    await backend.aclose()

    assert runs.begun == ["good"]
    assert "the execution of run 'bad' ended with WorkflowError" in caplog.text


async def test_an_error_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """They may quote what nobody has taken secrets out of."""
    backend = LocalBackend()

    async def execute(run_id: str) -> None:
        raise ValueError("corner-shop-9000")

    with caplog.at_level(logging.DEBUG):
        await backend.start(execute)
        await accept(backend, "r1")
        await backend.aclose()

    (record,) = [one for one in caplog.records if one.name.startswith("codeflow_engine")]
    assert record.getMessage() == "the execution of run 'r1' ended with ValueError"
    assert record.exc_info is None


async def test_whoever_gives_up_a_drain_cancels_nothing_twice(
    two_places: LocalBackend, runs: Runs
) -> None:
    """A run that writes its end is told to end once, also where the wait for it is broken off."""
    told = 0
    backend = LocalBackend()

    async def execute(run_id: str) -> None:
        nonlocal told
        for seconds in (3600, 0.02):
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                told += 1

    await backend.start(execute)
    await accept(backend, "r1")
    draining = asyncio.create_task(backend.drain(grace=0))
    await settle()
    draining.cancel()
    await asyncio.wait([draining])
    await asyncio.sleep(0.04)

    assert (draining.cancelled(), told) == (True, 1)


async def test_a_refusal_says_why() -> None:
    """A backend that was not started, and one that is drained, tell so."""
    backend = LocalBackend()
    with pytest.raises(WorkflowError, match="run 'r1' is not accepted: the backend is not started"):
        await backend.enqueue("r1")

    await backend.drain(grace=0)

    with pytest.raises(WorkflowError, match="run 'r1' is not accepted: the backend is drained"):
        await backend.enqueue("r1")


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_limit_below_one_is_refused(concurrency: int) -> None:
    """No run would ever execute."""
    with pytest.raises(ConfigurationError, match=f"concurrency: at least 1 .* not {concurrency}"):
        LocalSettings(concurrency=concurrency)


async def test_it_is_reached_by_its_name(runs: Runs) -> None:
    """With settings from the section of that name."""
    settings = {"local": {"concurrency": 1}}
    backends = Backends(load_plugins([], allow=()).registry, settings)

    backend = backends.get(WorkflowBackend, "local")

    assert isinstance(backend, LocalBackend)
    await backend.start(runs.execute)
    await accept(backend, "a", "b")
    assert runs.begun == ["a"]
    await backend.aclose()
