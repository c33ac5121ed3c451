from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from codeflow_engine import AsyncEngine, AsyncRun, hookimpl
from codeflow_engine.domain.run import (
    RunEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    StepFinished,
    StepStarted,
)
from codeflow_engine.errors import (
    ConfigurationError,
    RunCancelledError,
    RunNotFoundError,
    RunTimeoutError,
    UnknownBackendError,
    WorkflowError,
)
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.testing.fakes import FakeObserver
from codeflow_engine.testing.faults import FaultPlan, faulty, raises

SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"


class Steps:
    """A plugin with small workflows, one for each behaviour of a run."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.cleaned: list[str] = []

    @hookimpl
    def codeflow_register(self, registry: PluginRegistry) -> None:
        for name in ("add", "hang", "fail", "twice", "together"):
            run = getattr(self, name)
            workflow = Workflow(
                name=name, version=1, run=run, read_input=dict, write_input=lambda value: value
            )
            registry.add_workflow(name, workflow)

    async def add(self, run: RunContext, given: Mapping[str, Any]) -> int:
        def pure(a: int, b: int) -> int:
            self.threads.append(threading.current_thread().name)
            return a + b

        total = await run.step("add", pure, given["a"], given["b"])
        return await run.step("double", self._double, total)

    async def _double(self, value: int) -> int:
        self.threads.append(threading.current_thread().name)
        await asyncio.sleep(0)
        return value * 2

    async def hang(self, run: RunContext, given: Mapping[str, Any]) -> None:
        try:
            await run.step("sleep", asyncio.sleep, 60)
        finally:
            self.cleaned.append(run.run_id)

    async def fail(self, run: RunContext, given: Mapping[str, Any]) -> None:
        def broken() -> None:
            raise ValueError(f"saw {SECRET}")

        await run.step("break", broken)

    async def twice(self, run: RunContext, given: Mapping[str, Any]) -> None:
        await run.step("same", lambda: None, key="k")
        await run.step("same", lambda: None, key="k")

    async def together(self, run: RunContext, given: Mapping[str, Any]) -> tuple[int, ...]:
        async def wait(number: int) -> int:
            broken = given.get("broken")
            await asyncio.sleep(0.05 * (5 - number) if broken in {None, number} else 60)
            if broken == number:
                raise WorkflowError(f"step {number} broke")
            return number

        return await run.together(
            run.step("wait", wait, number, key=str(number)) for number in range(5)
        )


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
async def engine(steps: Steps) -> AsyncIterator[AsyncEngine]:
    async with AsyncEngine(plugins=[steps]) as one:
        yield one


async def all_events(run: AsyncRun, after: int = 0) -> list[RunEvent]:
    return [event async for event in run.events(after=after)]


async def test_a_run_gives_the_result_of_its_workflow(engine: AsyncEngine, steps: Steps) -> None:
    """Pure steps run in a worker thread, coroutines on the loop."""
    run = await engine.submit("add", {"a": 2, "b": 3})
    assert await run.result() == 10
    assert run.status is RunStatus.SUCCEEDED
    assert steps.threads[0].startswith("codeflow")
    assert steps.threads[1] == threading.current_thread().name


async def test_the_event_stream_is_numbered_typed_and_closed(engine: AsyncEngine) -> None:
    """Events begin with the start, end with the end, and have no gaps between."""
    run = await engine.submit("add", {"a": 1, "b": 1})
    live = await all_events(run)
    assert [event.sequence for event in live] == list(range(1, len(live) + 1))
    assert isinstance(live[0], RunStarted)
    assert isinstance(live[-1], RunFinished)
    kinds = [(type(event), event.step) for event in live if isinstance(event, StepStarted)]
    assert kinds == [(StepStarted, "add"), (StepStarted, "double")]
    again = await engine.run(run.id)
    assert await all_events(again) == live
    assert await all_events(again, after=4) == live[4:]


async def test_a_follower_that_comes_late_or_twice_sees_the_same(engine: AsyncEngine) -> None:
    """Several followers of a live run each get every event once."""
    run = await engine.submit("together", {})
    early, late = await asyncio.gather(all_events(run), all_events(run, after=3))
    assert late == early[3:]


async def test_parallel_steps_keep_their_order_of_values(engine: AsyncEngine) -> None:
    """Values come in the order of the steps, events in the order of time."""
    run = await engine.submit("together", {})
    assert await run.result() == (0, 1, 2, 3, 4)
    ended = [event.key for event in await all_events(run) if isinstance(event, StepFinished)]
    assert ended == ["4", "3", "2", "1", "0"]


async def test_one_failing_parallel_step_ends_the_others_and_is_raised_alone(
    engine: AsyncEngine,
) -> None:
    """The caller gets the typed error, not a group."""
    run = await engine.submit("together", {"broken": 4})
    with pytest.raises(WorkflowError, match="step 4 broke"):
        await run.result()
    errors = [event.error for event in await all_events(run) if isinstance(event, StepFinished)]
    assert sorted(map(str, errors)) == ["CancelledError"] * 4 + ["WorkflowError"]


async def test_a_failing_step_fails_the_run_and_tells_no_foreign_text(
    engine: AsyncEngine,
) -> None:
    """The caller gets the error itself; record and events get its type alone."""
    run = await engine.submit("fail", {})
    with pytest.raises(ValueError, match="saw"):
        await run.result()
    assert run.status is RunStatus.FAILED
    assert run.record.error == "ValueError: unexpected error"
    assert SECRET not in repr(await all_events(run))
    with pytest.raises(ValueError, match="saw"):
        await (await engine.run(run.id)).result()


async def test_a_key_cannot_be_used_twice(engine: AsyncEngine) -> None:
    """Steps have an identity, so a journal can find them again."""
    run = await engine.submit("twice", {})
    with pytest.raises(WorkflowError, match="stands twice"):
        await run.result()


async def test_d34_cancel_ends_a_run_and_waits_for_its_clean_up(
    engine: AsyncEngine, steps: Steps
) -> None:
    """After `cancel` has returned nothing of the run goes on."""
    run = await engine.submit("hang", {})
    await asyncio.sleep(0.02)
    await run.cancel()
    assert steps.cleaned == [run.id]
    assert run.status is RunStatus.CANCELLED
    with pytest.raises(RunCancelledError):
        await run.result()
    with pytest.raises(RunCancelledError):
        await (await engine.run(run.id)).result()
    assert isinstance((await all_events(run))[-1], RunFinished)
    await run.cancel()


async def test_d34_cancel_before_the_first_step(engine: AsyncEngine) -> None:
    """A run that never began is cancelled too, with a last event."""
    run = await engine.submit("hang", {})
    await run.cancel()
    assert (run.status, run.record.error) == (RunStatus.CANCELLED, None)
    assert isinstance((await all_events(run))[-1], RunFinished)


async def test_giving_up_the_wait_for_a_result_leaves_the_run_alone(engine: AsyncEngine) -> None:
    """A client that goes away does not end the work of others."""
    run = await engine.submit("together", {})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run.result(), 0.001)
    assert await run.result() == (0, 1, 2, 3, 4)


async def test_a_run_past_its_deadline_times_out(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run_timeout` ends a run that hangs."""
    monkeypatch.setenv("CODEFLOW_RUN_TIMEOUT", "0.05")
    async with AsyncEngine(plugins=[steps]) as engine:
        run = await engine.submit("hang", {})
        with pytest.raises(RunTimeoutError, match=r"deadline of 0\.05 s"):
            await run.result()
        assert run.status is RunStatus.TIMED_OUT


async def test_d43_closing_an_engine_cancels_what_runs(steps: Steps) -> None:
    """`aclose` returns when every run has ended, and may be called twice."""
    engine = AsyncEngine(plugins=[steps])
    runs = [await engine.submit("hang", {}) for _ in range(3)]
    await asyncio.sleep(0)
    await engine.aclose()
    assert {run.status for run in runs} == {RunStatus.CANCELLED}
    await engine.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await engine.submit("add", {"a": 1, "b": 1})


async def test_runs_of_another_tenant_cannot_be_found(steps: Steps) -> None:
    """A tenant sees its own runs, newest first, and no others."""
    from codeflow_engine.storage.memory import MemoryStorage

    shared = MemoryStorage()
    async with (
        AsyncEngine(plugins=[steps], storage=shared, tenant="a") as ours,
        AsyncEngine(plugins=[steps], storage=shared, tenant="b") as theirs,
    ):
        first = await ours.submit("add", {"a": 1, "b": 1})
        second = await ours.submit("hang", {})
        await first.result()
        assert [run.id for run in await ours.runs()] == [second.id, first.id]
        assert [run.id for run in await ours.runs(status=RunStatus.SUCCEEDED)] == [first.id]
        assert await theirs.runs() == ()
        with pytest.raises(RunNotFoundError):
            await theirs.run(first.id)


async def test_an_unknown_workflow_is_refused_with_the_known_names(engine: AsyncEngine) -> None:
    """A typing error names what exists."""
    with pytest.raises(UnknownBackendError, match="review") as caught:
        await engine.submit("revue", {})
    assert "review" in caught.value.known


async def test_observers_see_every_event_and_their_failures_stay_with_them(
    steps: Steps, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken observer is logged; the others and the run go on."""
    watching = FakeObserver()
    plan = FaultPlan(raises("on_event", RuntimeError(f"saw {SECRET}")))
    broken = faulty(FakeObserver(), plan)
    async with AsyncEngine(plugins=[steps], observers=[broken, watching]) as engine:
        run = await engine.submit("add", {"a": 1, "b": 1})
        assert await run.result() == 4
        assert watching.events == await all_events(run)
    assert len(plan.struck) == len(watching.events)
    assert "a plugin's hook failed" in caplog.text
    assert SECRET not in caplog.text
