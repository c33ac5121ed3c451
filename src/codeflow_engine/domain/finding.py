"""Findings: what a source reports, and what the engine makes of it.

A source (an analyzer, a model, an imported report) hands in a `RawFinding`. The engine
resolves it to an anchor in the change, gives it evidence and a fingerprint, and only then
is it a `Finding`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.diff import Side

__all__ = [
    "Category",
    "Evidence",
    "Finding",
    "FindingState",
    "RawFinding",
    "Severity",
    "Suggestion",
]


class Severity(StrEnum):
    """How much harm a finding stands for, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Position from the worst: 0 is critical, 4 is info."""
        return list(Severity).index(self)

    def at_least(self, other: Severity) -> bool:
        """Say whether this is as bad as `other`, or worse."""
        return self.rank <= other.rank


class Category(StrEnum):
    """What kind of harm a finding stands for."""

    SECURITY = "security"
    CORRECTNESS = "correctness"
    RELIABILITY = "reliability"
    PERFORMANCE = "performance"
    MAINTAINABILITY = "maintainability"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    STYLE = "style"


class FindingState(StrEnum):
    """Where a finding stands between versions of a change."""

    NEW = "new"
    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """An edit that would mend a finding: replace some lines of the new side."""

    replacement: str
    """Text that takes the place of the lines, without a final newline; may be empty."""

    start_line: int
    """First line replaced, counted from 1 on the new side."""

    end_line: int
    """Last line replaced, inclusive."""

    verified: bool = False
    """Whether the file was seen to be well-formed with it; False where nobody could say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The code that a finding speaks of, as it may be shown: secrets are redacted."""

    start_line: int
    """Number of the first line in `lines`, on the finding's side."""

    lines: tuple[str, ...]
    """The lines around the finding, without line ends."""

    column: int | None = None
    """First character of the finding in its first line, counted from 1, as shown."""

    end_column: int | None = None
    """Character after the last one, on the finding's first line, as shown."""

    def __post_init__(self) -> None:
        numbers = (self.start_line, self.column, self.end_column)
        if any(number is not None and number < 1 for number in numbers):
            raise ValueError("lines and columns are counted from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFinding:
    """A finding as its source reports it, before the engine has checked anything.

    Either `line` or `quote` says where it is; with neither it speaks of the whole file.
    With both, the quote must stand at the line.
    """

    rule: str
    """Stable name of the check within its source, such as `github-token`."""

    severity: Severity
    category: Category
    title: str
    """One line for a list; without values from the change where these may be secret."""

    message: str
    """What is wrong and what to do about it."""

    path: str
    """Path of a file of the change, as `DiffFile.path` has it."""

    side: Side = Side.NEW
    line: int | None = None
    """First line, counted from 1 on `side`."""

    end_line: int | None = None
    """Last line, inclusive; the first one where absent."""

    column: int | None = None
    """First character in the first line, counted from 1."""

    end_column: int | None = None
    """Character after the last one."""

    quote: str | None = None
    """Text of the change that the finding speaks of, word for word."""

    part: int | None = None
    """Number of the part of a chunk that the quote stands in, from 1, where one was shown."""

    replacement: str | None = None
    """Text for the place of the lines that are quoted, from a source that knows no numbers of
    lines: the engine makes a suggestion of it."""

    suggestion: Suggestion | None = None
    confidence: float = 1.0
    """From 0 (a guess) to 1 (certain)."""

    def __post_init__(self) -> None:
        _check_confidence(self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding whose anchor exists in the change."""

    fingerprint: str
    """Identity of the finding: equal for the same problem in another version."""

    state: FindingState = FindingState.NEW
    path: str
    side: Side = Side.NEW
    line: int | None = None
    """First line, counted from 1 on `side`; None where it speaks of the whole file."""

    end_line: int | None = None
    """Last line, inclusive."""

    severity: Severity
    category: Category
    rule: str
    """Source and check, such as `secrets/github-token`."""

    title: str
    message: str
    evidence: Evidence | None = None
    suggestion: Suggestion | None = None
    confidence: float = 1.0
    sources: tuple[str, ...] = ()
    """Names of all sources that reported it, sorted."""

    def __post_init__(self) -> None:
        _check_confidence(self.confidence)
        if self.line is None and self.end_line is not None:
            raise ValueError(f"{self.path}: a finding with a last line has a first one")
        if self.line is not None and not 1 <= self.line <= (self.end_line or self.line):
            raise ValueError(
                f"{self.path}: no lines from {self.line} to {self.end_line}; they count from 1"
            )

    def to_json(self) -> dict[str, Any]:
        """Give the finding in the form that it has within a review's JSON form."""
        from codeflow_engine.domain.encoding import to_plain

        plain: dict[str, Any] = to_plain(self)
        return plain

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import fragment

        return fragment.finding(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        from codeflow_engine.reports import findings, mime

        makers = {
            "text/plain": lambda: findings.render(self.to_json()),
            "text/html": self._repr_html_,
            "application/json": self.to_json,
        }
        return mime.bundle(makers, include, exclude)


def _check_confidence(confidence: float) -> None:
    # Written so that a NaN, which compares to nothing, is refused too.
    if not 0 <= confidence <= 1:
        raise ValueError(f"a confidence is a number from 0 to 1, not {confidence}")
