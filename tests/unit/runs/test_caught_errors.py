"""Workflows that catch errors of their steps take the same way wherever they are executed."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from durable import DurableStorage, opened, until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunNoted, RunStatus
from codeflow_engine.errors import ProviderError, RunCancelledError, StepError, WorkflowError
from codeflow_engine.runs.context import RunContext

SECRET = "opensesame-2026"  # noqa: S105 - it is none


class OutOfStockError(Exception):
    """An error of somebody's own."""


async def buy() -> None:
    raise OutOfStockError(f"no {SECRET}")


async def one() -> int:
    return 1


def double(number: int) -> int:
    return 2 * number


async def careful(run: RunContext, given: dict[str, Any]) -> str:
    try:
        await run.step("buy", buy)
    except OutOfStockError:
        return "its own error"
    except StepError as error:
        told = str(error)
    await run.receive("go")
    return told


async def beside(run: RunContext, given: dict[str, Any]) -> str:
    async def failing() -> None:
        await asyncio.sleep(0.05)
        raise ValueError("no")

    async def other() -> None:
        number = await run.step("first", one, key="first")
        await run.compute("double", double, number)
        await run.step("second", one, key="second")

    try:
        await run.together([run.step("fail", failing, key="fail"), other()])
    except ValueError as error:
        told = str(error)
    await run.receive("go")
    await run.step("after", one)
    return told


@pytest.mark.parametrize(
    ("workflow", "told"),
    [(careful, "a step raised OutOfStockError; its text is not kept"), (beside, "no")],
)
async def test_d38_an_error_that_is_caught_is_the_same_in_each_execution(
    workflow: Any, told: str
) -> None:
    """One of its own class comes as a `StepError` the first time, too; steps beside it count."""
    storage = DurableStorage()
    async with opened(AsyncEngine(storage=storage)) as first:
        first.workflow("careful")(workflow)
        run = await first.submit("careful", {})
        await until(run, RunStatus.WAITING)
    async with opened(AsyncEngine(storage=storage)) as second:
        second.workflow("careful")(workflow)
        again = await second.run(run.id)
        await again.send("go")

        assert (await again.result()).startswith(told)


async def test_a_workflow_goes_on_after_an_error_of_steps_beside_each_other() -> None:
    """The error ends the other steps, and nothing after them."""

    async def bold(run: RunContext, given: dict[str, Any]) -> list[int]:
        async def failing() -> None:
            raise ValueError("no")

        done = []
        for number in range(3):
            with pytest.raises(ValueError, match="no"):
                await run.together([run.step("fail", failing, key=str(number))])
            done.append(await run.step("go on", one))
        return done

    async with AsyncEngine() as engine:
        engine.workflow("bold")(bold)
        assert await (await engine.submit("bold", {})).result() == [1, 1, 1]


async def grouped(*works: Any) -> str:
    """Catch what a group of tasks raises, as Python has them."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work())
    except* ValueError:
        await asyncio.sleep(0)
    return "caught"


async def test_a_group_of_tasks_that_fails_cancels_nothing_around_it() -> None:
    """Not in a step, and not in a workflow: Python 3.12 leaves the waiting task so marked."""

    async def failing() -> None:
        raise ValueError("no")

    async def in_step(run: RunContext, given: dict[str, Any]) -> list[str]:
        return [await run.step("group", grouped, failing, asyncio.Event().wait), "after"]

    async def in_workflow(run: RunContext, given: dict[str, Any]) -> list[str]:
        told = await grouped(failing, asyncio.Event().wait)
        return [told, await run.step("after", after)]

    async def after() -> str:
        return "after"

    async with AsyncEngine() as engine:
        for workflow in (in_step, in_workflow):
            engine.workflow(workflow.__name__)(workflow)
            run = await engine.submit(workflow.__name__, {})
            assert await run.result() == ["caught", "after"]


@pytest.mark.parametrize("place", ["step", "workflow"])
async def test_d34_code_that_catches_its_cancellation_is_cancelled_all_the_same(place: str) -> None:
    """What it gives after that is no value of a step, and no result of a run."""
    begun = asyncio.Event()

    async def deaf() -> str:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "went on"
        return "slept"

    async def listening(run: RunContext, given: dict[str, Any]) -> str:
        return await (run.step("listen", deaf) if place == "step" else deaf())

    async with AsyncEngine() as engine:
        engine.workflow("listening")(listening)
        run = await engine.submit("listening", {})
        await begun.wait()
        await run.cancel()

        with pytest.raises(RunCancelledError):
            await run.result()
        assert run.status is RunStatus.CANCELLED
        assert not any(step.state.is_final for step in await run.steps())


async def test_s33_the_log_says_where_a_run_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    """File, line and function of the author's code; none of its words, which may quote anything."""

    async def shop(run: RunContext, given: dict[str, Any]) -> None:
        await run.step("buy", buy)

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        async with AsyncEngine() as engine:
            engine.workflow("shop")(shop)
            with pytest.raises(StepError):
                await (await engine.submit("shop", {})).result()

    (record,) = [one for one in caplog.records if one.message == "a run has failed"]
    assert record.workflow == "shop"
    assert record.place.startswith("OutOfStockError at ")
    assert f"{__file__}:" in record.place.partition(", from ")[0]
    assert " in buy" in record.place
    assert SECRET not in str(vars(record))


class MuteError(ProviderError):
    """An error that cannot say its message."""

    def __str__(self) -> str:
        raise RuntimeError("it cannot")


def circular() -> Exception:
    error, other = ValueError("a"), KeyError("b")
    error.__cause__, other.__cause__ = other, error
    return error


@pytest.mark.parametrize("error", [MuteError("x"), circular()], ids=["mute", "circular"])
async def test_an_odd_error_ends_its_run_alone(error: Exception) -> None:
    """Neither one that cannot be told nor one without a first cause holds up anything."""

    async def odd(run: RunContext, given: dict[str, Any]) -> None:
        raise error

    async with asyncio.timeout(5), opened(AsyncEngine(storage=DurableStorage())) as engine:
        engine.workflow("odd")(odd)
        run = await engine.submit("odd", {})
        with pytest.raises(type(error)):
            await run.result()
        assert (await run.refresh()).status is RunStatus.FAILED


class OwnEvent(RunNoted):
    """A kind of event that no storage knows."""


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (OwnEvent, {"message": "a"}, "OwnEvent is no kind of event"),
        (RunNoted, {"message": 5}, "a field is of another type"),
        (RunNoted, {"massage": "a"}, "massage"),
        (RunNoted, {"message": "a", "data": {"b": object()}}, "no JSON form"),
    ],
)
async def test_an_event_that_cannot_be_kept_is_refused_where_it_is_told(
    kind: Any, fields: dict[str, Any], reason: str
) -> None:
    """The run fails once, and says why, instead of failing to be stored for ever."""

    async def telling(run: RunContext, given: dict[str, Any]) -> None:
        await run.emit(kind, **fields)

    async with AsyncEngine() as engine:
        engine.workflow("telling")(telling)
        with pytest.raises(WorkflowError, match=reason):
            await (await engine.submit("telling", {})).result()


async def test_a_workflow_tells_what_it_wants_to() -> None:
    """Those who follow the run hear it, with the data that goes along."""

    async def telling(run: RunContext, given: dict[str, Any]) -> None:
        await run.emit(RunNoted, message="half of it", data={"done": 5, "of": [10]})

    async with AsyncEngine() as engine:
        engine.workflow("telling")(telling)
        run = await engine.submit("telling", {})
        told = [event async for event in run.events() if isinstance(event, RunNoted)]

    assert [(one.message, one.data) for one in told] == [("half of it", {"done": 5, "of": [10]})]
