"""Where a finding stands in its file, for the reports that other programs read.

The columns of a review count in the evidence, and that is the code as it may be shown:
secrets are redacted, long lines cut, bytes that are no UTF-8 escaped. A program would look
for the columns in the file itself. So a column is told only where the text before it is
that of the file; where it may not be, the whole line is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codeflow_engine.reports.prose import count
from codeflow_engine.reports.visible import escape, escape_path

__all__ = [
    "REDACTED",
    "Place",
    "first_of",
    "is_exact",
    "is_whole",
    "not_covered_line",
    "note_of",
    "place_of",
    "prose_of",
]

REDACTED = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")
"""What stands in the place of a secret."""

_ESCAPED_BYTE = re.compile(r"\\x[89a-f][0-9a-f]")
_CUT = "\u2026"
_BLANKS = re.compile(r"[\t\r\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Lines of the file after the change; columns count characters, from 1."""

    line: int
    last: int
    """Last line, inclusive."""

    column: int | None = None
    end_column: int | None = None
    """Behind the last character; only of a finding in one line."""

    before: str = ""
    """Text of the line before the column."""

    within: str = ""
    """Text between the two columns."""


def place_of(finding: Mapping[str, Any]) -> Place | None:
    """Find the lines that a finding speaks of in the file after the change.

    None where it speaks of the whole file, or of lines that the change has taken away:
    their numbers would point to other lines of the new file.
    """
    line = finding["line"]
    if line is None or finding["side"] != "new":
        return None
    last = max(line, finding["end_line"] or line)
    text, column, end = _columns(finding["evidence"], line)
    if column is None:
        return Place(line=line, last=last)
    if last > line:
        end = None
    return Place(
        line=line,
        last=last,
        column=column,
        end_column=end,
        before=text[: column - 1],
        within=text[column - 1 : end - 1] if end is not None else "",
    )


def _columns(evidence: Mapping[str, Any] | None, line: int) -> tuple[str, int | None, int | None]:
    """Give the line as it is shown, and those of its columns that hold in the file."""
    nothing = ("", None, None)
    at = line - evidence["start_line"] if evidence is not None else -1
    if evidence is None or not 0 <= at < len(evidence["lines"]):
        return nothing
    text: str = evidence["lines"][at]
    column, end = evidence["column"], evidence["end_column"]
    if column is None or column > len(text) + 1 or text.startswith(_CUT):
        return nothing
    if not is_exact(text[: column - 1]):
        return nothing
    if end is not None and not (column < end <= len(text) + 1 and is_exact(text[: end - 1])):
        end = None
    if end is not None and text.endswith(_CUT) and end > len(text):
        end = None
    return text, column, end


def is_exact(text: str) -> bool:
    """Say whether shown code is surely that of the file: nothing is redacted or escaped."""
    return "[redacted:" not in text and not _ESCAPED_BYTE.search(text)


def is_whole(line: str) -> bool:
    """Say whether a shown line is that of the file, but for secrets, and not a part of it."""
    return is_exact(REDACTED.sub("", line)) and not line.startswith(_CUT) and line[-1:] != _CUT


def note_of(finding: Mapping[str, Any]) -> str:
    """Say in words where a finding stands that has no place in the new file; else nothing."""
    if finding["side"] == "new" or finding["line"] is None:
        return ""
    return f"It speaks of line {finding['line']} as it was before the change."


def prose_of(finding: Mapping[str, Any]) -> str:
    """Give title and message as one text, with nothing hidden in it; never empty."""
    title = " ".join(finding["title"].split())
    message = _visible(finding["message"])
    shown = _visible(title)
    if not message or message == shown:
        message, shown = shown, ""
    if shown and not message.startswith(shown):
        message = f"{shown}\n\n{message}"
    told = [part for part in (message, note_of(finding)) if part]
    return "\n\n".join(told) or escape(finding["rule"]) or "a finding without words"


def not_covered_line(review: Mapping[str, Any], state: str, reason: str, units: int) -> str:
    """Say in one line that a review is not complete, and one reason why."""
    told = escape(" ".join(reason.split()))
    return f"REVIEW NOT COMPLETE ({review['outcome']}): {count(units, 'unit')} {state}, {told}"


def first_of(paths: Mapping[str, int]) -> str:
    """Tell some files by name and the others by number."""
    named = [escape_path(path) for path in list(paths)[:3]]
    rest = len(paths) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def _visible(text: str) -> str:
    rows = (escape(_BLANKS.sub(" ", row)).rstrip() for row in text.split("\n"))
    return "\n".join(rows).strip()
