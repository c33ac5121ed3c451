"""D30 to D37: clocks, deadlines, cancellation, drains, and runs that kill their workers."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crash_database import read, statuses
from crash_life import Blow, Trace, told
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import until, wait_until

from codeflow_engine.domain.run import RunStatus, StepFinished
from codeflow_engine.errors import RunCancelledError, StepTimeoutError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.runs.context import RunContext
from codeflow_engine.testing.fakes import FakeClock
from stopwatch import stopwatch

KILLED = -signal.SIGKILL


class Jumping(Clock):
    """A wall clock that somebody sets while runs are under way."""

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.mark.parametrize("days", [10, pytest.param(-1, marks=pytest.mark.fault)])
async def test_d30_a_wall_clock_that_jumps_moves_no_lease(
    stand: Stand, world: str, url: str, days: int
) -> None:
    """A worker whose clock is set keeps its runs, and a wait in memory takes its time."""
    # Renewed every second, also after the jump; it ends where the machine stands still for two.
    life = stand.life(world, url, lease=3.0, linger=10.0)
    trace, clock = Trace(life), Jumping()
    async with (
        make_engine(life, trace, clock=clock) as engine,
        make_engine(life, trace) as other,
    ):
        await other.open()
        run = await engine.submit("hold", {"seconds": 1.5})
        napping = await engine.submit("nap", {"seconds": 1.5})
        await until(lambda: told(life, "point", "wait.recorded:sleep"))
        clock.off = timedelta(days=days)
        async with asyncio.timeout(20):
            assert await run.result() == "done"
            await napping.result()
        assert [one.record.recoveries for one in await engine.runs()] == [0, 0]
    assert len(told(life, "takes")) == 1
    assert stand.outside.asked(world) == {"before": 1, "after": 1}


async def test_d31_a_moment_of_a_zone_is_one_moment(stand: Stand, world: str, url: str) -> None:
    """The hour that a zone has twice is told apart, kept in UTC, and comes once."""
    life = stand.life(world, url)
    clock = FakeClock(datetime(2026, 10, 24, 22, tzinfo=UTC))
    async with make_engine(life, Trace(life), clock=clock) as engine:
        berlin = ZoneInfo("Europe/Berlin")
        later = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin)
        run = await engine.submit("ask_often", {"count": 1}, not_before=later)
        assert run.record.wake_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        clock.set(datetime(2026, 10, 25, 2, 45, fold=0, tzinfo=berlin))
        await asyncio.sleep(0.5)
        assert run.status is RunStatus.PENDING

        clock.set(datetime(2026, 10, 25, 2, 31, fold=1, tzinfo=berlin))
        async with asyncio.timeout(20):
            await run.result()

    assert stand.outside.asked(world) == {"q-0": 1}
    assert statuses(url, world) == ["succeeded"]


def test_d32_a_deadline_passes_while_nobody_executes(stand: Stand, world: str, url: str) -> None:
    """The run ends as timed out, without one more step, when somebody takes it up again."""
    given = {"workflow": "ask_often", "given": {"count": 3}}
    first = stand.life(world, url, blows=(Blow(point="step.recorded:ask"),), run_timeout=2.0)
    assert stand.live("drive", first, **given) == KILLED
    time.sleep(2.2)

    assert stand.live("drive", stand.life(world, url, run_timeout=2.0), **given) == 0

    assert statuses(url, world) == ["timed_out"]
    assert stand.outside.asked(world) == {"q-0": 1}
    assert [line.of for line in told(first, "error")] == ["RunTimeoutError"]


async def test_d33_a_step_that_is_late_and_cancelled_has_one_cause(
    stand: Stand, world: str, url: str
) -> None:
    """Cancelled at about the moment of its timeout, a run has either end, and tells one."""
    life = stand.life(world, url)
    engine = make_engine(life, Trace(life))

    async def slow(ctx: RunContext, given: dict[str, Any]) -> None:
        await ctx.step("sleep", asyncio.sleep, 5, timeout=0.05)

    engine.workflow("slow", version=1)(slow)
    ends: set[RunStatus] = set()
    async with engine:
        for number in range(8):
            run = await engine.submit("slow", {})
            await until(lambda: told(life, "point", "step.asked:sleep")[number:])  # noqa: B023
            await asyncio.sleep(0.03 + number * 0.004)
            await run.cancel()
            with pytest.raises((RunCancelledError, StepTimeoutError)) as caught:
                await run.result()
            ends.add(run.status)
            events = [one async for one in run.events()]
            assert [type(one).__name__ for one in events].count("RunFinished") == 1
            steps = [step.error for step in await run.steps()]
            ends_of_step = [one.error for one in events if isinstance(one, StepFinished)]
            assert ends_of_step == ["StepTimeoutError" if steps else "CancelledError"]
            if run.status is RunStatus.CANCELLED:
                assert caught.type is RunCancelledError
                assert run.record.error is None
            else:
                assert run.status is RunStatus.FAILED
                assert caught.type is StepTimeoutError
                assert len(steps) == 1
    assert ends <= {RunStatus.CANCELLED, RunStatus.FAILED}


@pytest.mark.parametrize(
    "point",
    [
        "run.submitted",
        pytest.param("run.claimed", marks=pytest.mark.fault),
        pytest.param("step.worked:ask", marks=pytest.mark.fault),
        pytest.param("step.recorded:ask", marks=pytest.mark.fault),
        "run.ending",
    ],
)
async def test_d34_a_cancelled_run_does_nothing_more(
    stand: Stand, world: str, url: str, point: str
) -> None:
    """Wherever it is, it ends as cancelled, publishes nothing after that, and can go on."""
    life = stand.life(world, url)
    trace = Trace(life)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def halt(name: str) -> None:
        trace.point(name)
        if name == point and not reached.is_set():
            reached.set()
            await go_on.wait()

    engine = make_engine(life, trace, points=halt)
    async with engine:
        submitting = asyncio.create_task(engine.submit("inspect", {}))
        await until(reached.is_set)
        (run,) = await engine.runs()
        cancelling = asyncio.create_task(run.cancel())
        asked = "cancelling OR status = 'cancelled'"
        await until(lambda: read(url, world, "runs", where=f"({asked})") == [(1,)])
        await asyncio.sleep(0.1)
        go_on.set()
        await cancelling
        await submitting
        posts = len(stand.outside.posts(world))
        assert run.status is RunStatus.CANCELLED
        with pytest.raises(RunCancelledError):
            await run.result()
        await asyncio.sleep(0.3)
        assert len(stand.outside.posts(world)) == posts

        await run.resume()
        result = await run.result()
    assert result["outcome"] == "reviewed"
    assert len(stand.outside.posts(world)) == 4
    bodies = Counter(line.of for line in told(life, "body"))
    has = [line.of for line in told(life, "has")]
    assert all(bodies[step] == 1 for step in has[: 3 if point == "run.ending" else 0])


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("wait.recorded:receive go", marks=pytest.mark.fault),
        "run.suspending",
        pytest.param("run.suspended", marks=pytest.mark.fault),
    ],
)
async def test_d34_a_run_is_cancelled_while_it_is_put_aside(
    stand: Stand, world: str, url: str, point: str
) -> None:
    """Whoever cancels it is heard, and does not wait for a signal that nobody sends."""
    life = stand.life(world, url)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def halt(name: str) -> None:
        if name == point and not reached.is_set():
            reached.set()
            await go_on.wait()

    async with make_engine(life, Trace(life), points=halt) as engine:
        run = await engine.submit("wait", {})
        await until(reached.is_set)
        cancelling = asyncio.create_task(run.cancel())
        await asyncio.sleep(0.3)
        go_on.set()
        async with asyncio.timeout(20):
            await cancelling
        assert run.status is RunStatus.CANCELLED
    assert stand.outside.asked(world) == {}


async def test_d34_a_cancelled_question_is_broken_off(stand: Stand, world: str, url: str) -> None:
    """The connection to the model is closed at once, and children end with their parent."""
    life = stand.life(world, url)
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=30)
    async with make_engine(life, Trace(life)) as engine:
        run = await engine.submit("family", {"count": 2})
        await until(lambda: len(told(life, "body")) == 2)
        await asyncio.sleep(0.2)

        async with stopwatch() as watch:
            await run.cancel()

        assert watch.seconds < 5
        assert {one.status for one in await engine.runs()} == {RunStatus.CANCELLED}
        assert len(await engine.runs()) == 3
    model = stand.outside.ask(stand.outside.model, "/told", world=world)
    assert model["broken"] == model["counts"] == {"child-0-0": 1, "child-1-0": 1}


async def test_d34_a_cancelled_pause_between_attempts_is_over_at_once(
    stand: Stand, world: str, url: str
) -> None:
    """A run that waits for its next attempt ends, without making it."""
    life = stand.life(world, url)
    async with make_engine(life, Trace(life)) as engine:
        run = await engine.submit("stubborn", {"times": 1, "pause": 20.0})
        await until(lambda: told(life, "body", "fail"))
        await asyncio.sleep(0.2)
        async with stopwatch() as watch:
            await run.cancel()
        assert watch.seconds < 5
        assert run.status is RunStatus.CANCELLED
        assert len(told(life, "body", "fail")) == 1


def test_d35_a_drained_worker_gives_back_what_it_has(stand: Stand, world: str, url: str) -> None:
    """SIGTERM: what is short is finished, what is long is somebody's within a second."""
    life = stand.life(world, url, name="first", lease=60.0)
    inputs = [{"seconds": 0.5}, {"seconds": 30.0}]
    assert stand.live("submit", life, workflow="hold", inputs=inputs) == 0
    first = stand.begin("work", life, grace=1.0)
    wait_until(lambda: len(told(life, "takes")) == 2)
    second = stand.begin("work", stand.life(world, url, name="second", lease=60.0))

    first.send(signal.SIGTERM)

    assert first.wait(20) == 0
    wait_until(lambda: len(told(life, "takes")) == 3)
    (given_back,), (open_,) = told(life, "drained"), told(life, "open", "second")
    assert told(life, "takes")[-1].at - max(given_back.at, open_.at) < 1.0
    assert len(told(life, "gives")) == 1
    assert statuses(url, world) == ["running", "succeeded"]
    second.send(signal.SIGKILL)
    second.wait()


@pytest.mark.parametrize(
    "point", ["forge.looked", pytest.param("forge.wrote", marks=pytest.mark.fault)]
)
def test_d35_a_drain_while_publishing_leaves_no_half(
    stand: Stand, world: str, url: str, point: str
) -> None:
    """SIGTERM in the middle of a write: its receipt is there, and the rest is written later."""
    life = stand.life(
        world, url, name="first", blows=(Blow(point=point, time=2, signal=signal.SIGTERM),)
    )
    assert stand.live("submit", life, workflow="write", inputs=[{"count": 4}]) == 0
    assert stand.live("work", life, grace=0.0) == 0
    posts = stand.outside.posts(world)
    assert read(url, world, "effects", where="receipt IS NOT NULL") == [(len(posts),)]

    assert stand.live("work", stand.life(world, url, name="second")) == 0

    posts = stand.outside.posts(world)
    assert len(posts) == len({post["key"] for post in posts}) == 4
    assert statuses(url, world) == ["succeeded"]


def test_d36_an_interrupt_in_a_pause_leaves_the_run(stand: Stand, world: str, url: str) -> None:
    """SIGINT while a step waits for its next attempt: another process makes that attempt."""
    given = {"workflow": "stubborn", "given": {"times": 1, "pause": 1.0}}
    first = stand.life(world, url, name="first")
    child = stand.begin("drive", first, **given)
    wait_until(lambda: told(first, "body", "fail"))
    time.sleep(0.1)

    child.send(signal.SIGINT)

    assert child.wait() != 0
    assert "KeyboardInterrupt" in child.errors
    assert statuses(url, world)[0] in {"pending", "running", "waiting"}
    assert stand.live("drive", stand.life(world, url, name="second"), **given) == 0
    assert statuses(url, world) == ["succeeded"]


def test_d37_a_run_that_kills_its_workers_is_given_up(
    stand: Stand, world: str, url: str, tmp_path: Path
) -> None:
    """After so many recoveries it is dead, others are not, and it goes on once that is mended."""
    cure = tmp_path / "cure"
    life = stand.life(world, url, recoveries=3)
    assert stand.live("submit", life, workflow="poison", inputs=[{"cure": str(cure)}]) == 0
    others = [{"count": 1, "of": f"r{number}"} for number in range(3)]
    assert stand.live("submit", life, workflow="ask_often", inputs=others) == 0
    killed = 0
    while (status := stand.live("work", life)) != 0:
        killed += status == KILLED
        assert killed < 9

    assert killed == 4
    assert statuses(url, world) == ["dead", "succeeded", "succeeded", "succeeded"]
    ((error,),) = read(url, world, "runs", "error", "status = 'dead'")
    assert "4 times" in str(error)
    cure.touch()
    assert stand.live("resume", life) == 0
    assert statuses(url, world) == ["succeeded"] * 4
