"""Which lines of code a report shows of a finding, and what a suggestion does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST_LINES", "Edit", "edit_of", "shown_lines"]

MOST_LINES = 16
"""Lines of code shown for one finding, and on each side of a suggestion."""

_LINES_BEFORE = 4
"""Of these, the lines before the finding where not all can be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A suggestion as lines that go and lines that come."""

    start: int
    """Number of the first line that it replaces."""

    end: int
    """Number of the last one, inclusive."""

    old: Sequence[str]
    """The lines that it replaces; none where the evidence does not have them all."""

    new: Sequence[str]
    checked: bool
    """Whether the file was seen to be well-formed with it."""

    @property
    def told(self) -> str:
        """Say what it does: `replace line 3`, `delete lines 3-5 (not checked)`."""
        where = f"line {self.start}" if self.start == self.end else f"lines {self.start}-{self.end}"
        doubt = "" if self.checked else " (not checked)"
        return f"{'replace' if self.new else 'delete'} {where}{doubt}"


def shown_lines(finding: Mapping[str, Any]) -> range:
    """Choose the lines of the evidence that are shown, by index; the finding is among them."""
    evidence = finding["evidence"]
    if evidence is None:
        return range(0)
    lines = len(evidence["lines"])
    before = (finding["line"] or 0) - evidence["start_line"] - _LINES_BEFORE
    begin = min(max(before, 0), max(lines - MOST_LINES, 0))
    return range(begin, min(lines, begin + MOST_LINES))


def edit_of(finding: Mapping[str, Any]) -> Edit | None:
    """Read the suggestion of a finding; None where it has none."""
    edit = finding["suggestion"]
    if edit is None:
        return None
    start, end = edit["start_line"], max(edit["start_line"], edit["end_line"])
    new = edit["replacement"].split("\n") if edit["replacement"] else []
    old = _old_lines(finding, start, end)
    # Reviews that were written before anything was checked do not say it.
    return Edit(start=start, end=end, old=old, new=new, checked=edit.get("verified", False))


def _old_lines(finding: Mapping[str, Any], start: int, end: int) -> list[str]:
    evidence = finding["evidence"]
    if evidence is None or finding["side"] != "new":
        return []
    begin, stop = start - evidence["start_line"], end - evidence["start_line"] + 1
    if begin < 0 or stop > len(evidence["lines"]):
        return []
    return list(evidence["lines"][begin:stop])
