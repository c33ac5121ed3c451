"""The code of a finding, with its line numbers and a mark under its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.reports.cells import CodeLine, lay_out, wrap
from codeflow_engine.reports.lines import MOST_LINES, edit_of, shown_lines
from codeflow_engine.reports.style import Color, Style

__all__ = ["excerpt", "suggestion"]


class _Listing:
    """Lines of code behind a column of line numbers."""

    def __init__(self, style: Style, *, indent: str, last: int) -> None:
        self.rows: list[str] = []
        self._style = style
        self._indent = indent
        self._digits = len(str(last))

    def code(
        self, number: int, line: str, *, mark: str = " ", color: Color | None = None, focus: int = 0
    ) -> CodeLine:
        """Add a line of code, cut around the character at index `focus`."""
        head = f"{self._indent}{mark} {number:>{self._digits}} | "
        room = self._style.code_room(len(head))
        laid = lay_out(line, room, focus=focus, encoding=self._style.encoding)
        text = laid.text.rstrip()
        head = self._style.paint(head if text else head.rstrip(), color or Color.FAINT)
        self.rows.append(head + self._style.paint(text, color))
        return laid

    def underline(self, start: int, stop: int) -> None:
        """Mark the cells of the line above, at least one."""
        gutter = self._style.paint(f"{self._indent}  {'':>{self._digits}} | ", Color.FAINT)
        carets = self._style.paint("^" * max(1, stop - start), Color.BOLD_RED)
        self.rows.append(gutter + " " * start + carets)

    def left_out(self, lines: int) -> None:
        """Say how many lines are not shown."""
        if lines > 0:
            said = f"{self._indent}  {'':>{self._digits}} : {lines} more {_lines(lines)}"
            self.rows.append(self._style.paint(said, Color.FAINT))


def excerpt(finding: Mapping[str, Any], style: Style, indent: str) -> list[str]:
    """Show the code around a finding; no lines where it has no evidence."""
    evidence = finding["evidence"]
    if evidence is None or not evidence["lines"]:
        return []
    start, lines = evidence["start_line"], evidence["lines"]
    first = finding["line"] or 0
    last = max(first, finding["end_line"] or first)
    shown = shown_lines(finding)
    listing = _Listing(style, indent=indent, last=start + shown[-1])
    listing.left_out(shown.start)
    for index in shown:
        number = start + index
        mark = ">" if first <= number <= last else " "
        column = evidence["column"] if number == first else None
        if column is None:
            listing.code(number, lines[index], mark=mark)
            continue
        laid = listing.code(number, lines[index], mark=mark, focus=column - 1)
        end = evidence["end_column"] or column + 1
        listing.underline(laid.cell(column - 1), laid.cell(end - 1))
    listing.left_out(len(lines) - shown.stop)
    return listing.rows


def suggestion(finding: Mapping[str, Any], style: Style, indent: str) -> list[str]:
    """Show a suggestion as a small diff; the old lines where the evidence has them."""
    edit = edit_of(finding)
    if edit is None:
        return []
    listing = _Listing(style, indent=indent, last=max(edit.end, edit.start + len(edit.new) - 1))
    for mark, side, color in (("-", edit.old, Color.RED), ("+", edit.new, Color.GREEN)):
        for number, line in enumerate(side[:MOST_LINES], edit.start):
            listing.code(number, line, mark=mark, color=color)
        listing.left_out(len(side) - MOST_LINES)
    told = wrap(f"suggestion: {edit.told}", style.room(len(indent)), style.encoding)
    return [*(indent + row for row in told), *listing.rows]


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"
