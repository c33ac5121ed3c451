"""The matrix of a review that asks models: its stages, its strategy and its model, each struck.

`python tests/false_clean/clean_models.py [WORD ...]` strikes the cells whose names contain one of
the words, and writes how they ended as JSON; its exit status is 1 if one of them breaks the
promise.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, override

from clean_desk import Desk, Point, watched
from clean_faults import Answers, Fault, Hangs, Interrupted, faults_of
from clean_matrix import Cell, Tally, is_short, limits_of
from clean_stand import End, Planted, Shelf, drive
from clean_verdict import Ending, _disagreements, _unfinished, ending_of, final

from codeflow_engine import Outcome, Review, hookimpl
from codeflow_engine.contracts import VCS, Analyzer, Chunk, Inspection, Strategy
from codeflow_engine.contracts.strategy import Ask
from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.diff import Diff
from codeflow_engine.pace.clock import Clock
from codeflow_engine.plugins.registry import Registry
from codeflow_engine.providers.strategy.single import Single
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.fakes import FakeLLM, Reviewer

BAD = "exec(b)"
PATCH = f"""\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,3 @@
 a = 1
+eval(input())
 b = 2
@@ -20,2 +21,3 @@
 c = 3
+{BAD}
 e = 5
diff --git a/vendor/lib.py b/vendor/lib.py
--- a/vendor/lib.py
+++ b/vendor/lib.py
@@ -1 +1,2 @@
 x = 1
+y = 2
diff --git a/lib.min.js b/lib.min.js
--- a/lib.min.js
+++ b/lib.min.js
@@ -1 +1,2 @@
 x
+y
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
"""
"""Line 22 of `app.py` is one that only the model finds."""

NEW = {"exclude", "surround", "show", "pack", "fence", "ask", "prove"}
"""Steps that a review without models does not have."""

SETTINGS = 'strategy = "watched"\nllm_attempts = 1\nllm_timeout = 0.3\n'


class HastyClock(Clock):
    """Draws no pause: what is tried again is tried at once."""

    @override
    def random(self) -> float:
        return 0.0


class ModelShelf(Shelf):
    """Holds the change with the line that only a model finds."""

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        return replace(await super().fetch_change(request, sandbox), diff=Diff.parse(PATCH))


class WatchedLLM(FakeLLM):
    """A model that sends each call past the desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(Reviewer({"exec": r"\bexec\("}, edits={"exec": "run("}))
        self._desk = desk

    @override
    async def complete(self, request: ChatRequest) -> ChatAnswer:
        answer: ChatAnswer = await self._desk.meet(
            Point("llm", "complete"), lambda: super(WatchedLLM, self).complete(request)
        )
        return answer


class WatchedStrategy(Strategy):
    """The strategy `single`, past the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @override
    async def inspect(self, chunk: Chunk, ask: Ask) -> Inspection:
        inspection: Inspection = await self._desk.meet(
            Point("strategy", "inspect"), lambda: Single().inspect(chunk, ask)
        )
        return inspection


class WithStrategy:
    """A plugin that offers the strategy."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @hookimpl
    def codeflow_register(self, registry: Registry) -> None:
        registry.add_strategy("watched", lambda: WatchedStrategy(self._desk))


@cache
def _settings() -> Path:
    path = Path(tempfile.mkdtemp()) / "settings.toml"
    path.write_text(SETTINGS)
    return path


async def drive_models(desk: Desk, limits: dict[str, float]) -> End:
    """Drive a review with a model, beside one analyzer."""
    return await drive(
        desk,
        limits=limits,
        llm=WatchedLLM(desk),
        vcs=watched(ModelShelf(), desk, VCS),
        analyzers=[watched(Planted(), desk, Analyzer)],
        plugins=[WithStrategy(desk)],
        settings_file=_settings(),
        clock=HastyClock(),
    )


@dataclass(frozen=True)
class ModelSurvey:
    """What a review with a model showed that nobody has struck."""

    whole: Review
    answers: dict[Point, Any]


@cache
def model_survey() -> ModelSurvey:
    """Watch a review to which nothing happens."""
    desk = Desk()
    end = asyncio.run(drive_models(desk, {}))
    if end.review is None:
        raise AssertionError(f"the undisturbed review failed: {end.error!r}") from end.error
    answers = {point: answer for point, answer in desk.seen.items() if is_new(point)}
    return ModelSurvey(whole=end.review, answers=answers)


def is_new(point: Point) -> bool:
    """Tell whether a review without models does not come to a point."""
    name = point.name.partition("[")[0]
    return point.kind in {"llm", "strategy"} or (point.kind == "step" and name in NEW)


def model_cells() -> Iterator[Cell]:
    """List the cells, without those that nobody could see through."""
    for point, answer in sorted(model_survey().answers.items()):
        for fault in faults_of(point, answer):
            if not _is_beyond(point, fault):
                yield Cell(point, fault)


def _is_beyond(point: Point, fault: Fault) -> bool:
    """Tell whether a strategy keeps silent about what it saw, and says that it looked."""
    return point.kind == "strategy" and "(findings)" in fault.name


def is_short_of_models(cell: Cell) -> bool:
    """Tell whether a cell is always struck: what waits takes too long."""
    return is_short(cell) and not isinstance(cell.fault, Hangs | Interrupted)


class ModelTally(Tally):
    """How the cells with a model ended."""

    @override
    async def _drive(self, cell: Cell) -> None:
        whole = model_survey().whole
        for patience in (0.4, 2.0, 10.0):
            desk = Desk(at=cell.point, fault=cell.fault)
            end = await drive_models(desk, limits_of(cell, patience))
            if desk.struck:
                break
        found = _problems(cell, end, whole)
        if not desk.struck:
            found.append("the fault never struck")
        self.endings[ending_of(end, whole).value] += 1
        self.broken += [f"{cell}: {problem}" for problem in found]


def _problems(cell: Cell, end: End, whole: Review) -> list[str]:
    """List what is wrong about the end of a review; nothing, if the promise is kept."""
    if end.endless:
        return ["it never ended"]
    found = [
        f"FALSE CLEAN: the {name} {problem}"
        for name, review in (("result", final(end)), ("stored", end.stored), ("later", end.later))
        if isinstance(review, Review)
        for problem in false_clean(review, whole)
        if name == "result" or end.record is None or end.record.status == "succeeded"
    ]
    told = final(end)
    unread = cell.point.kind == "strategy" and cell.fault.name.startswith("loses")
    if unread and isinstance(told, Review) and told.outcome is Outcome.REVIEWED:
        found.append("FALSE CLEAN: the result is complete, and the model has not read all")
    found += _disagreements(cell.point, cell.fault, end) + _unfinished(cell.point, end, whole)
    if end.repeated:
        found.append(f"executed again: {end.repeated}")
    ending = ending_of(end, whole)
    if ending is Ending.TOLD and not isinstance(cell.fault, Answers):
        found.append(f"it ended told: {told!r}")
    if (
        ending is Ending.INCOMPLETE
        and not ((isinstance(told, Review) and told.reason) or "").strip()
    ):
        found.append("it is incomplete without a reason")
    return found


def false_clean(review: Review, whole: Review) -> list[str]:
    """Find out whether a review is called complete that has not all that the whole one has."""
    if review.outcome is not Outcome.REVIEWED:
        return []
    found = []
    known = {(one.path, one.line) for one in whole.findings}
    lost = known - {(one.path, one.line) for one in review.findings}
    if len(lost) > sum(review.dropped.values()) - sum(whole.dropped.values()):
        found.append(f"is complete without {sorted(lost, key=repr)}")
    if review.coverage.units != whole.coverage.units:
        found.append(f"has {review.coverage.units} units")
    for entry, usual in zip(review.coverage.entries, whole.coverage.entries, strict=False):
        if usual.state is UnitState.REVIEWED and not set(usual.by) <= set(entry.by):
            found.append(f"is complete, and {entry.path} was seen by {entry.by}")
    return found


def main(words: Sequence[str]) -> int:
    """Strike the cells whose names contain one of the words, or all."""
    chosen: Iterable[Cell] = model_cells()
    chosen = [cell for cell in chosen if not words or any(word in str(cell) for word in words)]
    tally = ModelTally()
    asyncio.run(tally.strike(chosen))
    points = len({cell.point for cell in chosen})
    sys.stdout.write(json.dumps({"points": points, **tally.to_json()}, indent=1) + "\n")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
