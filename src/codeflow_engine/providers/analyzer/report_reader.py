"""Reads the answer of a scan's process, and believes nothing in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, NoReturn

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.domain.diff import DiffFile, Side, Unit
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.providers.analyzer.scanning.wire import SUGGESTED

__all__ = ["ReportReader"]

_ROW_LIMIT: Final = 64 * 1024
"""Longest row in bytes: a finding is a few sentences."""

_RULE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_TOLD: Final = re.compile(r"[A-Za-z0-9_.:<>?' -]{1,200}")
"""What is passed on of a failure: names and sentences of code, never a quotation."""


class ReportReader:
    """Builds the report from rows; a row that cannot be true is an error.

    Raises from every method:
        AnalyzerError: The answer is malformed, cut off, or tells of a failure. The message
            says where, and quotes nothing.
    """

    def __init__(self, scan: str, analysis: Analysis) -> None:
        self._scan = scan
        self._units = analysis.units
        self._files = analysis.change.diff.files
        self._file: tuple[int, DiffFile] | None = None
        self._rows = 0
        self._ended = False
        self._seen = 0
        self._findings: list[RawFinding] = []
        self._examined: list[Unit] = []
        self._declined: list[tuple[Unit, str]] = []

    def feed(self, line: bytes) -> None:
        """Take the next row."""
        if self._ended:
            self._fail("goes on behind its end")
        self._rows += 1
        if len(line) > _ROW_LIMIT:
            self._fail(f"holds a row of {len(line)} bytes; the limit is {_ROW_LIMIT}")
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            self._fail("holds a row that is no JSON")
        match row:
            case ["finding", int(at), bool(old), dict(given)]:
                self._find(self._unit(at), given, old=old)
            case ["examined", int(first), int(stop)]:
                self._examined.extend(self._take(first, stop))
            case ["declined", int(first), int(stop), str(reason)] if reason:
                self._declined.extend((unit, reason) for unit in self._take(first, stop))
            case ["end", int(rows)] if rows == self._rows - 1:
                self._ended = True
            case ["failed", str(what), str(where)] if all(map(_TOLD.fullmatch, (what, where))):
                raise AnalyzerError(f"the scan {self._scan} failed: {what} (at {where})")
            case _:
                self._fail("holds a row of an unknown form")

    def finish(self, *, whole: bool, status: str) -> AnalyzerReport:
        """Give the report of a process that ended.

        Args:
            whole: Whether the output ended with a row.
            status: How the process ended, for the message.
        """
        if not self._ended or not whole or status != "exit status 0":
            raise AnalyzerError(
                f"the scan {self._scan} ended before its answer was complete ({status})"
            )
        return AnalyzerReport(
            findings=tuple(self._findings),
            examined=tuple(self._examined),
            declined=tuple(self._declined),
        )

    def _fail(self, what: str) -> NoReturn:
        raise AnalyzerError(f"the answer of the scan {self._scan} {what} (row {self._rows})")

    def _unit(self, at: int) -> Unit:
        if not self._seen <= at < len(self._units):
            self._fail("names a unit out of turn, or one that it was not given")
        return self._units[at]

    def _take(self, first: int, stop: int) -> tuple[Unit, ...]:
        """Give units that are accounted for now, and for the first time."""
        if not self._seen <= first < stop <= len(self._units):
            self._fail("names units out of turn, or some that it was not given")
        self._seen = stop
        return self._units[first:stop]

    def _find(self, unit: Unit, given: Mapping[str, Any], *, old: bool) -> None:
        wrong = [name for name, value in given.items() if not _FIELDS.get(name, _never)(value)]
        missing = _REQUIRED - given.keys()
        if wrong or missing:
            known = sorted(missing | (set(wrong) & _FIELDS.keys())) or ["an unknown one"]
            self._fail(f"holds a finding with wrong fields: {', '.join(known)}")
        if self._file is None or self._file[0] != unit.file:
            self._file = unit.file, self._files[unit.file]
        file = self._file[1]
        path = file.old_path if old else file.path
        finding = RawFinding(path=path or file.path, **{**given, **_values(given)})
        last = finding.end_line if finding.end_line is not None else finding.line
        if (finding.line or 0) > (last or 0) or (finding.column or 0) > (
            finding.end_column or finding.column or 0
        ):
            self._fail("holds a finding that ends before it begins")
        self._findings.append(finding)


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Make the values of a finding that JSON has no form for."""
    kinds: dict[str, Callable[[Any], Any]] = {
        "severity": Severity,
        "category": Category,
        "side": Side,
        "suggestion": lambda row: Suggestion(**row),
    }
    return {name: kind(given[name]) for name, kind in kinds.items() if name in given}


def _never(_: Any) -> bool:
    return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 1  # `True` is an int, too


def _one_of(kind: type[StrEnum]) -> Callable[[Any], bool]:
    names = {member.value for member in kind}
    return lambda value: isinstance(value, str) and value in names


def _is_suggestion(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {*SUGGESTED}
        and isinstance(value["replacement"], str)
        and _is_number(value["start_line"])
        and _is_number(value["end_line"])
        and value["start_line"] <= value["end_line"]
    )


_FIELDS: Final[dict[str, Callable[[Any], bool]]] = {
    "rule": lambda value: isinstance(value, str) and _RULE.fullmatch(value) is not None,
    "severity": _one_of(Severity),
    "category": _one_of(Category),
    "title": _is_text,
    "message": _is_text,
    "side": _one_of(Side),
    "line": _is_number,
    "end_line": _is_number,
    "column": _is_number,
    "end_column": _is_number,
    "quote": _is_text,
    "suggestion": _is_suggestion,
    "confidence": lambda value: type(value) in {int, float} and 0 <= value <= 1,
}
_REQUIRED: Final = frozenset({"rule", "severity", "category", "title", "message"})
