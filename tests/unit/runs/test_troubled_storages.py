"""What becomes of runs whose storage is away for a while, breaks its contract, or hangs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine, AsyncRun
from codeflow_engine.contracts import StorageCapability
from codeflow_engine.domain.run import RunEvent, RunFinished, RunStatus
from codeflow_engine.errors import (
    ConfigurationError,
    RunCancelledError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
    WorkflowError,
)
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.testing.fakes import FakeWorkflowBackend
from codeflow_engine.testing.faults import (
    Call,
    Fault,
    FaultPlan,
    answers,
    delays,
    faulty,
    hangs,
    raises,
)
from stopwatch import stopwatch

AWAY = StorageUnavailableError("it is away")
LATE = pytest.mark.parametrize("when", [{"after": False}, {"after": True}], ids=["undone", "done"])


async def count(run: RunContext, given: dict[str, Any]) -> int:
    return await run.step("count", lambda: 1) + 1


async def hold(run: RunContext, given: dict[str, Any]) -> None:
    await run.step("hold", asyncio.sleep, 60)


async def leave(run: RunContext, given: dict[str, Any]) -> None:
    await run.compute("leave", sys.exit, 0)


async def at_once(run: RunContext, given: dict[str, Any]) -> list[int]:
    steps = [run.step("give", lambda one=one: one, key=str(one)) for one in range(3)]
    return list(await run.together(steps))


class BareStorage(MemoryStorage):
    """Keeps no journal: the engine has one beside it."""

    capabilities = MemoryStorage.capabilities - {StorageCapability.JOURNAL}


def with_faults(storage: MemoryStorage, *faults: Fault, **options: Any) -> AsyncEngine:
    """Make an engine whose storage does not do what it should."""
    engine = AsyncEngine(storage=faulty(storage, FaultPlan(*faults)), plugins_allow=[], **options)
    for function in (count, hold, leave, at_once):
        engine.workflow(function.__name__)(function)
    return engine


def first(status: RunStatus) -> Callable[[Call], bool]:
    """Choose the first write of a status."""
    seen: list[Call] = []

    def is_first(call: Call) -> bool:
        states = [one.state.status for one in call.arguments["writes"] if one.state is not None]
        if status in states and not seen:
            seen.append(call)
            return True
        return False

    return is_first


async def settled(run: AsyncRun) -> Any:
    """Ask for the result until the storage is back."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await run.result()
            except StorageError:
                await asyncio.sleep(0.01)


@LATE
async def test_d16_a_claim_whose_answer_was_lost_is_asked_for_again(when: Any) -> None:
    """The worker holds the run without knowing it; nobody else may take it then."""
    async with with_faults(MemoryStorage(), raises("claim", AWAY, **when, on=1)) as engine:
        run = await engine.submit("count", {})
        with pytest.raises(StorageUnavailableError):
            await run.result()

        assert await settled(run) == 2
        assert run.status is RunStatus.SUCCEEDED


@LATE
async def test_d16_a_success_whose_answer_was_lost_is_one(when: Any) -> None:
    """Who asked meanwhile heard of the storage; afterwards handle and record agree."""
    storage = DurableStorage()
    broken = raises("write", AWAY, **when, on=first(RunStatus.SUCCEEDED))
    async with with_faults(storage, broken) as engine:
        run = await engine.submit("count", {})
        with pytest.raises(StorageUnavailableError):
            await run.result()

        assert await settled(run) == 2
        assert run.status is RunStatus.SUCCEEDED
        assert (await storage.get_runs("default", [run.id]))[0] == run.record
        events = await storage.read_events("default", run.id)
        assert [event.sequence for event in events] == [*range(1, len(events) + 1)]
        assert sum(isinstance(event, RunFinished) for event in events) == 1


async def test_a_success_that_was_written_is_not_failed_afterwards() -> None:
    """An error that comes after the write cannot be told from one before: the storage tells."""
    full = StorageFullError("no space is left")
    broken = raises("write", full, after=True, on=first(RunStatus.SUCCEEDED))
    async with with_faults(MemoryStorage(), broken) as engine:
        run = await engine.submit("count", {})

        assert await run.result() == 2
        assert run.status is RunStatus.SUCCEEDED


async def test_a_lost_claim_is_no_success() -> None:
    """What the storage refuses is not told as a result; another execution brings it."""
    refused = answers("write", lambda _: (False,), on=first(RunStatus.SUCCEEDED))
    async with with_faults(MemoryStorage(), refused) as engine:
        run = await engine.submit("count", {})
        result = await run.result()

        record = await run.refresh()
        assert (result, record.status) == (2, RunStatus.SUCCEEDED)


async def test_an_end_that_cannot_be_written_is_told_as_what_it_is() -> None:
    """Whoever cancels hears that the storage is full, not that the run was cancelled."""
    full = raises("write", StorageFullError("no space is left"), on=first(RunStatus.CANCELLED))
    async with with_faults(MemoryStorage(), full) as engine:
        run = await engine.submit("hold", {})
        await until(run, RunStatus.RUNNING)
        with pytest.raises(StorageFullError):
            await run.cancel()
        with pytest.raises(RunCancelledError):
            await settled(run)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        *(("submit", None), ("submit", (object(),)), ("claim", None), ("claim", (object(),))),
        *(("write", None), ("write", ()), ("write", (object(),)), ("write", (True, True))),
    ],
)
async def test_answers_of_another_type_are_errors_of_the_storage(method: str, answer: Any) -> None:
    """They are told where they come from, and no run is stuck with them."""
    async with with_faults(MemoryStorage(), answers(method, lambda _: answer)) as engine:
        async with asyncio.timeout(5):
            with pytest.raises(StorageError, match="the storage has"):
                await (await engine.submit("count", {})).result()


async def test_a_cancellation_that_was_not_made_is_an_error() -> None:
    """A storage that says nothing of the run has not cancelled it."""
    async with with_faults(MemoryStorage(), answers("cancel", lambda _: ())) as engine:
        run = await engine.submit("hold", {})
        await until(run, RunStatus.RUNNING)
        with pytest.raises(StorageError, match="says nothing of run"):
            await run.cancel()


@pytest.mark.parametrize("method", ["find_due", "notices", "renew"])
@pytest.mark.parametrize("error", [AWAY, ValueError("foreign"), SystemExit(1)], ids=repr)
async def test_a_worker_outlives_what_its_storage_raises(
    method: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on to look for runs and to show that it is alive, whatever one call made of it."""
    monkeypatch.setenv("CODEFLOW_LEASE", "0.15")
    storage = DurableStorage()
    async with opened(with_faults(storage, raises(method, error, on={2, 3}))) as engine:
        held = await engine.submit("hold", {})
        await until(held, RunStatus.RUNNING)
        await asyncio.sleep(0.3)
        with_others = with_faults(storage, executes="none")
        run = await with_others.submit("count", {})

        async with asyncio.timeout(5):
            assert await run.result() == 2
        assert (await held.refresh()).recoveries == 0


async def test_a_worker_is_closed_whatever_its_storage_raises() -> None:
    """What cannot be cancelled or given back is no reason to leave threads and tasks behind."""
    before = asyncio.all_tasks()
    broken = [raises(name, ValueError("foreign")) for name in ("retire", "leave_loop")]
    engine = with_faults(MemoryStorage(), *broken, raises("cancel", AWAY))
    await engine.submit("hold", {})

    await engine.aclose()

    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("method", ["submit", "claim", "write"])
async def test_nobody_waits_for_ever_for_a_storage_that_hangs(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`finish_timeout` bounds each call about runs."""
    monkeypatch.setenv("CODEFLOW_FINISH_TIMEOUT", "0.1")
    async with with_faults(MemoryStorage(), hangs(method)) as engine:
        async with asyncio.timeout(5):
            with pytest.raises(StorageUnavailableError, match="no answer within"):
                await (await engine.submit("count", {})).result()


async def test_a_success_that_could_not_be_written_in_time_is_written_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A durable storage that stood still for a while makes no failure of it."""
    monkeypatch.setenv("CODEFLOW_FINISH_TIMEOUT", "0.1")
    stuck = hangs("write", on=first(RunStatus.SUCCEEDED))
    async with with_faults(DurableStorage(), stuck) as engine:
        run = await engine.submit("count", {})
        with pytest.raises(StorageUnavailableError):
            await run.result()

        assert await settled(run) == 2


async def test_a_run_that_its_backend_refuses_is_offered_again() -> None:
    """The next look hands it over once more."""
    refused = raises("enqueue", WorkflowError("not now"), on=1)
    backend = faulty(FakeWorkflowBackend(), FaultPlan(refused))
    async with with_faults(MemoryStorage(), workflows=backend) as engine:
        with pytest.raises(WorkflowError, match="not now"):
            await engine.submit("count", {})
        (run,) = await engine.runs()

        async with asyncio.timeout(5):
            assert await run.result() == 2


async def test_d43_who_waits_at_a_closed_engine_is_told_so() -> None:
    """The run was given back, and nobody here will hear of its end."""
    engine = with_faults(DurableStorage())
    run = await engine.submit("hold", {})
    waiting = asyncio.create_task(run.result())
    following = asyncio.create_task(_last_event(run))
    await until(run, RunStatus.RUNNING)
    await engine.aclose()

    async with asyncio.timeout(5):
        for one in (waiting, following):
            with pytest.raises(WorkflowError, match="is pending, and this engine is closed"):
                await one
    with pytest.raises(ConfigurationError, match="closed"):
        await engine.submit("count", {})


async def _last_event(run: AsyncRun) -> RunEvent:
    return (await _events(run))[-1]


async def test_who_follows_a_run_is_let_go_at_its_end() -> None:
    """Nobody waits for more behind the last event."""
    async with with_faults(MemoryStorage()) as engine:
        run = await engine.submit("count", {})
        async with stopwatch() as watch:
            assert isinstance(await _last_event(run), RunFinished)

        assert watch.seconds < 0.4


async def test_a_computation_that_leaves_the_program_ends_its_run_alone() -> None:
    """`sys.exit` in a worker thread does not take the loop of the host along."""
    async with with_faults(MemoryStorage()) as engine:
        run = await engine.submit("leave", {})
        with pytest.raises(WorkflowError, match="ended with SystemExit"):
            await run.result()
        assert run.status is RunStatus.FAILED


async def test_parallel_steps_wait_together_for_a_storage_that_is_away() -> None:
    """The run goes on later, whichever of them is the first to hear of it."""
    async with with_faults(DurableStorage(), raises("write", AWAY, on={1, 2})) as engine:
        run = await engine.submit("at_once", {})

        assert await settled(run) == [0, 1, 2]


async def test_a_refused_cancellation_is_none() -> None:
    """Whoever took the run over decides how it ends."""
    refused = answers("write", lambda _: (False,), on=first(RunStatus.CANCELLED))
    async with with_faults(MemoryStorage(), refused) as engine:
        run = await engine.submit("hold", {})
        await until(run, RunStatus.RUNNING)
        await run.cancel()

        assert run.status is (await run.refresh()).status is RunStatus.CANCELLED
        assert [type(one) for one in await _events(run)].count(RunFinished) == 1


async def test_a_cancellation_that_was_broken_off_is_told_by_the_next_one() -> None:
    """The last event comes, even where the record says already that it has ended."""
    broken = raises("append_events", AWAY, on=1)
    async with with_faults(MemoryStorage(), broken) as engine:
        run = await engine.submit("hold", {}, not_before=datetime.now(UTC) + timedelta(hours=1))
        with pytest.raises(StorageUnavailableError):
            await run.cancel()
        await run.cancel()

        assert isinstance((await _events(run))[-1], RunFinished)


async def test_events_that_a_storage_gives_again_and_again_are_read_once() -> None:
    """Who reads on from the last one gets somewhere."""
    storage = MemoryStorage()
    async with with_faults(storage) as engine:
        run = await engine.submit("count", {})
        await run.result()
    known = await storage.read_events("default", run.id)
    async with with_faults(storage, answers("read_events", lambda _: known)) as other:
        assert await _events(await other.run(run.id)) == list(known)


async def test_without_a_journal_no_older_record_is_shown_after_a_newer_one() -> None:
    """A storage that takes its time for one of them holds up the next one."""
    storage = BareStorage()
    slow = delays("put_runs", 0.1, on=2)
    async with with_faults(storage, slow) as engine:
        run = await engine.submit("hold", {})
        await asyncio.sleep(0.02)
        await run.cancel()

        (record,) = await storage.get_runs("default", [run.id])
        assert record.status is RunStatus.CANCELLED


async def test_without_a_journal_an_end_that_was_written_stands() -> None:
    """Its last event could not be shown: the run has succeeded nevertheless."""
    storage = BareStorage()

    def is_last(call: Call) -> bool:
        return isinstance(call.arguments["events"][-1], RunFinished)

    full = raises("append_events", StorageFullError("no space is left"), on=is_last)
    async with with_faults(storage, full) as engine:
        run = await engine.submit("count", {})

        assert await run.result() == 2
        (record,) = await storage.get_runs("default", [run.id])
        assert record.status is run.status is RunStatus.SUCCEEDED
        with pytest.raises(WorkflowError, match="ends without its last event"):
            await _events(run)


async def _events(run: AsyncRun) -> list[RunEvent]:
    return [event async for event in run.events()]
