"""A pull request in, exactly one review out: two workers are killed at every boundary (D5, D6).

The forge is a process of its own that enforces the rules of GitHub; the workers speak with it
over the real provider. Boundaries are the named points that an undisturbed run arrives at, and
each of its writes, at which the forge itself kills who asks: before it writes, after it has
written, and a while before it writes all the same. A schedule kills up to three workers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crash_schedule import Stand, boundaries
from forge_changes import NOTES, SHELLS
from forge_process import AFTER, Forges, forges
from publish_schedule import Published, Wanted, Wreck, faulty, play, table, wrecks

LANES = 6
"""Schedules that go on at once, each with two workers."""

KINDS = {"review": 1, "inline": 100, "summary": 1, "check": 1, "output": 1}
KINDS |= {"annotation": NOTES + SHELLS, "label": 1, "issue": SHELLS, "sarif": 1}
"""What an undisturbed run writes, by kind: no review has more than 100 comments."""


@pytest.fixture(scope="session")
def outside_forges() -> Iterator[Forges]:
    """Run fake forges in a process of their own."""
    with forges() as process:
        yield process


type Play = Callable[[int, Wreck], Published]


@pytest.fixture
def lane(stand: Stand, outside_forges: Forges, url_of: Callable[[str], str], world: str) -> Play:
    """Play a schedule in a world of a number."""

    def one(number: int, wreck: Wreck) -> Published:
        name = f"{world}-{number}"
        return play(stand, outside_forges, wreck, name, url_of(name))

    return one


def undisturbed(lane: Play) -> tuple[Published, Wanted]:
    """Play no kill and no fault, and see that all is there."""
    first = lane(0, Wreck())
    wanted = Wanted(first.items)
    assert first.is_reviewed, first.errors
    assert first.wrong(wanted) == []
    assert Counter(item.split(" ")[0] for item in first.items.elements()) == KINDS
    assert set(first.items.values()) == {1}
    assert first.kills.total() == 0
    assert set(first.asked.values()) == {1}
    return first, wanted


def play_all(lane: Play, made: Sequence[Wreck]) -> list[Published]:
    """Play schedules, some at once."""
    with ThreadPoolExecutor(LANES) as lanes:
        return list(lanes.map(lane, range(1, len(made) + 1), made))


def wrongs(played: Sequence[Published], wanted: Wanted) -> str:
    """Say what was wrong in which schedule, if anything was."""
    told = [(one.wreck, found) for one in played if (found := one.wrong(wanted))]
    return "\n".join(f"{wreck}: {found}" for wreck, found in told)


@pytest.mark.parametrize(
    ("url_of", "count"),
    [
        ("sqlite", 2),
        ("postgres", 1),
        pytest.param("sqlite", 600, marks=pytest.mark.fault),
        pytest.param("postgres", 300, marks=pytest.mark.fault),
    ],
    indirect=["url_of"],
)
def test_d5_d6_g28_kills_of_publishing_leave_exactly_what_was_planned(
    lane: Play, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every run ends with its pull request reviewed once, whoever is killed, and wherever."""
    first, wanted = undisturbed(lane)
    points, writes = boundaries(first), len(first.told["writes"])

    played = play_all(lane, wrecks(points, writes, count, seed=count))

    if count > 100:
        with capsys.disabled():
            sys.stdout.write(f"\n{len(points)} points, {writes} writes, {table(played)}\n")
    assert wrongs(played, wanted) == ""
    assert [one.errors for one in played if not one.is_reviewed] == []
    assert sum(one.kills.total() for one in played) >= count


@pytest.mark.parametrize(
    ("url_of", "count"),
    [
        ("sqlite", 2),
        pytest.param("sqlite", 200, marks=pytest.mark.fault),
        pytest.param("postgres", 100, marks=pytest.mark.fault),
    ],
    indirect=["url_of"],
)
def test_g27_faults_of_the_forge_leave_exactly_what_was_planned(
    lane: Play, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """They double nothing, and what is given up and resumed when all is well does the rest."""
    first, wanted = undisturbed(lane)
    points = boundaries(first)

    played = play_all(lane, faulty(points, count, seed=count))

    if count > 50:
        with capsys.disabled():
            sys.stdout.write(f"\n{table(played)}\n")
    assert wrongs(played, wanted) == ""
    assert [one.wreck for one in played if not one.is_over] == []
    assert sum(one.is_reviewed and not one.has_failed for one in played) >= 0.95 * count
    assert sum(len(one.told["struck"]) for one in played) >= count


@pytest.mark.parametrize(
    "word",
    [
        "reviews",
        *(
            pytest.param(word, marks=pytest.mark.fault)
            # A report that is uploaded again takes the place of the first one.
            for word in ("comments", "check-runs", "issues")
        ),
    ],
)
def test_g27_a_provider_that_does_not_look_is_found(
    stand: Stand, outside_forges: Forges, world: str, tmp_path: Path, word: str
) -> None:
    """The checks see what stands twice where somebody writes without having looked."""

    def one(number: int, wreck: Wreck, flaw: str = "") -> Published:
        name = f"{world}-{number}"
        return play(
            stand, outside_forges, wreck, name, f"sqlite:///{tmp_path / name}.db", flaw=flaw
        )

    _, wanted = undisturbed(one)

    played = one(1, Wreck(strikes=((word, AFTER),)), "blind")

    assert any(told.startswith("too much") for told in played.wrong(wanted))
