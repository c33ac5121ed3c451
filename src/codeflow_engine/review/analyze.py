"""Analyze: ask one analyzer, and hold it to its word about what it examined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.source import SourceReport, unaccounted
from codeflow_engine.errors import AnalyzerError, CassetteError, CodeflowError
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.sandbox import Isolation, Sandbox

__all__ = ["analyze", "check", "crashed_with", "failed_source", "too_late"]


def too_late(seconds: float) -> str:
    """Say of an analyzer that its time was over."""
    return f"no answer within {seconds:g} s"


def crashed_with(error: BaseException) -> str:
    """Say of an analyzer that it broke; a foreign text may quote the change, and is left out."""
    return f"it crashed with {type(error).__name__}"


def failed_source(name: str, units: tuple[Unit, ...], reason: str) -> SourceReport:
    """Say that a source examined nothing of what it was asked, and why."""
    told = f"{name}: {reason}"
    return SourceReport(source=name, failed=tuple((unit, told) for unit in units))


async def analyze(
    name: str,
    analyzer: Analyzer,
    analysis: Analysis,
    sandbox: Sandbox,
    seconds: float,
    *,
    crashed: Callable[[BaseException], None] | None = None,
) -> SourceReport:
    """Ask an analyzer; whatever goes wrong inside it fails its units and nothing else.

    Args:
        name: The name it is known by.
        analyzer: The analyzer.
        analysis: What it has to look at.
        sandbox: Where it may start processes.
        seconds: Time after which it is given up.
        crashed: Is told of an exception that no contract knows.

    Raises:
        CassetteError: A replay does not know what the analyzer said.
    """
    deadline = asyncio.timeout(seconds)
    try:
        capabilities = analyzer.capabilities
        if AnalyzerCapability.EXECUTES_CHANGE in capabilities:
            rung = await sandbox.isolation()
            if rung is Isolation.NONE:
                reason = "it can execute code of the change, and nothing isolates it here"
                return failed_source(name, analysis.units, reason)
        async with deadline:
            report = await analyzer.analyze(analysis, sandbox)
        # Off the loop: looking through the report of a large change takes 100 ms and more.
        said = await asyncio.to_thread(_account, name, analysis.units, report)
        return replace(said, reads_files=AnalyzerCapability.READS_FILES in capabilities)
    except CassetteError:
        raise
    except CodeflowError as error:
        return failed_source(name, analysis.units, error.message)
    except BaseException as error:
        if not is_foreign(error):
            raise
        if isinstance(error, TimeoutError) and deadline.expired():
            return failed_source(name, analysis.units, too_late(seconds))
        if crashed is not None:
            crashed(error)
        return failed_source(name, analysis.units, crashed_with(error))


def _account(name: str, units: tuple[Unit, ...], report: AnalyzerReport) -> SourceReport:
    """Check the form of a report, and find the units that it is silent about."""
    check(report)
    asked = set(units)
    failed = {unit: f"{name}: {reason}" for unit, reason in report.failed if unit in asked}
    declined = {unit: reason for unit, reason in report.declined if unit in asked}
    examined = asked.intersection(report.examined).difference(declined, failed)
    silent = asked.difference(examined, declined, failed)
    failed |= {unit: unaccounted(name) for unit in units if unit in silent}
    return SourceReport(
        source=name,
        findings=report.findings,
        reported=len(report.findings),
        examined=frozenset(examined),
        declined=tuple(declined.items()),
        failed=tuple(failed.items()),
    )


def check(report: object) -> None:
    """See that a report has the form of one.

    Raises:
        AnalyzerError: It has not.
    """
    if not isinstance(report, AnalyzerReport):
        raise AnalyzerError(f"it returned a {type(report).__name__} and no report")
    reasons = [reason for _, reason in (*report.declined, *report.failed)]
    if not is_sound(report) or not all(reason.strip() for reason in reasons):
        raise AnalyzerError("its report holds values of a wrong type")
