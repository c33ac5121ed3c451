"""The analyzer `imported`: what other tools have reported, in SARIF 2.1.0 or reviewdog's RDF.

Any tool joins a review by the file that it writes. Which files are read, the caller of the
review says (`reports`), and the settings (`plugins.imported.reports`); never the change.

| in the report | becomes |
|---|---|
| SARIF `security-severity` from 9, 7, 4, above 0 | critical, high, medium, low; security |
| SARIF level error, warning, note, none | high, medium, low, info |
| SARIF rank from 80, 50, 20, 0, where no level is said | high, medium, low, info |
| RDF ERROR, WARNING, INFO | high, medium, low |
| name of the tool and of its rule | the rule, `imported/<tool>/<rule>` |
| the first fix or suggestion, where one hunk shows its lines | a suggestion |

A result counts where it names a file of the change: relative to the top of the repository,
or absolute and below it (or below one of `roots`). All others are left out, since a report
mostly speaks of a whole repository. So are results that somebody has suppressed, that the
tool calls absent from its baseline, or that say that all is well. A fingerprint in a report
is not looked at: the engine makes its own, which is the same for every source.

A report does not prove what its tool has looked at, so every unit is declined. Where a tool
says that it has failed, or a report cannot be read, the units count as failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Final, override

from codeflow_engine.contracts.analyzer import (
    Analysis,
    Analyzer,
    AnalyzerCapability,
    AnalyzerReport,
)
from codeflow_engine.domain.diff import DiffFile, Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import AnalyzerError, SandboxError
from codeflow_engine.providers.analyzer.imports.placing import (
    column_in,
    path_of,
    region_of,
    suggestion_of,
)
from codeflow_engine.reports.visible import escape
from codeflow_engine.sandbox import Completed, Limits, Sandbox

__all__ = ["ImportedAnalyzer", "ImportedSettings"]

_PROGRAM: Final = "codeflow_engine.providers.analyzer.imports.child"
_TOLD: Final = re.compile(r"[A-Za-z0-9_.\[\], -]{1,200}")
_MIB: Final = 1024 * 1024
_LONGEST_ROW: Final = 256 * 1024
_AT_ONCE: Final = 256
_NO_REPORT: Final = "no report was named"
_NO_PROOF: Final = "an imported report does not say what was examined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSettings:
    """Which reports are read."""

    reports: tuple[str, ...] = ()
    """Files that go with every review, relative to the working directory of the process or
    absolute. Those of one change are named with its review."""

    roots: tuple[str, ...] = ()
    """Directories that absolute paths in a report lie below, beside the repository itself:
    where the tool ran, such as in a container."""

    max_report_bytes: int = 64 * _MIB
    """Largest report."""


_DEFAULT: Final = ImportedSettings()


class ImportedAnalyzer(Analyzer):
    """Takes over what other tools have reported.

    Args:
        settings: Which reports to read beside those of the review. Without any, every unit
            is declined.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {AnalyzerCapability.READS_FILES, AnalyzerCapability.IMPORTS_REPORTS}
    )

    def __init__(self, settings: ImportedSettings = _DEFAULT) -> None:
        self._settings = settings

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        """Read the reports, each in a process of its own.

        Raises:
            AnalyzerError: A report cannot be read, or says that its tool has failed.
        """
        reports = tuple(dict.fromkeys((*self._settings.reports, *analysis.reports)))
        if not reports:
            return AnalyzerReport(declined=tuple((unit, _NO_REPORT) for unit in analysis.units))
        place = await asyncio.to_thread(_Change, analysis, self._settings.roots)
        findings: list[RawFinding] = []
        for report in reports:
            try:
                findings += await self._read(Path(report), place, sandbox)
            except (AnalyzerError, SandboxError) as error:
                name = escape(Path(report).name)
                raise AnalyzerError(f"the report {name!r}: {error.message}") from error
        return AnalyzerReport(
            findings=tuple(sorted(findings, key=_order)),
            declined=tuple((unit, _NO_PROOF) for unit in analysis.units),
        )

    async def _read(self, report: Path, place: _Change, sandbox: Sandbox) -> list[RawFinding]:
        path, size = await asyncio.to_thread(_look_at, report)
        if size > self._settings.max_report_bytes:
            limit = self._settings.max_report_bytes
            raise AnalyzerError(f"it is larger than {limit} bytes")
        limits = Limits(
            timeout=20 + 2 * size / _MIB, memory_bytes=512 * _MIB + 24 * size, processes=4
        )
        done = await sandbox.run_python(_PROGRAM, stdin=path, limits=limits)
        rows = _rows(done)
        findings: list[RawFinding] = []
        for at in range(0, len(rows), _AT_ONCE):
            findings += place.findings(rows[at : at + _AT_ONCE])
            await asyncio.sleep(0)
        return findings


def _look_at(report: Path) -> tuple[Path, int]:
    """Give the absolute path of a report, and its size."""
    try:
        found = report.stat()
    except OSError as error:
        raise AnalyzerError(f"it cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise AnalyzerError("it is no regular file")
    return report.absolute(), found.st_size


def _rows(done: Completed) -> list[bytes]:
    """Hold the process to a whole answer; give the rows of the findings."""
    rows = done.stdout.split(b"\n")
    last = _parse(rows[-2]) if len(rows) > 1 and not rows[-1] and not done.returncode else None
    match last:
        case ["failed", str(why)] if _TOLD.fullmatch(why):
            raise AnalyzerError(why)
        case ["end", int(count)] if count == len(rows) - 2:
            return rows[:-2]
        case _:
            how = done.signal or f"exit status {done.returncode}"
            raise AnalyzerError(f"reading it ended before its end ({how})")


def _parse(row: bytes) -> Any:
    try:
        return json.loads(row) if len(row) <= _LONGEST_ROW else None
    except (ValueError, RecursionError):
        return None


class _Change:
    """The files of a change, by the names that a report may use for them."""

    def __init__(self, analysis: Analysis, roots: Sequence[str]) -> None:
        files = analysis.change.diff.files
        self._files: dict[str, DiffFile] = {}
        for place in dict.fromkeys(unit.file for unit in analysis.units):
            file = files[place]
            if file.new_path is not None:
                self._files.setdefault(file.new_path, file)
        target = analysis.change.target
        own = [target, os.path.realpath(target)] if target.startswith("/") else []
        self._roots = [*own, *(root for root in roots if root.startswith("/"))]

    def findings(self, rows: Sequence[bytes]) -> list[RawFinding]:
        """Make findings of rows; one that is not of this change is left out."""
        found: list[RawFinding] = []
        for data in rows:
            match _parse(data):
                case ["finding", dict(row)]:
                    pass
                case _:
                    raise AnalyzerError("reading it gave a row of an unknown form")
            try:
                finding = self._finding(row)
            except (ValueError, TypeError, LookupError) as error:
                message = f"reading it gave a row of an unknown form ({type(error).__name__})"
                raise AnalyzerError(message) from error
            if finding is not None:
                found.append(finding)
        return found

    def _finding(self, row: Mapping[str, Any]) -> RawFinding | None:
        path = path_of(row, self._files, self._roots)
        if path is None:
            return None
        file, unit = self._files[path], row["columns"]
        line, column, last, end_column = region_of(row["region"])
        shown = None if line is None else file.line_at(Side.NEW, line)
        start = column_in(shown.text, column, unit) if shown else None
        end = column_in(shown.text, end_column, unit) if shown and last == line else None
        return RawFinding(
            rule=escape(row["rule"]),
            severity=Severity(row["severity"]),
            category=Category(row["category"]),
            title=escape(row["title"]),
            message="\n".join(escape(text) for text in row["message"].split("\n")),
            path=path,
            line=line,
            end_line=last,
            column=start,
            end_column=end if start is not None and end is not None and end >= start else None,
            suggestion=suggestion_of(row["edits"], file, unit) if row["edits"] else None,
        )


def _order(finding: RawFinding) -> tuple[str, int, int, str, str]:
    return finding.path, finding.line or 0, finding.column or 0, finding.rule, finding.message
