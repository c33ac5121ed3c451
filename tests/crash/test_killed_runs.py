"""D1 to D7: a worker is killed, and another one goes on with the run."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from crash_database import read, statuses
from crash_life import Blow, told
from crash_schedule import LEASE, POLL, Stand
from crash_waiting import wait_until
from crash_workflows import QUESTIONS

KILLED = -signal.SIGKILL
INTERVAL = LEASE + 2 * POLL + 1.0
"""Seconds within which a run is taken up again, on a slow machine."""

ONE = {"count": 1}


def test_d1_a_run_that_was_not_stored_leaves_nothing(stand: Stand, world: str, url: str) -> None:
    """SIGKILL before the run's row is committed: the same request again starts one run."""
    life = stand.life(world, url)

    assert stand.live("die_at_commit", life, workflow="ask_often", given=ONE) == KILLED

    assert statuses(url, world) == []
    assert stand.live("drive", life, workflow="ask_often", given=ONE) == 0
    assert statuses(url, world) == ["succeeded"]
    assert stand.outside.asked(world) == {"q-0": 1}


def test_d2_a_stored_run_is_taken_up_by_whoever_comes(stand: Stand, world: str, url: str) -> None:
    """SIGKILL after the run's row, before its first step: it ends once, within an interval."""
    first = stand.life(world, url, blows=(Blow(point="run.claimed"),))
    assert stand.live("drive", first, workflow="ask_often", given=ONE) == KILLED
    killed_at = time.monotonic()

    assert stand.live("work", stand.life(world, url)) == 0

    assert told(first, "point", "run.claimed")[-1].at - killed_at < INTERVAL
    assert statuses(url, world) == ["succeeded"]
    assert read(url, world, "events", where="kind = 'RunFinished'") == [(1,)]


def test_d3_an_answer_that_was_not_recorded_may_be_paid_again(
    stand: Stand, world: str, url: str
) -> None:
    """SIGKILL after the model answered, before the step's record: one answer is recorded."""
    first = stand.life(world, url, blows=(Blow(point="step.worked:ask"),))
    assert stand.live("drive", first, workflow="ask_often", given=ONE) == KILLED

    assert stand.live("drive", stand.life(world, url), workflow="ask_often", given=ONE) == 0

    assert stand.outside.asked(world) == {"q-0": 2}
    assert read(url, world, "steps", "state") == [("done",)]


@pytest.mark.parametrize(
    "point",
    [
        "model.kept",
        pytest.param("step.recorded:ask", marks=pytest.mark.fault),
        pytest.param("effect.planned", marks=pytest.mark.fault),
    ],
)
def test_d4_a_recorded_answer_is_never_paid_again(
    stand: Stand, world: str, url: str, point: str
) -> None:
    """SIGKILL between the recorded answer and publishing: one question, one effect each."""
    first = stand.life(world, url, blows=(Blow(point=point),))
    assert stand.live("drive", first, workflow="inspect", given={}) == KILLED

    assert stand.live("drive", stand.life(world, url), workflow="inspect", given={}) == 0

    asked = stand.outside.asked(world)
    asks, keeps = (Counter(line.of for line in told(first, what)) for what in ("asks", "keeps"))
    broken_off = asks - keeps
    assert sorted(asked) == sorted(QUESTIONS)
    assert all(count <= 1 + broken_off[key] for key, count in asked.items())
    assert broken_off.total() == 0 or point != "effect.planned"
    assert Counter(post["key"] for post in stand.outside.posts(world)).most_common(1)[0][1] == 1


def test_d5_an_effect_that_stands_is_found_again(stand: Stand, world: str, url: str) -> None:
    """SIGKILL after the forge took a write whose answer never came: nothing is doubled."""
    stand.outside.ask(stand.outside.forge, "/stall", world=world, number=1)
    given = {"count": 2}
    child = stand.begin("drive", stand.life(world, url), workflow="write", given=given)
    stand.outside.ask(stand.outside.forge, "/stalled", world=world)
    child.send(signal.SIGKILL)
    assert child.wait() == KILLED

    assert stand.live("drive", stand.life(world, url), workflow="write", given=given) == 0

    posts = stand.outside.posts(world)
    assert [post["number"] for post in posts] == [1, 2]
    assert read(url, world, "effects", where="receipt IS NOT NULL") == [(2,)]


HALVES = [
    pytest.param(point, time, marks=() if usual else pytest.mark.fault)
    for point in ("forge.looked", "forge.wrote", "effect.settled")
    for time in (1, 3, 5)
    for usual in ((point, time) in {("forge.looked", 3), ("forge.wrote", 1)},)
]


@pytest.mark.parametrize(("point", "time_"), HALVES)
def test_d6_half_of_the_effects_become_all_of_them(
    stand: Stand, world: str, url: str, point: str, time_: int
) -> None:
    """SIGKILL in the middle of several effects: what is missing is written, and no more."""
    given = {"count": 5}
    first = stand.life(world, url, blows=(Blow(point=point, time=time_),))
    assert stand.live("drive", first, workflow="write", given=given) == KILLED
    before = len(stand.outside.posts(world))

    assert stand.live("drive", stand.life(world, url), workflow="write", given=given) == 0

    assert before == time_ - (point == "forge.looked")
    posts = stand.outside.posts(world)
    assert len(posts) == len({post["key"] for post in posts}) == 5


def test_d7_an_analyzer_dies_with_its_worker(
    stand: Stand, world: str, url: str, tmp_path: Path
) -> None:
    """SIGKILL while an analyzer works in a process of its own: it ends, and is not awaited."""
    mark, scratch = tmp_path / "pid", tmp_path / "scratch"
    scratch.mkdir()
    child = stand.begin("scan", stand.life(world, url), mark=str(mark), temporary=str(scratch))
    wait_until(lambda: mark.exists() and mark.read_text())
    analyzer = int(mark.read_text())
    assert is_alive(analyzer)

    child.send(signal.SIGKILL)
    child.wait()

    wait_until(lambda: not is_alive(analyzer), 5)
    mark.unlink()
    left = [*scratch.glob("codeflow-sandbox-*")]
    last = stand.life(world, url)
    assert stand.live("scan", last, mark=str(mark), temporary=str(scratch), pause=0.0) == 0
    assert not [place for place in left if place.exists()]
    assert statuses(url, world) == ["succeeded"]


def is_alive(pid: int) -> bool:
    """Say whether a process goes on; one that nobody has waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
