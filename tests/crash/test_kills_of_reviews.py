"""A review with a model is killed at every boundary: nothing is lost, and nothing paid again.

The change has several chunks; the model finds something in each, judges its own findings, and
suggests edits that have to be proved. It counts in a process of its own what it is asked.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from crash_schedule import Played, Schedule, Stand, boundaries, play, schedules, table

LANES = 8
READS: dict[str, Any] = {
    "chunk_tokens": 90,
    "critic": 0.5,
    "llm_parallel": 2,
    "fence_key": "the same in all worlds",
}
ORDERLY: dict[str, Any] = {"llm_parallel": 4, "budgets": {"run": {"tokens": 10**9}}}
"""Enough money, which is booked in the order of the chunks."""


@pytest.mark.parametrize(
    ("url_of", "times", "more"),
    [
        pytest.param("sqlite", 0, {}, id="sqlite-few"),
        pytest.param("sqlite", 0, ORDERLY, id="sqlite-few-budget"),
        pytest.param("sqlite", 1, {}, id="sqlite-all", marks=pytest.mark.fault),
        pytest.param("sqlite", 1, ORDERLY, id="sqlite-all-budget", marks=pytest.mark.fault),
        pytest.param("postgres", 1, {}, id="postgres-all", marks=pytest.mark.fault),
    ],
    indirect=["url_of"],
)
def test_kills_of_a_review_pay_no_stored_answer_again(
    stand: Stand,
    url_of: Callable[[str], str],
    world: str,
    times: int,
    *,
    more: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each boundary `times` times, or a few of them: the review is the one of no kill."""
    first = play(stand, Schedule(()), f"{world}-0", url_of(f"{world}-0"), reads={**READS, **more})
    points = boundaries(first)
    count = times * len(points) or 6
    assert first.wrongs([]) == []
    assert first.is_reviewed
    assert set(first.asked.values()) == {1}
    assert len(first.asked) == 10
    (found,) = first.findings
    assert found.count("model True") == 5
    assert Counter(name for name, _ in points)["step.worked:ask"] == 10
    assert {"step.worked:surround", "step.worked:prove"} <= {name for name, _ in points}

    def one(number: int, schedule: Schedule) -> Played:
        name = f"{world}-{number}"
        return play(stand, schedule, name, url_of(name), reads={**READS, **more})

    with ThreadPoolExecutor(LANES) as lanes:
        made = schedules(points, count, seed=count)
        played = list(lanes.map(one, range(1, count + 1), made))

    if times:
        with capsys.disabled():
            sys.stdout.write(f"\n{len(points)} boundaries, {table(played)}\n")
        assert {name for name, _ in points} <= {name for one in played for name in one.kills}
        assert any(line.what == "stored" for one in played for line in one.lines)
    wrong = {str(one.schedule): told for one in played if (told := one.wrongs([]))}
    assert not wrong
    assert sum(one.is_reviewed for one in played) >= 0.95 * count
    assert {said for one in played for said in one.findings} == {found}
    assert {key for one in played for key in one.asked} == set(first.asked)
    assert sum(one.kills.total() for one in played) >= count
