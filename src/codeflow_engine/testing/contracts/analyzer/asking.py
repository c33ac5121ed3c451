"""Ways to ask an analyzer, and to compare what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.errors import CodeflowError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import raised
from codeflow_engine.testing.examples import Example

__all__ = ["Expected", "Unreadable", "account", "ask", "silenced", "substance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A finding that an analyzer has to report."""

    example: Example
    """One of the kit's, or one of the author's own."""

    path: str
    rule: str
    line: int | None = None
    """Its first line; None for one that speaks of the whole file."""


async def ask(
    analyzer: Analyzer, analysis: Analysis, sandbox: Sandbox, *, may_crash: bool = False
) -> AnalyzerReport:
    """Ask an analyzer; an error that says why it could not work fails every unit.

    Args:
        analyzer: The analyzer.
        analysis: What it is asked.
        sandbox: Where it may start processes.
        may_crash: Whether any other error is an answer too: something is in its way, and
            what that raised may come out as it is.
    """
    reports: list[AnalyzerReport] = []

    async def call() -> None:
        reports.append(await analyzer.analyze(analysis, sandbox))

    error = await raised(call())
    if error is None:
        (report,) = reports
        assert isinstance(report, AnalyzerReport), f"it returned a {type(report).__name__}"
        return report
    if not (may_crash or isinstance(error, CodeflowError)):
        pytest.fail(
            f"on the change {analysis.change.target!r} it crashed with {tell(error)}; what it "
            "cannot examine it reports as failed, or raises an AnalyzerError"
        )
    return AnalyzerReport(failed=tuple((unit, tell(error)) for unit in analysis.units))


def account(report: AnalyzerReport) -> dict[Unit, str]:
    """Say of each unit in a report what became of it, by the rules of the engine."""
    return {
        **dict.fromkeys(report.examined, "examined"),
        **{unit: f"declined: {reason}" for unit, reason in report.declined},
        **{unit: f"failed: {reason}" for unit, reason in report.failed},
    }


def substance(report: AnalyzerReport) -> tuple[Counter[str], dict[Unit, str]]:
    """Give what two reports have to have in common; the order is no part of it."""
    return Counter(map(repr, report.findings)), account(report)


def silenced(diff: Diff, whole: AnalyzerReport, broken: AnalyzerReport) -> list[str]:
    """List the findings that a report lacks on files that it calls examined.

    Args:
        diff: Of the change.
        whole: What the analyzer says where nothing is in its way.
        broken: What it says where something is.
    """
    files = diff.files
    examined = {unit for unit, fate in account(broken).items() if fate == "examined"}
    paths = {files[unit.file].path for unit in examined}
    there = set(map(repr, broken.findings))
    return [
        f"{finding.rule} in {finding.path}"
        for finding in whole.findings
        if finding.path in paths and repr(finding) not in there
    ]


class Unreadable:
    """Reads files, and gives the content of none.

    Args:
        reason: Why a file has no content.
        error: What is raised instead of an answer.
    """

    def __init__(self, reason: str = "", *, error: BaseException | None = None) -> None:
        self._reason = reason
        self._error = error
        self.asked: set[str] = set()
        """Paths on the new side that were asked for."""

    async def __call__(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        """Answer as `Analysis.read_files` does."""
        if side is Side.NEW:
            self.asked.update(paths)
        if self._error is not None:
            raise self._error
        return tuple(FileContent(path=path, reason=self._reason) for path in paths)
