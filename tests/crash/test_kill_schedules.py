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
from crash_life import Blow, Line
from crash_schedule import Played, Schedule, Stand, boundaries, play, schedules, table

LANES = 8
"""Schedules that go on at once; each waits most of its time for a lease to end."""


@pytest.mark.parametrize(
    ("url_of", "count"),
    [
        ("sqlite", 7),
        ("postgres", 3),
        pytest.param("sqlite", 1000, marks=pytest.mark.fault),
        pytest.param("postgres", 1000, marks=pytest.mark.fault),
    ],
    indirect=["url_of"],
)
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


FINE = [("point", "step.recorded:fetch"), ("asks", "q"), ("keeps", "q"), ("has", "ask q")]
END = [("end", "succeeded"), ("outcome", "reviewed")]


@pytest.mark.parametrize(
    ("lines", "asked", "posts", "wrong"),
    [
        ([], {"q": 1}, "ab", ""),
        ([], {"q": 1}, "a", "effect b is lost"),
        ([], {"q": 1}, "abc", "effect c is not in the plan"),
        ([], {"q": 1}, "abb", "effect b stands there 2 times"),
        ([], {"q": 2}, "ab", "q was paid 2 times"),
        ([("asks", "q")], {"q": 2}, "ab", ""),
        ([("asks", "q"), ("keeps", "q")], {"q": 1}, "ab", "q was paid 1 times"),
        ([("stored", "q")], {"q": 1}, "ab", ""),
        ([("stored", "q"), ("asks", "q")], {"q": 2}, "ab", "q was paid again"),
        ([("body", "fetch")], {"q": 1}, "ab", "fetch was executed again"),
        ([("body", "ask q")], {"q": 1}, "ab", "ask q was executed again"),
        ([("done", "save"), ("body", "save")], {"q": 1}, "ab", "save was executed again"),
    ],
)
def test_the_checks_of_schedules_can_fail(
    lines: list[tuple[str, str]], asked: dict[str, int], posts: str, wrong: str
) -> None:
    """What is lost, doubled, paid twice or executed again is found, and nothing else."""
    told = [Line("1", what, of, 1, 0.0) for what, of in (*FINE, *lines, *END)]
    written = [{"key": key} for key in posts]

    found = Played(Schedule(()), told, asked, written, lives=1).wrongs(["a", "b"])

    assert "".join(found).startswith(wrong)
    assert bool(found) == bool(wrong)


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("blind", ("forge.wrote", "stands there 2 times")),
        pytest.param("forgets", ("model.kept", "was paid"), marks=pytest.mark.fault),
    ],
)
def test_flaws_of_an_author_are_found_by_the_servers(
    stand: Stand, world: str, tmp_path: Path, flaw: str, told: tuple[str, str]
) -> None:
    """A forge that does not look, and answers that are not kept, are what kills bring to light."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    point, wrong = told
    schedule = Schedule((Blow(point=point, time=1),))

    played = play(stand, schedule, world, url, flaw=flaw)

    keys = sorted({post["key"] for post in played.posts})
    assert wrong in "".join(played.wrongs(keys))
