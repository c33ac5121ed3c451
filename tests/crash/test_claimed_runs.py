"""D8 to D13: several workers, and each run is executed by one of them."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest
from crash_database import read, statuses
from crash_life import Blow, Trace, read_trace
from crash_roles import make_engine
from crash_schedule import BOTH, LEASE, Stand
from crash_waiting import wait_until

from codeflow_engine.errors import ConflictingRunError

LONG = 4.0
"""A lease that is renewed in time also where the machine stands still for two seconds."""


@pytest.mark.parametrize("url", BOTH, indirect=True)
def test_d8_one_key_in_two_processes_is_one_run(stand: Stand, world: str, url: str) -> None:
    """Both submit at the same moment, and both are given the same run and its result."""
    at = time.monotonic() + 0.5
    given = {"workflow": "ask_often", "given": {"count": 2}, "at": at}
    lives = [
        stand.begin("drive", stand.life(world, url, name=name, lease=30.0), **given)
        for name in ("a", "b")
    ]

    assert [life.wait() for life in lives] == [0, 0]

    assert statuses(url, world) == ["succeeded"]
    assert stand.outside.asked(world) == {"q-0": 1, "q-1": 1}
    lines = read_trace(stand.life(world, url).trace)
    assert len({line.of for line in lines if line.what == "run"}) == 1
    assert [line.of for line in lines if line.what == "end"] == ["succeeded"] * 2


async def test_d9_a_key_with_another_input_is_refused(stand: Stand, world: str, url: str) -> None:
    """The first run of the key stays what it was."""
    life = stand.life(world, url)
    async with make_engine(life, Trace(life)) as engine:
        run = await engine.submit("ask_often", {"count": 1}, key="k")

        with pytest.raises(ConflictingRunError):
            await engine.submit("ask_often", {"count": 2}, key="k")

        assert (await engine.submit("ask_often", {"count": 1}, key="k")).id == run.id
        assert len(await run.result()) == 1
        assert len(await engine.runs()) == 1


@pytest.mark.parametrize(
    ("workers", "runs"), [(3, 24), pytest.param(50, 1000, marks=pytest.mark.fault)]
)
def test_d10_each_of_many_runs_is_claimed_once(
    stand: Stand, world: str, url: str, workers: int, runs: int
) -> None:
    """Many workers look for work at the same time: executions are as many as runs."""
    inputs = [{"count": 1, "of": f"r{number}"} for number in range(runs)]
    life = stand.life(world, url, lease=30.0)
    assert stand.live("submit", life, workflow="ask_often", inputs=inputs) == 0

    poll = workers / 30
    lives = [
        stand.begin(
            "work", stand.life(world, url, name=f"w{number}", lease=60.0, poll=poll), seconds=600
        )
        for number in range(workers)
    ]

    assert [one.wait(600) for one in lives] == [0] * workers
    assert statuses(url, world) == ["succeeded"] * runs
    assert stand.outside.asked(world) == {f"r{number}-0": 1 for number in range(runs)}
    lines = read_trace(life.trace)
    claims = Counter(line.life for line in lines if line.of == "run.claimed")
    assert claims.total() == runs


def test_d11_a_sweep_takes_nothing_from_a_living_worker(stand: Stand, world: str, url: str) -> None:
    """Others look again and again while a worker executes: the body runs once."""
    other = stand.begin("work", stand.life(world, url, name="other", lease=LONG))
    first = stand.life(world, url, name="first", lease=LONG)

    assert stand.live("drive", first, workflow="hold", given={"seconds": 1.5 * LONG}) == 0

    assert other.wait() == 0
    lines = read_trace(first.trace)
    assert len([line for line in lines if line.what == "takes"]) == 1
    assert read(url, world, "runs", "recoveries") == [(0,)]


@pytest.mark.parametrize(
    ("point", "written"),
    [
        pytest.param("effect.looked", 3, marks=pytest.mark.fault),
        ("forge.looked", 4),
        pytest.param("effect.delivered", 3, marks=pytest.mark.fault),
    ],
)
def test_d12_zombie_worker_is_fenced(
    stand: Stand, world: str, url: str, point: str, written: int
) -> None:
    """One that stood still past its lease changes nothing, and takes back what it doubled."""
    given = {"workflow": "write", "given": {"count": 3}}
    stop = Blow(point=point, signal=signal.SIGSTOP)
    zombie = stand.begin("drive", stand.life(world, url, name="zombie", blows=(stop,)), **given)
    zombie.await_stop()
    life = stand.life(world, url, name="second")

    assert stand.live("work", life) == 0

    before = recorded(url, world)
    zombie.send(signal.SIGCONT)
    assert zombie.wait() == 0, zombie.errors
    assert recorded(url, world) == before
    told = stand.outside.ask(stand.outside.forge, "/told", world=world)["posts"]
    assert len(told) == written
    assert len(stand.outside.posts(world)) == 3
    lines = read_trace(life.trace)
    woken = [line.life for line in lines].index("second")
    after = [line.of for line in lines[woken:] if line.life == "zombie" and line.what == "point"]
    assert not {"effect.planned", "effect.settled", "run.ending"} & set(after)
    assert "taken over by another worker" in zombie.errors
    assert recorded(url, world) == before


@pytest.mark.fault
def test_d12_two_that_write_the_same_at_last_leave_one(stand: Stand, world: str, url: str) -> None:
    """Both have looked before either wrote, and wake up one after the other."""
    stop = (Blow(point="forge.looked", signal=signal.SIGSTOP),)
    given = {"workflow": "write", "given": {"count": 2}}
    zombie = stand.begin("drive", stand.life(world, url, name="zombie", blows=stop), **given)
    zombie.await_stop()
    second = stand.begin("work", stand.life(world, url, name="second", blows=stop))
    second.await_stop()

    zombie.send(signal.SIGCONT)
    wait_until(lambda: len(stand.outside.posts(world)) == 1)
    second.send(signal.SIGCONT)

    assert (zombie.wait(), second.wait()) == (0, 0)
    assert statuses(url, world) == ["succeeded"]
    posts = stand.outside.posts(world)
    assert len(posts) == len({post["key"] for post in posts}) == 2


def test_d12_a_worker_that_stood_still_takes_a_new_lease(
    stand: Stand, world: str, url: str
) -> None:
    """Woken up after its lease, it claims what nobody else has taken, and nobody hears of it."""
    stop = Blow(point="run.submitted", signal=signal.SIGSTOP)
    life = stand.life(world, url, blows=(stop,))
    child = stand.begin("drive", life, workflow="ask_often", given={"count": 1})
    child.await_stop()
    time.sleep(3 * LEASE)

    child.send(signal.SIGCONT)

    assert child.wait() == 0, child.errors
    assert [line.of for line in read_trace(life.trace) if line.what == "end"] == ["succeeded"]


def recorded(url: str, world: str) -> list[list[tuple[object, ...]]]:
    """Read all that is kept of the runs of a world."""
    tables = {
        "runs": "status, fence, updated_at, error, result",
        "steps": "name, key, state, finished_at, value, error",
        "events": "sequence, kind, body",
        "effects": "key, receipt",
    }
    return [read(url, world, table, columns) for table, columns in tables.items()]


def test_d13_a_step_that_blocks_the_loop_keeps_its_lease(
    stand: Stand, world: str, url: str
) -> None:
    """The heartbeat goes on beside a loop that stands still for longer than a lease."""
    other = stand.begin("work", stand.life(world, url, name="other", lease=LONG))
    first = stand.life(world, url, name="first", lease=LONG)

    assert stand.live("drive", first, workflow="block", given={"seconds": 1.5 * LONG}) == 0

    assert other.wait() == 0
    lines = read_trace(first.trace)
    assert [line.life for line in lines if (line.what, line.of) == ("body", "block")] == ["first"]
    assert statuses(url, world) == ["succeeded"]
