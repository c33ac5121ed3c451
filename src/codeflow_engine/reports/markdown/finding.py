"""One finding as Markdown: in one line, or with its message, code and suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.inert import (
    code_line,
    code_span,
    cut,
    fence,
    one_line,
    paragraphs,
)
from codeflow_engine.reports.lines import MOST_LINES, edit_of, shown_lines
from codeflow_engine.reports.visible import escape

__all__ = ["comment", "folded", "full", "short"]

_LONGEST_RULE = 120
_LONGEST_TITLE = 300
_LONGEST_LINE = 400
_SHORT = 12
"""Characters of a fingerprint: enough to tell one from the others of a history."""


def short(finding: Mapping[str, Any], encoding: str) -> str:
    """Write severity, rule, place and title in one line."""
    rule = code_span(cut(escape(finding["rule"], encoding), _LONGEST_RULE), encoding)
    head = " ".join(part for part in (f"**{finding['severity'].upper()}**", rule) if part)
    place = _place(finding)
    told = one_line(finding["title"], _LONGEST_TITLE, encoding)
    return f"{head}{', ' if place else ''}{place}{': ' if told else ''}{told}"


def full(finding: Mapping[str, Any], encoding: str) -> str:
    """Write all that is known of a finding."""
    return _told(finding, _code(finding, encoding), encoding)


def comment(finding: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    """Write a finding for a place where its code is shown anyway; ends with a line feed.

    Args:
        finding: What `Finding.to_json` gives.
        encoding: Characters that it does not have are escaped.
    """
    return _told(finding, [], encoding) + "\n"


def folded(summary: str, rows: list[str]) -> list[str]:
    """Fold rows away behind a summary, which is ours and holds no text of others."""
    return [f"<details><summary>{summary}</summary>", "", *rows, "", "</details>"]


def _told(finding: Mapping[str, Any], code: list[str], encoding: str) -> str:
    title = " ".join(finding["title"].split())
    message = finding["message"].strip()
    parts = [
        [short(finding, encoding)],
        paragraphs(message, encoding) if message != title else [],
        code,
        _suggestion(finding, encoding),
        [_provenance(finding, encoding)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _place(finding: Mapping[str, Any]) -> str:
    line, last = finding["line"], finding["end_line"]
    if line is None:
        return "" if finding["side"] == "new" else "before the change"
    told = f"line {line}" if last is None or last <= line else f"lines {line}-{last}"
    return told if finding["side"] == "new" else f"{told} before the change"


def _code(finding: Mapping[str, Any], encoding: str) -> list[str]:
    """Show the code with its numbers: no line of it begins a line of the report."""
    evidence = finding["evidence"]
    if evidence is None or not evidence["lines"]:
        return []
    shown = shown_lines(finding)
    start, end = (evidence["start_line"] + index for index in (shown[0], shown[-1]))
    first = finding["line"] or 0
    last = max(first, finding["end_line"] or first)
    digits = len(str(end))
    rows = [f"  {'':>{digits}} : {_more(shown.start)}"] if shown.start else []
    for number, index in enumerate(shown, start):
        mark = ">" if first <= number <= last else " "
        line = code_line(evidence["lines"][index], _LONGEST_LINE, encoding)
        rows.append(f"{mark} {number:>{digits}} | {line}".rstrip())
    rest = len(evidence["lines"]) - shown.stop
    rows += [f"  {'':>{digits}} : {_more(rest)}"] if rest else []
    where = f"line {start}" if end == start else f"lines {start}-{end}"
    side = "" if finding["side"] == "new" else " before the change"
    return folded(f"Code, {where}{side}", fence(rows, "text"))


def _suggestion(finding: Mapping[str, Any], encoding: str) -> list[str]:
    edit = edit_of(finding)
    if edit is None:
        return []
    rows = []
    for mark, side in (("-", edit.old), ("+", edit.new)):
        rows += [mark + code_line(line, _LONGEST_LINE, encoding) for line in side[:MOST_LINES]]
        rest = len(side) - MOST_LINES
        rows += [f"  {_more(rest)}"] if rest > 0 else []
    told = f"Suggestion: {edit.told}"
    return [told, "", *fence(rows, "diff")] if rows else [told]


def _provenance(finding: Mapping[str, Any], encoding: str) -> str:
    told = finding["category"].capitalize()
    if finding["confidence"] < 1:
        told += f", confidence {finding['confidence']:.2f}"
    sources = [
        code_span(cut(escape(one, encoding), _LONGEST_RULE), encoding) for one in finding["sources"]
    ]
    if any(sources):
        told += f", found by {', '.join(filter(None, sources))}"
    if finding["state"] == "open":
        told += ", known from before"
    mark = code_span(finding["fingerprint"][:_SHORT], encoding)
    return f"{told}; fingerprint {mark}." if mark else f"{told}."


def _more(lines: int) -> str:
    return f"{lines} more {'line' if lines == 1 else 'lines'}"
