"""Analyze: ask one analyzer, and hold it to its word about what it examined."""

from __future__ import annotations

import asyncio
from typing import Any

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.errors import AnalyzerError, CodeflowError
from codeflow_engine.sandbox import Isolation, Sandbox

__all__ = ["analyze", "failed_source"]


def failed_source(name: str, units: tuple[Unit, ...], reason: str) -> SourceReport:
    """Say that a source examined nothing of what it was asked, and why."""
    told = f"{name}: {reason}"
    return SourceReport(source=name, failed=tuple((unit, told) for unit in units))


async def analyze(
    name: str, analyzer: Analyzer, analysis: Analysis, sandbox: Sandbox, seconds: float
) -> SourceReport:
    """Ask an analyzer; whatever goes wrong inside it fails its units and nothing else.

    Args:
        name: The name it is known by.
        analyzer: The analyzer.
        analysis: What it has to look at.
        sandbox: Where it may start processes.
        seconds: Time after which it is given up.
    """
    if AnalyzerCapability.EXECUTES_CHANGE in analyzer.capabilities:
        rung = await sandbox.isolation()
        if rung is Isolation.NONE:
            reason = "it can execute code of the change, and nothing isolates it here"
            return failed_source(name, analysis.units, reason)
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            report = await analyzer.analyze(analysis, sandbox)
        return _account(name, analysis.units, report)
    except CodeflowError as error:
        return failed_source(name, analysis.units, error.message)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        if isinstance(error, TimeoutError) and deadline.expired():
            return failed_source(name, analysis.units, f"no answer within {seconds:g} s")
        # The text of a foreign error may quote the change, so its type alone is told.
        return failed_source(name, analysis.units, f"it crashed with {type(error).__name__}")


def _account(name: str, units: tuple[Unit, ...], report: AnalyzerReport) -> SourceReport:
    """Check the form of a report, and find the units that it is silent about."""
    _check(report)
    asked = set(units)
    examined = asked.intersection(report.examined)
    declined = {unit: reason for unit, reason in report.declined if unit in asked}
    silent = [unit for unit in units if unit not in examined and unit not in declined]
    told = f"{name}: it did not account for the unit"
    return SourceReport(
        source=name,
        findings=report.findings,
        examined=frozenset(examined - declined.keys()),
        declined=tuple(declined.items()),
        failed=tuple((unit, told) for unit in silent),
    )


def _check(report: Any) -> None:
    if not isinstance(report, AnalyzerReport):
        raise AnalyzerError(f"it returned a {type(report).__name__} and no report")
    units: list[Any] = [*report.examined, *(unit for unit, _ in report.declined)]
    findings: list[Any] = [*report.findings]
    if not (
        all(isinstance(unit, Unit) for unit in units)
        and all(isinstance(finding, RawFinding) for finding in findings)
        and all(reason for _, reason in report.declined)
    ):
        raise AnalyzerError("its report holds values of a wrong type")
