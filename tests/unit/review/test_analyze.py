from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, Unit
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.review.analyze import analyze
from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.storage.memory import MemoryCache
from raising import raising

TEXT = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n@@ -9 +9 @@\n-x\n+y\n"
UNITS = Diff.parse(TEXT).units
STRANGER = Unit(file=7, hunk=None)


class Scripted(Analyzer):
    """An analyzer whose answer the test gives."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        answer = self._answer()
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(prefer=Isolation.NONE) as one:
        yield one


async def ask(sandbox: Sandbox, answer: Callable[[], Any], seconds: float = 5.0) -> SourceReport:
    async def read_files(*_: object) -> tuple[()]:
        return ()

    change = Change.from_diff(Diff.parse(TEXT))
    analysis = Analysis(change=change, units=UNITS, read_files=read_files, cache=MemoryCache())
    return await analyze("tool", Scripted(answer), analysis, sandbox, seconds)


async def test_an_honest_report_is_taken_over(sandbox: Sandbox) -> None:
    """Examined and declined units arrive as they were told."""
    report = AnalyzerReport(examined=UNITS[:1], declined=((UNITS[1], "not mine"),))
    answer = await ask(sandbox, lambda: report)
    assert answer.examined == {UNITS[0]}
    assert answer.declined == ((UNITS[1], "not mine"),)
    assert answer.failure is None


async def test_what_a_report_calls_failed_is_failed(sandbox: Sandbox) -> None:
    """A reason of the analyzer's own is kept, and wins over any other word about the unit."""
    one, other = UNITS
    failed = ((one, "too large"), (other, "in no encoding"), (STRANGER, "not asked for"))
    report = AnalyzerReport(examined=(one,), declined=((other, "not mine"),), failed=failed)

    answer = await ask(sandbox, lambda: report)

    assert answer.failed == ((one, "tool: too large"), (other, "tool: in no encoding"))
    assert answer.examined == frozenset()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (raising(AnalyzerError("no such tool")), "tool: no such tool"),
        (raising(ValueError("text of the change")), "tool: it crashed with ValueError"),
        (raising(TimeoutError("its own")), "tool: it crashed with TimeoutError"),
        (lambda: asyncio.sleep(60), "tool: no answer within 0.2 s"),
        (lambda: None, "tool: it returned a NoneType and no report"),
        (lambda: AnalyzerReport(findings=("x",)), "tool: its report holds values of a wrong type"),
        (lambda: AnalyzerReport(examined=(1, 2)), "tool: its report holds values of a wrong type"),
        (
            lambda: AnalyzerReport(declined=tuple((unit, "") for unit in UNITS)),
            "tool: its report holds values of a wrong type",
        ),
        (
            lambda: AnalyzerReport(failed=tuple((unit, "") for unit in UNITS)),
            "tool: its report holds values of a wrong type",
        ),
        (lambda: AnalyzerReport(declined=(1,)), "tool: it crashed with TypeError"),
        (AnalyzerReport, "tool: it did not account for the unit"),
        (
            lambda: AnalyzerReport(examined=(STRANGER,)),
            "tool: it did not account for the unit",
        ),
    ],
)
async def test_whatever_goes_wrong_fails_every_unit_with_a_reason(
    sandbox: Sandbox, answer: Callable[[], Any], reason: str
) -> None:
    """Raise, hang, nothing, a wrong type, silence: never an examined unit, never a crash."""
    report = await ask(sandbox, answer, seconds=0.2)
    assert report.examined == frozenset()
    assert dict(report.failed) == dict.fromkeys(UNITS, reason)


async def test_a_unit_left_out_of_the_report_fails_alone(sandbox: Sandbox) -> None:
    """An analyzer that stops half way is believed for the first half only."""
    report = await ask(sandbox, lambda: AnalyzerReport(examined=UNITS[:1]))
    assert report.examined == {UNITS[0]}
    assert [unit for unit, _ in report.failed] == [UNITS[1]]


async def test_a_unit_both_examined_and_declined_counts_as_declined(sandbox: Sandbox) -> None:
    """A contradiction is read the careful way."""
    both = AnalyzerReport(examined=UNITS, declined=((UNITS[0], "not mine"),))
    report = await ask(sandbox, lambda: both)
    assert report.examined == {UNITS[1]}


async def test_cancellation_goes_through(sandbox: Sandbox) -> None:
    """Cancelling is no failure of the analyzer."""
    task = asyncio.create_task(ask(sandbox, lambda: asyncio.sleep(60), seconds=60))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_s16_what_can_execute_the_change_is_refused_without_isolation(
    sandbox: Sandbox,
) -> None:
    """On the lowest rung its units fail, and it is not even called."""

    class Dangerous(Scripted):
        capabilities = frozenset({AnalyzerCapability.EXECUTES_CHANGE})

    async def read_files(*_: object) -> tuple[()]:
        return ()

    change = Change.from_diff(Diff.parse(TEXT))
    analysis = Analysis(change=change, units=UNITS, read_files=read_files, cache=MemoryCache())
    called: list[bool] = []
    report = await analyze("tool", Dangerous(lambda: called.append(True)), analysis, sandbox, 5)
    assert not called
    assert len(report.failed) == len(UNITS)
    assert "nothing isolates it" in str(report.failure)
