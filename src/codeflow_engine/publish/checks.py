"""The check: whether a change may pass, and the lines that it marks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Finding, Severity
from codeflow_engine.domain.publishing import Conclusion
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.places import has_place
from codeflow_engine.reports.inert import cut
from codeflow_engine.reports.visible import escape

__all__ = ["conclude", "marks"]

_LONGEST_TITLE: Final = 255
_LONGEST_MESSAGE: Final = 64_000
"""Bytes. GitHub takes 64 KB, and does not say which kind."""

_ELLIPSIS: Final = "..."
_LEVELS: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.CRITICAL: "failure",
        Severity.HIGH: "failure",
        Severity.MEDIUM: "warning",
        Severity.LOW: "warning",
        Severity.INFO: "notice",
    }
)


def conclude(review: Review, *, fail_at: Severity | None = Severity.HIGH) -> Conclusion:
    """Say what a check tells: a review that is not complete never lets a change pass.

    One that found anything is no success, nor is one in which nobody examined a unit, as
    where policy leaves out all of them.
    """
    worst = review.worst()
    bad = worst is not None and fail_at is not None and worst.at_least(fail_at)
    if bad or review.outcome is Outcome.FAILED:
        return Conclusion.FAILURE
    entries = review.coverage.entries
    examined = not entries or any(entry.by for entry in entries)
    if review.outcome is not Outcome.REVIEWED:
        return Conclusion.ACTION_REQUIRED
    return Conclusion.SUCCESS if examined and worst is None else Conclusion.NEUTRAL


def marks(review: Review) -> list[dict[str, Any]]:
    """Mark the lines of all findings that stand in the files as the change leaves them.

    A host shows them as they are, as no Markdown; hidden characters are escaped.
    """
    return [
        _annotation(finding)
        for finding in review.findings
        if has_place(finding) and finding.side is Side.NEW
    ]


def _annotation(finding: Finding) -> dict[str, Any]:
    plain = finding.to_json()
    title = " ".join(plain["title"].split()) or plain["rule"] or finding.severity.value
    rows = (plain["message"].strip() or title).splitlines()
    message = "\n".join(escape(row) for row in rows)
    return {
        "path": finding.path,
        "start_line": finding.line,
        "end_line": finding.end_line or finding.line,
        "level": _LEVELS[finding.severity],
        "title": cut(escape(title), _LONGEST_TITLE),
        "message": _cut_bytes(message),
    }


def _cut_bytes(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= _LONGEST_MESSAGE:
        return text
    room = _LONGEST_MESSAGE - len(_ELLIPSIS)
    return encoded[:room].decode(errors="ignore") + _ELLIPSIS
