"""One finding as Markdown: in one line, or with its message, code and suggestion."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
from codeflow_engine.reports.visible import escape, escape_path

__all__ = ["article", "comment", "folded", "full", "short", "sources_of", "title"]

_LONGEST_RULE = 120
_LONGEST_TITLE = 300
_LONGEST_LINE = 400
_SHORT = 12
"""Characters of a fingerprint: enough to tell one from the others of a history."""

_LEAST_MESSAGE = 16
_LONGEST_HEADING = 250
"""Characters of the title of an issue; GitHub takes 256."""

_EDIT = re.compile(r"^`{3,}suggestion\b", re.MULTILINE)
_FOUND_BY = ", found by "
_KNOWN = ", known from before"
_IDENTITY = "; fingerprint `"


def short(finding: Mapping[str, Any], encoding: str) -> str:
    """Write severity, rule, place and title in one line."""
    rule = code_span(cut(escape(finding["rule"], encoding), _LONGEST_RULE), encoding)
    head = " ".join(part for part in (f"**{finding['severity'].upper()}**", rule) if part)
    place = _place(finding)
    told = one_line(finding["title"], _LONGEST_TITLE, encoding)
    return f"{head}{', ' if place else ''}{place}{': ' if told else ''}{told}"


def full(finding: Mapping[str, Any], encoding: str) -> str:
    """Write all that is known of a finding."""
    return _told(finding, _code(finding, encoding), _suggestion(finding, encoding), encoding)


def comment(
    finding: Mapping[str, Any],
    *,
    limit: int | None = None,
    with_edit: bool = True,
    encoding: str = "utf-8",
) -> str:
    """Write a finding for a place where its code is shown anyway; ends with a line feed.

    Args:
        finding: What `Finding.to_json` gives.
        limit: Most characters; where the message takes more, its end is cut off.
        with_edit: Whether its suggestion is written out; else whoever posts it adds that.
        encoding: Characters that it does not have are escaped.
    """

    def write(cut_down: Mapping[str, Any]) -> str:
        edit = _suggestion(cut_down, encoding) if with_edit else _doubt(cut_down)
        return _told(cut_down, [], edit, encoding) + "\n"

    return _within(limit, finding, write)


def article(
    finding: Mapping[str, Any],
    *,
    found_in: str,
    limit: int | None = None,
    encoding: str = "utf-8",
) -> str:
    """Write a finding for a place of its own, such as an issue; ends with a line feed.

    Args:
        finding: What `Finding.to_json` gives.
        found_in: The change and its revision.
        limit: As for `comment`.
        encoding: As for `comment`.
    """
    path = code_span(cut(escape_path(finding["path"], encoding), _LONGEST_LINE), encoding)
    where = f"{path or '(no name)'}, found in {code_span(found_in, encoding)}"
    return _within(limit, finding, lambda one: f"{where}\n\n{full(one, encoding)}\n")


def title(finding: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    """Write severity and title in one line of at most 250 characters."""
    most = _LONGEST_HEADING
    while True:
        told = one_line(finding["title"], most, encoding) or "a finding without a title"
        line = f"{finding['severity'].capitalize()}: {told}"
        if len(line) <= _LONGEST_HEADING:
            return line
        most = most * 3 // 4  # what makes a text inert takes characters, too


def sources_of(text: str) -> tuple[str, ...]:
    """Read who had reported a finding from what `comment` wrote of it; empty where nobody did.

    Only for a text that the engine itself has posted: it believes what it is given. The last
    line counts that can be meant, above the block of a suggestion: all else is others' text.
    """
    rows = [row for row in _EDIT.split(text, maxsplit=1)[0].splitlines() if _IDENTITY in row]
    told, _, _ = (rows[-1] if rows else "").rpartition(_IDENTITY)
    _, is_told, names = told.rpartition(_FOUND_BY)
    if not is_told:
        return ()
    return tuple(one.strip("` ") for one in names.removesuffix(_KNOWN).split(", "))


def folded(summary: str, rows: list[str]) -> list[str]:
    """Fold rows away behind a summary, which is ours and holds no text of others."""
    return [f"<details><summary>{summary}</summary>", "", *rows, "", "</details>"]


def _within(
    limit: int | None, finding: Mapping[str, Any], write: Callable[[Mapping[str, Any]], str]
) -> str:
    """Write a finding with as much of its message as there is room for."""
    text = write(finding)
    most = len(finding["message"])
    while limit is not None and len(text) > limit and most > _LEAST_MESSAGE:
        most //= 2
        text = write({**finding, "message": cut(finding["message"], most)})
    return text


def _told(finding: Mapping[str, Any], code: list[str], edit: list[str], encoding: str) -> str:
    heading = " ".join(finding["title"].split())
    message = finding["message"].strip()
    parts = [
        [short(finding, encoding)],
        paragraphs(message, encoding) if message != heading else [],
        code,
        edit,
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


def _doubt(finding: Mapping[str, Any]) -> list[str]:
    edit = edit_of(finding)
    return [] if edit is None or edit.checked else ["The suggestion is not checked."]


def _provenance(finding: Mapping[str, Any], encoding: str) -> str:
    told = finding["category"].capitalize()
    if finding["confidence"] < 1:
        told += f", confidence {finding['confidence']:.2f}"
    sources = [
        code_span(cut(escape(one, encoding), _LONGEST_RULE), encoding) for one in finding["sources"]
    ]
    if any(sources):
        told += f"{_FOUND_BY}{', '.join(filter(None, sources))}"
    if finding["state"] == "open":
        told += _KNOWN
    mark = code_span(finding["fingerprint"][:_SHORT], encoding)
    return f"{told}; fingerprint {mark}." if mark else f"{told}."


def _more(lines: int) -> str:
    return f"{lines} more {'line' if lines == 1 else 'lines'}"
