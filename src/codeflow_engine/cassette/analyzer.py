"""Analyzers on a tape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, override

from codeflow_engine.cassette.entry import Call, digest_of
from codeflow_engine.cassette.originals import Originals
from codeflow_engine.cassette.paths import portable
from codeflow_engine.cassette.placing import placed
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.errors import AnalyzerError, CodeflowError
from codeflow_engine.pace.clock import Clock
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.reports.prose import count
from codeflow_engine.review.analyze import check, crashed_with, too_late
from codeflow_engine.sandbox import Sandbox

__all__ = ["TapedAnalyzer"]

_NEARLY: Final = 0.95
"""Part of its time after which a cancelled analyzer was late: two clocks differ a little."""


class TapedAnalyzer(Analyzer):
    """Stands in front of an analyzer, or in its place.

    Args:
        name: Of the analyzer.
        capabilities: What it needs.
        tape: What goes through.
        originals: Changes as their host gave them, which the analyzer sees.
        clock: Counts the seconds.
        seconds: Time after which a review gives it up.
        analyzer: Gives it; called while recording alone.
    """

    def __init__(
        self,
        name: str,
        capabilities: frozenset[StrEnum],
        *,
        tape: Tape,
        originals: Originals,
        clock: Clock,
        seconds: float,
        analyzer: Callable[[], Analyzer],
    ) -> None:
        self.capabilities = capabilities  # type: ignore[misc] # as the analyzer has them
        self._name = name
        self._tape = tape
        self._originals = originals
        self._clock = clock
        self._seconds = seconds
        self._analyzer = analyzer

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        began = self._clock.monotonic()
        digest = await asyncio.to_thread(self._originals.digest, analysis.change)
        call = self._call(analysis, digest)
        failed: list[BaseException] = []

        async def live() -> AnalyzerReport:
            try:
                report = await self._analyzer().analyze(self._whole(analysis, digest), sandbox)
                check(report)
            except CodeflowError:
                raise
            except BaseException as error:
                late = self._clock.monotonic() - began >= _NEARLY * self._seconds
                if not is_foreign(error) and not (late and _is_cancelled(error)):
                    raise
                # The review tells only so much of what went wrong inside of an analyzer.
                failed.append(error)
                told = too_late(self._seconds) if late else crashed_with(error)
                raise AnalyzerError(told) from error
            return await asyncio.to_thread(self._placed, report, digest, analysis.change)

        try:
            report: AnalyzerReport = await self._tape.ask(call, AnalyzerReport, live)
        except AnalyzerError:
            if failed:
                raise failed[0] from None
            raise
        return report

    def _call(self, analysis: Analysis, digest: str) -> Call:
        reports = [portable(path, self._tape.directory) for path in analysis.reports]
        units = [[unit.file, unit.hunk] for unit in analysis.units]
        asked = {"change": digest, "units": digest_of(units), "reports": to_plain(reports)}
        return Call(
            kind="analyzer",
            name=self._name,
            method="analyze",
            about=count(len(units), "unit"),
            asked=self._tape.redactor.scrub(asked),
        )

    def _whole(self, analysis: Analysis, digest: str) -> Analysis:
        """Give the analyzer what the host gave: it may look for secrets."""

        async def read(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
            files = await analysis.read_files(paths, side)
            return self._originals.files(digest, side, files)

        change = self._originals.change(digest, analysis.change)
        return replace(analysis, change=change, read_files=read)

    def _placed(self, report: AnalyzerReport, digest: str, seen: Change) -> AnalyzerReport:
        """Turn what was found in the original into what is found in what the run sees."""
        findings = []
        for finding in report.findings:
            shown, original = self._originals.rows(digest, seen, finding)
            findings.append(
                placed(finding, shown=shown, original=original, redactor=self._tape.redactor)
            )
        return replace(report, findings=tuple(findings))


def _is_cancelled(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError)
