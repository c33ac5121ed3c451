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
from codeflow_engine.reports.visible import escape

__all__ = ["folded", "full", "short"]

_LONGEST_RULE = 120
_LONGEST_TITLE = 300
_LONGEST_LINE = 400
_MOST_LINES = 16
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
    title = " ".join(finding["title"].split())
    message = finding["message"].strip()
    parts = [
        [short(finding, encoding)],
        paragraphs(message, encoding) if message != title else [],
        _code(finding, encoding),
        _suggestion(finding, encoding),
        [_provenance(finding, encoding)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def folded(summary: str, rows: list[str]) -> list[str]:
    """Fold rows away behind a summary, which is ours and holds no text of others."""
    return [f"<details><summary>{summary}</summary>", "", *rows, "", "</details>"]


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
    start, lines = evidence["start_line"], evidence["lines"][:_MOST_LINES]
    first = finding["line"] or 0
    last = max(first, finding["end_line"] or first)
    digits = len(str(start + len(lines) - 1))
    rows = []
    for number, line in enumerate(lines, start):
        mark = ">" if first <= number <= last else " "
        shown = code_line(line, _LONGEST_LINE, encoding)
        rows.append(f"{mark} {number:>{digits}} | {shown}".rstrip())
    rest = len(evidence["lines"]) - len(lines)
    rows += [f"  {'':>{digits}} : {_more(rest)}"] if rest else []
    end = start + len(lines) - 1
    where = f"line {start}" if end == start else f"lines {start}-{end}"
    side = "" if finding["side"] == "new" else " before the change"
    return folded(f"Code, {where}{side}", fence(rows, "text"))


def _suggestion(finding: Mapping[str, Any], encoding: str) -> list[str]:
    edit = finding["suggestion"]
    if edit is None:
        return []
    start, end = edit["start_line"], max(edit["start_line"], edit["end_line"])
    new = edit["replacement"].split("\n") if edit["replacement"] else []
    old = _old_lines(finding, start, end)
    rows = []
    for mark, side in (("-", old), ("+", new)):
        rows += [mark + code_line(line, _LONGEST_LINE, encoding) for line in side[:_MOST_LINES]]
        rest = len(side) - _MOST_LINES
        rows += [f"  {_more(rest)}"] if rest > 0 else []
    where = f"line {start}" if start == end else f"lines {start}-{end}"
    told = f"Suggestion: {'replace' if new else 'delete'} {where}"
    return [told, "", *fence(rows, "diff")] if rows else [told]


def _old_lines(finding: Mapping[str, Any], start: int, end: int) -> list[str]:
    evidence = finding["evidence"]
    if evidence is None or finding["side"] != "new":
        return []
    begin, stop = start - evidence["start_line"], end - evidence["start_line"] + 1
    if begin < 0 or stop > len(evidence["lines"]):
        return []
    return list(evidence["lines"][begin:stop])


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
