"""An analyzer that finds what it is told to."""

from __future__ import annotations

from collections.abc import Callable

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.sandbox import Sandbox

__all__ = ["FakeAnalyzer"]

_BARE = "a bare patch has no files around it"


class FakeAnalyzer(Analyzer):
    """Examines every unit, and finds what it was given for the files that it is asked about.

    A subclass may declare `READS_FILES`: it then reads each file that is there after the
    change, and what cannot be read fails.

    Args:
        findings: What it finds, each on a file of its path.
        answer: What it says instead: a report, a function that makes one of an analysis,
            or an error to raise.
    """

    def __init__(
        self,
        *findings: RawFinding,
        answer: AnalyzerReport | Callable[[Analysis], AnalyzerReport] | BaseException | None = None,
    ) -> None:
        self._findings = findings
        self._answer = answer
        self.asked: list[Analysis] = []
        """What it was asked so far, in the order in which it came."""

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:  # noqa: ARG002 - it starts nothing
        """Give the report that it was told to."""
        self.asked.append(analysis)
        if isinstance(self._answer, BaseException):
            raise self._answer
        if isinstance(self._answer, AnalyzerReport):
            return self._answer
        if self._answer is not None:
            return self._answer(analysis)
        declined, failed = await self._unread(analysis)
        left = {*dict(declined), *dict(failed)}
        examined = tuple(unit for unit in analysis.units if unit not in left)
        files = analysis.change.diff.files
        paths = {files[unit.file].path for unit in examined}
        return AnalyzerReport(
            findings=tuple(finding for finding in self._findings if finding.path in paths),
            examined=examined,
            declined=declined,
            failed=failed,
        )

    async def _unread(
        self, analysis: Analysis
    ) -> tuple[tuple[tuple[Unit, str], ...], tuple[tuple[Unit, str], ...]]:
        """Give the units that it declines, and those that fail, because of their files."""
        if AnalyzerCapability.READS_FILES not in self.capabilities:
            return (), ()
        if analysis.change.provider is None:
            return tuple((unit, _BARE) for unit in analysis.units), ()
        files = analysis.change.diff.files
        paths = {unit: files[unit.file].new_path for unit in analysis.units}
        wanted = [path for path in dict.fromkeys(paths.values()) if path is not None]
        read = await analysis.read_files(wanted, Side.NEW) if wanted else ()
        reasons = {file.path: file.reason or "" for file in read if file.content is None}
        return (
            tuple((unit, "the change deletes it") for unit, path in paths.items() if path is None),
            tuple((unit, reasons[path]) for unit, path in paths.items() if path in reasons),
        )
