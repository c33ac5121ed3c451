"""Combined diffs, which show a merge against several parents at once.

Their hunks have several old sides, so that no line has one pair of numbers. They are
checked and stepped over; the entry says that it was not read.
"""

from __future__ import annotations

import re

from codeflow_engine.domain.diff.grammar import fail, header_line, next_line
from codeflow_engine.domain.diff.headers import FileStatus, Header, read_names

__all__ = ["COMBINED_HUNK", "TITLES", "read_combined", "step_over_combined"]

TITLES = (b"diff --cc ", b"diff --combined ")
"""How the first line of a combined entry begins."""

COMBINED_HUNK = re.compile(
    rb"(@@@++)((?: -\d{1,10}(?:,\d{1,10})?)++) \+(\d{1,10}(?:,\d{1,10})?) (@@@++)[^\n]*"
)

_LINE = re.compile(
    rb"(?:index |mode |new file mode |deleted file mode |similarity index |rename from |rename to "
    rb"|copy from |copy to |--- |\+\+\+ |Binary files )"
)
_MODE = re.compile(rb"(?:new|deleted) file mode (?:[0-7]{6},)*+([0-7]{6})")


def read_combined(data: bytes, position: int) -> Header:
    """Read the header that begins with a `diff --cc` or `diff --combined` line."""
    title, body = header_line(data, position)
    name = title.split(b" ", 2)[2]
    path, _ = read_names(data, position, name, name)
    status, mode, is_binary = FileStatus.MODIFIED, None, False
    while _LINE.match(data, body):
        line, body = header_line(data, body)
        if (found := _MODE.match(line)) is not None:
            status = FileStatus.ADDED if line.startswith(b"new") else FileStatus.DELETED
            mode = found[1].decode()
        is_binary |= line.startswith(b"Binary files ")
    added, deleted = status is FileStatus.ADDED, status is FileStatus.DELETED
    return Header(
        body=body,
        old_path=None if added else path,
        new_path=None if deleted else path,
        status=status,
        old_mode=mode if deleted else None,
        new_mode=mode if added else None,
        is_binary=is_binary,
        unsupported="a combined diff of a merge is not read; diff against one parent",
        combined=True,
    )


def step_over_combined(data: bytes, position: int) -> int:
    """Check the combined hunks at `position` and find their end.

    Raises:
        DiffError: A hunk's header is malformed, or its lines are not as many as it says.
    """
    while data.startswith(b"@@", position):
        header = COMBINED_HUNK.match(data, position)
        if header is None or len(header[1]) != len(header[4]):
            fail(data, position, "malformed header of a combined hunk")
        old = [_count(side) for side in header[2].split()]
        if len(old) != len(header[1]) - 1:
            fail(data, position, "a combined hunk has one '@' more than it has parents")
        position = _step_over_lines(data, next_line(data, position), old, _count(header[3]))
    return position


def _count(side: bytes) -> int:
    """Read how many lines a side such as `-3,7` has."""
    _, comma, lines = side.partition(b",")
    return int(lines) if comma else 1


def _step_over_lines(data: bytes, position: int, old: list[int], new: int) -> int:
    """Find the end of a combined hunk with so many lines of each parent and the result.

    The first columns of a line, one for each parent, say which sides have it: a `-`
    anywhere means that the result has not, and then the parents marked `-` have it; else
    those marked with a space have it.
    """
    width = len(old)
    while new or any(old):
        marks = data[position : position + width]
        if data.startswith(b"\\ ", position):
            position = next_line(data, position)
            continue
        if len(marks) < width or marks.strip(b" +-"):
            fail(data, position, "a combined hunk ends before it has the lines that it says")
        gone = b"-" in marks
        new -= not gone
        for parent, mark in enumerate(marks):
            old[parent] -= mark == (ord("-") if gone else ord(" "))
        if new < 0 or min(old) < 0:
            fail(data, position, "a combined hunk has more lines than its header says")
        position = next_line(data, position)
    if data.startswith(b"\\ ", position):
        position = next_line(data, position)
    return position
