"""D44 to D46: many runs, few places, and a database that is tidied meanwhile."""

from __future__ import annotations

import signal
from collections import Counter, defaultdict

import pytest
from crash_database import read, statuses
from crash_life import Line, read_trace, told
from crash_schedule import Stand
from crash_waiting import wait_until


def most_at_once(lines: list[Line]) -> int:
    """Count the most places that were taken at the same moment; a dead life gives all back."""
    ends = {line.life: line.at for line in lines}
    given = {(line.life, line.of): line.at for line in lines if line.what == "gives"}
    changes = []
    for line in lines:
        if line.what == "takes":
            changes += [(line.at, 1), (given.get((line.life, line.of), ends[line.life]), -1)]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


@pytest.mark.parametrize(
    ("runs", "workers"), [(16, 2), pytest.param(10_000, 4, marks=pytest.mark.fault)]
)
def test_d44_no_more_than_allowed_execute_in_all_processes(
    stand: Stand, world: str, url: str, runs: int, workers: int
) -> None:
    """Four at once, in all workers and through the death of one; each run is executed once."""
    seconds = 1.0 / runs
    limits = {"hold": {"running": 4}}
    life = stand.life(world, url, limits=limits)
    inputs = [{"seconds": seconds} for _ in range(runs)]
    assert stand.live("submit", life, workflow="hold", inputs=inputs, seconds=300) == 0
    lives = [
        stand.begin("work", stand.life(world, url, name=f"w{n}", limits=limits), seconds=900)
        for n in range(workers)
    ]
    wait_until(lambda: len(told(life, "gives")) >= runs / 4, 600)
    lives[0].send(signal.SIGKILL)

    assert [one.wait(900) for one in lives] == [-signal.SIGKILL] + [0] * (workers - 1)
    lines = read_trace(life.trace)
    assert most_at_once(lines) <= 4
    assert statuses(url, world) == ["succeeded"] * runs
    given = Counter(line.of for line in lines if line.what == "gives")
    assert len(given) == runs


def test_d44_the_first_come_is_the_first_served(stand: Stand, world: str, url: str) -> None:
    """Higher priorities first, then the older one; a busy partition holds up no other."""
    limits = {"hold": {"running": 1}}
    life = stand.life(world, url, limits=limits)
    inputs = [{"seconds": 0.02, "of": str(number)} for number in range(6)]
    priorities = (0, 0, 5, 0, 9, 0)
    given = {"workflow": "hold", "inputs": inputs, "priorities": priorities}
    assert stand.live("submit", life, **given) == 0

    assert stand.live("work", life) == 0

    taken = [line.of.split()[0] for line in read_trace(life.trace) if line.what == "takes"]
    assert taken == ["4", "2", "0", "1", "3", "5"]


@pytest.mark.fault
def test_d44_a_full_partition_starves_no_other(stand: Stand, world: str, url: str) -> None:
    """Of a repository with many runs one executes at a time, and the others go on beside it."""
    limits = {"keep": {"partition": 1}}
    life = stand.life(world, url, limits=limits)
    inputs = [{"seconds": 0.15, "of": "busy"} for _ in range(5)]
    inputs += [{"seconds": 0.05, "of": name} for name in ("calm", "quiet")]
    assert stand.live("submit", life, workflow="keep", inputs=inputs) == 0

    assert stand.live("work", life) == 0

    lines = read_trace(life.trace)
    parts: defaultdict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.what in {"takes", "gives"}:
            parts[line.of.split()[0]].append(line)
    assert all(most_at_once(part) == 1 for part in parts.values())
    busy = [line.at for line in parts["busy"] if line.what == "takes"]
    for name in ("calm", "quiet"):
        (taken,) = [line.at for line in parts[name] if line.what == "takes"]
        assert taken < busy[3]


@pytest.mark.fault
def test_d45_starts_are_counted_over_all_workers(stand: Stand, world: str, url: str) -> None:
    """So many begin within a time, whoever begins them; a dead worker's claim costs none twice."""
    limits = {"hold": {"starts": 4, "seconds": 2.0}}
    life = stand.life(world, url, limits=limits)
    assert stand.live("submit", life, workflow="hold", inputs=[{"seconds": 0.1}] * 7) == 0
    lives = [
        stand.begin("work", stand.life(world, url, name=f"w{n}", limits=limits)) for n in range(2)
    ]
    wait_until(lambda: told(life, "takes"))
    lives[0].send(signal.SIGKILL)

    assert [one.wait() for one in lives][1] == 0
    assert statuses(url, world) == ["succeeded"] * 7
    begun = sorted(at for (at,) in read(url, world, "runs", "started_at"))
    assert len(begun) == 7
    for number in range(len(begun) - 4):
        # Moments are kept in microseconds.
        assert begun[number + 4] - begun[number] >= 2_000_000


@pytest.mark.fault
def test_d46_tidying_removes_nothing_that_goes_on(stand: Stand, world: str, url: str) -> None:
    """Ended runs go in batches, with all that belongs to them; the others end as ever."""
    life = stand.life(world, url, name="work")
    inputs = [{"count": 2, "of": f"r{number}"} for number in range(8)]
    assert stand.live("submit", life, workflow="ask_often", inputs=inputs) == 0
    waiting = [{"timeout": None}]
    assert stand.live("submit", life, workflow="wait", inputs=waiting) == 0
    tidying = stand.begin("tidy", stand.life(world, url, name="tidy"), times=12)
    worker = stand.begin("work", life)
    assert tidying.wait() == 0
    assert stand.live("tidy", life, times=1, signal="go") == 0
    assert worker.wait() == 0

    asked = stand.outside.asked(world)
    assert asked == {f"r{n}-{k}": 1 for n in range(8) for k in range(2)} | {"told": 1}
    assert stand.live("tidy", life, times=1) == 0
    for table in ("runs", "steps", "signals", "effects", "events", "reviews"):
        assert read(url, world, table) == [(0,)], table
