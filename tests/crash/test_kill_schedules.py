"""A run is killed at every boundary, in every order: nothing is lost, doubled or paid twice.

The boundaries are those that an undisturbed run of the workflow arrives at, which is the
review itself, questions to a model, and effects on a forge. Both of these count in processes
of their own. A schedule kills up to three lives of one run, and leaves the next one alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crash_schedule import Played, Schedule, Stand, boundaries, play, schedules, table

LANES = 8
"""Schedules that go on at once; each waits most of its time for a lease to end."""


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path, stand: Stand) -> Callable[[str], str]:
    """Give a database to each world: a file of its own, or its tenant in a server's one."""
    if request.param == "sqlite":
        return lambda world: f"sqlite:///{tmp_path / f'{world}.db'}"
    migrated: str = request.getfixturevalue("migrated_postgres")
    return lambda _: migrated


@pytest.mark.parametrize("url_of", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("count", [6, pytest.param(1000, marks=pytest.mark.fault)])
def test_kills_lose_nothing_and_double_nothing(
    stand: Stand,
    url_of: Callable[[str], str],
    world: str,
    count: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At least 95 % end as reviewed, whatever is killed, and no effect or answer is wrong."""
    first = play(stand, Schedule(()), f"{world}-0", url_of(f"{world}-0"))
    points = boundaries(first)
    keys = sorted(post["key"] for post in first.posts)
    assert first.wrongs(keys) == []
    assert first.is_reviewed
    assert len(keys) == 4

    def one(number: int, schedule: Schedule) -> Played:
        name = f"{world}-{number}"
        return play(stand, schedule, name, url_of(name))

    with ThreadPoolExecutor(LANES) as lanes:
        made = schedules(points, count, seed=count)
        played = list(lanes.map(one, range(1, count + 1), made))

    if count > 100:
        with capsys.disabled():
            sys.stdout.write(f"\n{len(points)} boundaries, {table(played)}\n")
    wrong = {str(one.schedule): found for one in played if (found := one.wrongs(keys))}
    assert not wrong
    assert sum(one.is_reviewed for one in played) >= 0.95 * count
    assert sum(one.kills.total() for one in played) >= count
    if count >= len(points):
        assert {name for name, _ in points} <= {name for one in played for name in one.kills}
