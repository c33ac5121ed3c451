"""The analyzer `acme-sql`: SQL that Python code puts together from values."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, override

from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerCapability, AnalyzerReport
from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import AnalyzerError, SandboxError
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["SQLAnalyzer", "SQLSettings"]

_PROGRAM = Path(__file__).with_name("sql_scan.py")
_LIMITS = Limits(timeout=30.0, cpu_seconds=30, memory_bytes=1024 * 1024 * 1024)
_LINK = "120000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SQLSettings:
    """The section `[plugins.acme-sql]` of the settings."""

    calls: tuple[str, ...] = ("execute", "executemany", "executescript")
    """Names of functions and methods whose first argument is SQL."""


class SQLAnalyzer(Analyzer):
    """Finds calls that pass SQL with values in it, instead of parameters beside it.

    It examines Python files whole, since a call may begin above the lines that changed, and
    declines all others. A file that it cannot parse has failed: that is not clean.
    """

    capabilities = frozenset({AnalyzerCapability.READS_FILES})

    def __init__(self, settings: SQLSettings | None = None) -> None:
        self._settings = settings or SQLSettings()

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Read the Python files after the change, and scan them in one process.

        Raises:
            AnalyzerError: The process could not be run to its end.
        """
        wanted, declined = _split(analysis)
        contents = await analysis.read_files(tuple(wanted), Side.NEW)
        sources, reasons, others = _decode(contents)
        told = await self._scan(sources, sandbox) if sources else {}
        reasons |= {path: row["error"] for path, row in told.items() if row["error"] is not None}
        examined: list[Unit] = []
        failed: list[tuple[Unit, str]] = []
        for path, units in wanted.items():
            if path in reasons:
                failed += [(unit, reasons[path]) for unit in units]
            elif path in others:
                declined += [(unit, others[path]) for unit in units]
            else:
                examined += units
        findings = [_finding(path, *place) for path, row in told.items() for place in row["places"]]
        return AnalyzerReport(
            findings=tuple(findings),
            examined=tuple(examined),
            declined=tuple(declined),
            failed=tuple(failed),
        )

    async def _scan(self, sources: Mapping[str, str], sandbox: Sandbox) -> dict[str, Any]:
        request = json.dumps({"calls": self._settings.calls, "sources": sources})
        try:
            # By its path and not by its name: so it runs from an editable installation too.
            done = await sandbox.run(
                [sys.executable, "-I", _PROGRAM],
                stdin=request.encode(),
                limits=_LIMITS,
                readable=[_PROGRAM],
                check=True,
            )
            told: dict[str, Any] = json.loads(done.stdout)
        except (SandboxError, ValueError) as error:
            raise AnalyzerError(f"the scan for SQL did not end well: {error}") from error
        return told


def _split(analysis: Analysis) -> tuple[dict[str, list[Unit]], list[tuple[Unit, str]]]:
    """Group the units to examine by file, and give the others with the reason."""
    wanted: dict[str, list[Unit]] = {}
    declined: list[tuple[Unit, str]] = []
    files = analysis.change.diff.files
    for unit in analysis.units:
        file = files[unit.file]
        if file.new_path is None:
            declined.append((unit, "the file is gone"))
        elif not file.new_path.endswith((".py", ".pyi")):
            declined.append((unit, "not Python"))
        elif file.is_submodule:
            declined.append((unit, "a submodule"))
        else:
            wanted.setdefault(file.new_path, []).append(unit)
    return wanted, declined


def _decode(
    contents: tuple[FileContent, ...],
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Give the texts, the reasons why a file has none, and the files that are something else."""
    sources: dict[str, str] = {}
    failed: dict[str, str] = {}
    others: dict[str, str] = {}
    for file in contents:
        if file.content is None:
            # Around a bare patch there are no files: that is nobody's failure.
            told = failed if file.exists else others
            told[file.path] = file.reason or "it cannot be read"
        elif file.mode == _LINK:
            others[file.path] = "a link"
        else:
            try:
                sources[file.path] = file.content.decode("utf-8-sig")
            except UnicodeDecodeError:
                failed[file.path] = "it is not UTF-8"
    return sources, failed, others


def _finding(path: str, line: int, end_line: int, how: str) -> RawFinding:
    return RawFinding(
        rule="built-sql",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        title="SQL is put together from values",
        message=f"The statement is built with {how}, so a value can become a part of it. "
        "Pass values as parameters beside the statement.",
        path=path,
        line=line,
        end_line=end_line,
        confidence=0.8,
    )
