"""The matrix: every point of a review, found by watching some, with every fault of it.

`python tests/false_clean/clean_matrix.py [WORD ...]` strikes the cells whose names contain
one of the words, and writes how they ended as JSON; its exit status is 1 if one of them
breaks the promise.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import batched
from typing import Any

from clean_desk import Desk, Point
from clean_faults import Answers, Fault, Hangs, Interrupted, Raises, faults_of
from clean_stand import drive
from clean_verdict import ending_of, problems

from codeflow_engine import Review
from codeflow_engine.domain.run import RunEvent
from codeflow_engine.errors import AnalyzerError

_WAYS: tuple[tuple[Point, Fault], ...] = (
    (Point("step", "fetch"), Interrupted("cancelled", "cancel")),
    (Point("step", "fetch"), Raises("raises", lambda: AnalyzerError("it is broken"))),
    (Point("journal", "claim"), Interrupted("cancelled", "cancel")),
)
"""What happens to a review so that it comes to points that one which goes well does not."""

_PATIENT = {"analyzer", "cache", "observer", "journal", "bare"}
"""Kinds that have deadlines of their own, shorter than that of the run."""

_SHORT = {
    *("raises-own", "raises-foreign", "raises-cancelled", "raises-exit"),
    *("hangs", "cancelled", "closed", "answers-object", "forgets"),
    *("raises-own-late", "lies", "denies"),
}
_STORAGES = {"journal", "storage", "bare"}

_ELSEWHERE = {"raises-own-late"}
"""Faults of the short form that say more than their kin about storages alone."""

_ENDS = {"succeeded", "failed", "cancelled"}

_PASSES = {
    *("raises-away", "raises-away-late", "hangs", "hangs-deaf"),
    *("closed", "lies", "denies", "denies-undone"),
}
"""What happens to a durable storage, and passes."""

_SHORT_PASSES = {"raises-away", "raises-away-late", "hangs", "denies-undone", "closed"}

_PATIENCE = (0.4, 2.0, 10.0)
"""Seconds that a run has, if something in it hangs."""

_TOGETHER = 8
"""Reviews that wait at the same time."""


@dataclass(frozen=True)
class Survey:
    """What reviews showed that nobody has struck."""

    whole: Review
    answers: dict[Point, Any]
    events: tuple[RunEvent, ...]
    recorded: set[str]
    """Steps whose values were written."""

    ways: dict[Point, tuple[Point, Fault]]
    """What has to happen to a review so that it comes to a point."""

    @property
    def points(self) -> list[Point]:
        """Every point, sorted."""
        return sorted(self.answers)


@cache
def survey() -> Survey:
    """Watch a review to which nothing happens, and others that do not go well."""
    desk = Desk()
    end = asyncio.run(drive(desk))
    if end.review is None:
        raise AssertionError(f"the undisturbed review failed: {end.error!r}") from end.error
    answers, ways, recorded = dict(desk.seen), {}, desk.recorded
    for way in _WAYS:
        desk = Desk(before=way)
        asyncio.run(drive(desk))
        for point in desk.seen.keys() - answers.keys():
            answers[point], ways[point] = desk.seen[point], way
    desk = Desk()
    asyncio.run(drive(desk, bare=True))
    shown = ("put_runs", "append_events")
    answers |= {one: desk.seen[one] for one in desk.seen if one.name.startswith(shown)}
    return Survey(
        whole=end.review, answers=answers, events=end.events, recorded=recorded, ways=ways
    )


@dataclass(frozen=True)
class Cell:
    """One fault at one point."""

    point: Point
    fault: Fault
    durable: bool = False
    """Whether the storage is durable, and the fault passes."""

    def __str__(self) -> str:
        return f"{self.point} {self.fault.name}{' passes' if self.durable else ''}"


def cells(points: Iterable[Point]) -> Iterator[Cell]:
    """List the cells of some points, without those that nobody could see through."""
    answers, ways = survey().answers, survey().ways
    for point in points:
        for fault in faults_of(point, answers[point]):
            if beyond(point, fault) is None:
                yield Cell(point, fault)
                goes_on = point not in ways or point.name == "write[failed]"
                if point.kind == "journal" and goes_on and fault.name in _PASSES:
                    yield Cell(point, fault, durable=True)


def beyond(point: Point, fault: Fault) -> str | None:
    """Say why the promise does not hold for a cell; None where it does, nearly everywhere."""
    if not isinstance(fault, Answers):
        return None
    if point.kind == "analyzer" and "(findings)" in fault.name:
        return "an analyzer that keeps silent about what it saw, and says that it looked"
    if point.name == "claim" and fault.name.startswith("loses"):
        return "a storage that gives a run to a worker, and does not tell it"
    return None


def is_short(cell: Cell) -> bool:
    """Tell whether a cell belongs to the form of the matrix that is always run.

    Left out are cells that differ from one that stays in the event or the step they strike, or
    in how deep inside of an answer they strike.
    """
    point, name = cell.point, cell.fault.name
    words = point.name.partition("[")[2].rstrip("]").split()
    if point.kind == "observer" and words[0] not in {"RunStarted", "RunFinished"}:
        return False
    if point.kind == "journal" and words and words[0] not in {"fetch", "analyze", *_ENDS}:
        return False
    if cell.durable:
        return name in _SHORT_PASSES
    if isinstance(cell.fault, Answers) and "(" in name:
        return "." not in name and name.startswith(("wrong", "loses"))
    return name in _SHORT and (name not in _ELSEWHERE or point.kind in _STORAGES)


def passes(cell: Cell) -> bool:
    """Tell whether a fault strikes once, since a run that nobody gives away waits for ever."""
    is_answer = isinstance(cell.fault, Answers)
    return is_answer and (cell.point.name == "claim" or cell.fault.name.startswith("denies"))


def limits_of(cell: Cell, patience: float) -> dict[str, float]:
    """Give deadlines under which a call that hangs is soon given up."""
    if not isinstance(cell.fault, Hangs):
        return {}
    kind, name = cell.point.kind, cell.point.name
    inside = kind == "vcs" and "[analyze" in name
    outside = name.startswith(("read_events", "append_events"))  # no part of the run
    patient = kind in _PATIENT or inside or outside
    return {
        "run_timeout": 20.0 if patient else patience,
        "analyzer_timeout": 0.2,
        "observer_timeout": 0.05,
        "finish_timeout": 0.3 if kind in _STORAGES else 10.0,
    }


@dataclass
class Tally:
    """How the cells of a part of the matrix ended."""

    endings: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    async def strike(self, chosen: Iterable[Cell]) -> None:
        """Drive one review for each cell; those that wait for something wait together."""
        waiting, quick = [], []
        for cell in chosen:
            waits = isinstance(cell.fault, Hangs | Interrupted)
            (waiting if waits else quick).append(cell)
        for cell in quick:
            await self._strike([cell])
        for some in batched(waiting, _TOGETHER):
            await self._strike(some)

    async def _strike(self, chosen: Sequence[Cell]) -> None:
        before = asyncio.all_tasks()
        await asyncio.gather(*map(self._drive, chosen))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - before:
            self.broken.append(f"{', '.join(map(str, chosen))}: left {task.get_name()} behind")

    async def _drive(self, cell: Cell) -> None:
        whole = survey().whole
        for patience in _PATIENCE:
            desk = Desk(
                at=cell.point,
                fault=cell.fault,
                once=cell.durable or passes(cell),
                before=survey().ways.get(cell.point),
            )
            end = await drive(
                desk,
                limits=limits_of(cell, patience),
                durable=cell.durable,
                bare=cell.point.kind == "bare",
            )
            if desk.struck:
                break  # else the machine was too slow to come so far before the deadline
        found = problems(cell.point, cell.fault, end, whole, durable=cell.durable)
        if not desk.struck:
            found.append("the fault never struck")
        self.endings[ending_of(end, whole).value] += 1
        self.broken += [f"{cell}: {problem}" for problem in found]

    def to_json(self) -> dict[str, Any]:
        """Give the figures."""
        return {
            "cells": self.endings.total(),
            "endings": dict(sorted(self.endings.items())),
            "broken": self.broken,
        }


def main(words: list[str]) -> int:
    """Strike the cells whose names contain one of the words, or all."""
    chosen = [
        cell
        for cell in cells(survey().points)
        if not words or any(word in str(cell) for word in words)
    ]
    tally = Tally()
    asyncio.run(tally.strike(chosen))
    points = len({cell.point for cell in chosen})
    sys.stdout.write(json.dumps({"points": points, **tally.to_json()}, indent=1) + "\n")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
