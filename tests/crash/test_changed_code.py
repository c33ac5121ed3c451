"""D38 to D40: what was written down is not what the code knows any more."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from crash_database import statuses
from crash_life import Trace
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import until

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import NonDeterminismError, SerializationError, StepError
from codeflow_engine.runs.codec import MAX_BYTES
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.handle import AsyncRun

type Function = Callable[[RunContext, dict[str, Any]], Awaitable[Any]]


async def one() -> int:
    return 1


async def two() -> int:
    return 2


async def as_it_was(ctx: RunContext, given: dict[str, Any]) -> int:
    first = await ctx.step("first", one)
    second = await ctx.step("second", two)
    return first + second + await ctx.receive("go")


async def renamed(ctx: RunContext, given: dict[str, Any]) -> int:
    first = await ctx.step("erst", one)
    return first + await ctx.step("second", two) + await ctx.receive("go")


async def reordered(ctx: RunContext, given: dict[str, Any]) -> int:
    second = await ctx.step("second", two)
    return second + await ctx.step("first", one) + await ctx.receive("go")


async def inserted(ctx: RunContext, given: dict[str, Any]) -> int:
    first = await ctx.step("first", one)
    new = await ctx.step("between", one)
    return first + new + await ctx.step("second", two) + await ctx.receive("go")


async def left_out(ctx: RunContext, given: dict[str, Any]) -> int:
    return await ctx.step("first", one) + await ctx.receive("go")


async def of_another_kind(ctx: RunContext, given: dict[str, Any]) -> int:
    await ctx.sleep(0)
    return await ctx.step("second", two) + await ctx.receive("go")


@asynccontextmanager
async def engine_with(
    stand: Stand, world: str, url: str, function: Function | None, **options: Any
) -> AsyncIterator[AsyncEngine]:
    """Open an engine whose workflow `counted` is this function."""
    life = stand.life(world, url)
    engine = make_engine(life, Trace(life))
    if function is not None:
        engine.workflow("counted", **{"version": 1, **options})(function)
    async with engine:
        await engine.open()
        yield engine


async def until_parked(run: AsyncRun) -> None:
    """Wait until a run is parked, wherever that happens."""

    async def is_parked() -> bool:
        return (await run.refresh()).status is RunStatus.PARKED

    await until(is_parked)


async def interrupted(stand: Stand, world: str, url: str) -> str:
    """Execute the first half of a run; give its id."""
    async with engine_with(stand, world, url, as_it_was) as engine:
        run = await engine.submit("counted", {})
        await until(lambda: run.status is RunStatus.WAITING)
        return run.id


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (renamed, ("first", "erst")),
        pytest.param(reordered, ("first", "second"), marks=pytest.mark.fault),
        pytest.param(inserted, ("second", "between"), marks=pytest.mark.fault),
        pytest.param(left_out, ("second", "receive go"), marks=pytest.mark.fault),
        pytest.param(of_another_kind, ("first", "sleep"), marks=pytest.mark.fault),
    ],
)
async def test_d38_a_changed_workflow_is_told_and_harms_no_other(
    stand: Stand, world: str, url: str, function: Function, words: tuple[str, str]
) -> None:
    """The error names run, position, and both steps; other runs go on, and so does this one."""
    run_id = await interrupted(stand, world, url)
    async with engine_with(stand, world, url, function) as engine:
        run = await engine.run(run_id)
        await run.send("go", 10)
        other = await engine.submit("ask_often", {"count": 1})
        with pytest.raises(NonDeterminismError) as caught:
            await run.result()
        await other.result()

    for word in (run_id, "position", *words):
        assert word in caught.value.message
    assert statuses(url, world) == ["failed", "succeeded"]
    async with engine_with(stand, world, url, as_it_was) as engine:
        run = await engine.run(run_id)
        await run.resume()
        assert await run.result() == 13


@pytest.mark.fault
async def test_d38_a_run_ends_with_the_code_that_it_began_with(
    stand: Stand, world: str, url: str
) -> None:
    """A new version leaves old runs alone where their code is kept, and waits where it is not."""
    run_id = await interrupted(stand, world, url)
    async with engine_with(stand, world, url, inserted, version=2) as engine:
        run = await engine.run(run_id)
        await run.send("go", 10)
        await until_parked(run)
        assert "VERSION_MISSING" in (run.record.error or "")

    async with engine_with(
        stand, world, url, inserted, version=2, earlier={1: as_it_was}
    ) as engine:
        run = await engine.run(run_id)
        await run.resume()
        assert await run.result() == 13


async def test_d39_a_missing_plugin_parks_its_runs(stand: Stand, world: str, url: str) -> None:
    """The run is not failed; it says what is missing, and goes on when that is back."""
    run_id = await interrupted(stand, world, url)
    async with engine_with(stand, world, url, None) as engine:
        run = await engine.run(run_id)
        await run.send("go", 10)
        await until_parked(run)
        assert "PLUGIN_MISSING" in (run.record.error or "")
        assert "'counted'" in (run.record.error or "")

    async with engine_with(stand, world, url, as_it_was) as engine:
        run = await engine.run(run_id)
        await run.resume()
        assert await run.result() == 13


class TwoArgumentsError(Exception):
    """An exception that cannot be made again from its arguments."""

    def __init__(self, code: int, place: str) -> None:
        super().__init__(f"{code} at {place}")


async def text(value: str) -> str:
    return value


async def number(value: float) -> float:
    return value


async def anything(value: Any) -> Any:
    return value


async def letters(count: int) -> Any:
    return "x" * count


async def fails() -> None:
    raise TwoArgumentsError(3, "here")


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (anything, object()),
        pytest.param(anything, {1: 2}, marks=pytest.mark.fault),
        pytest.param(anything, {1, 2}, marks=pytest.mark.fault),
        pytest.param(text, 3, marks=pytest.mark.fault),
        (number, math.nan),
        pytest.param(number, math.inf, marks=pytest.mark.fault),
        pytest.param(letters, MAX_BYTES, marks=pytest.mark.fault),
    ],
    ids=["object", "key", "set", "annotation", "nan", "infinite", "large"],
)
async def test_d40_a_value_that_cannot_be_kept_is_the_steps_error(
    stand: Stand, world: str, url: str, function: Callable[..., Any], value: Any
) -> None:
    """It is typed, ends the run with its cause, and the database is what it was."""

    async def odd(ctx: RunContext, given: dict[str, Any]) -> Any:
        await ctx.step("before", one)
        return await ctx.step("odd", function, value)

    async with engine_with(stand, world, url, odd) as engine:
        run = await engine.submit("counted", {})
        with pytest.raises(SerializationError):
            await run.result()
        (before, failed) = await run.steps()
        assert (before.state, failed.state) == ("done", "failed")
        again = await engine.submit("ask_often", {"count": 1})
        await again.result()
    assert statuses(url, world) == ["failed", "succeeded"]


@pytest.mark.parametrize(
    "value",
    [
        "\ud800 a\x00b \U0001f600\u202e",
        pytest.param("x" * 1_000_000, marks=pytest.mark.fault, id="large"),
    ],
)
async def test_d40_odd_texts_come_back_as_they_were(
    stand: Stand, world: str, url: str, value: str
) -> None:
    """Lone surrogates, NUL and a megabyte are values like any other."""

    async def odd(ctx: RunContext, given: dict[str, Any]) -> str:
        told = await ctx.step("odd", text, value)
        await ctx.receive("go")
        return told

    async with engine_with(stand, world, url, odd) as engine:
        run = await engine.submit("counted", {})
        await until(lambda: run.status is RunStatus.WAITING)
        run_id = run.id
    async with engine_with(stand, world, url, odd) as engine:
        run = await engine.run(run_id)
        await run.send("go")
        assert await run.result() == value


async def test_d40_an_error_that_cannot_be_made_again_is_told_by_its_name(
    stand: Stand, world: str, url: str
) -> None:
    """Where the step is not executed again, a wrapper stands for what it raised."""

    async def odd(ctx: RunContext, given: dict[str, Any]) -> str:
        try:
            await ctx.step("fails", fails)
        except (TwoArgumentsError, StepError) as error:
            await ctx.receive("go")
            return f"{type(error).__name__}: {error}"
        return "never"

    async with engine_with(stand, world, url, odd) as engine:
        run = await engine.submit("counted", {})
        await until(lambda: run.status is RunStatus.WAITING)
        run_id = run.id
    async with engine_with(stand, world, url, odd) as engine:
        run = await engine.run(run_id)
        await run.send("go")
        told = await run.result()
    assert told.startswith("StepError: ")
    assert "TwoArgumentsError" in told
