"""Combined diffs, which show a merge against several parents at once.

Their hunks have several old sides, so that no line has one pair of numbers. They are
stepped over; the entry says that it was not read.
"""

from __future__ import annotations

import re

from codeflow_engine.domain.diff.grammar import fail, header_line, is_header_pair, next_line
from codeflow_engine.domain.diff.headers import FileStatus, Header, read_names
from codeflow_engine.domain.diff.usual import Shape

__all__ = ["COMBINED_HUNK", "TITLES", "read_combined", "step_over_combined"]

TITLES = (b"diff --cc ", b"diff --combined ")
"""How the first line of a combined entry begins."""

COMBINED_HUNK = re.compile(
    rb"(@@@++)((?: -\d{1,10}(?:,\d{1,10})?)++) \+\d{1,10}(?:,\d{1,10})? (@@@++)[^\n]*"
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
        shape=Shape(takes_hunks=False, combined=True),
    )


def step_over_combined(data: bytes, position: int) -> int:
    """Find the end of the combined hunks at `position`.

    Their line counts say nothing: git counts lines that it then leaves out (`git show --cc`
    of a7a619ba in psf/requests promises eight lines of the first parent and shows seven).

    Raises:
        DiffError: A hunk's header is malformed, or no line of a hunk follows.
    """
    while data.startswith(b"@@", position):
        header = COMBINED_HUNK.match(data, position)
        if header is None or header[1] != header[3] or len(header[2].split()) + 1 != len(header[1]):
            fail(data, position, "malformed header of a combined hunk")
        position = _step_over_lines(data, next_line(data, position), len(header[1]) - 1)
    return position


def _step_over_lines(data: bytes, position: int, parents: int) -> int:
    """Find the first line that has no mark for each of the parents, or opens a plain entry."""
    start = position
    while True:
        marks = data[position : position + parents]
        is_line = len(marks) == parents and not marks.strip(b" +-")
        if not (is_line or data.startswith(b"\\ ", position)) or _opens_plain(data, position):
            break
        position = next_line(data, position)
    if position == start:
        fail(data, position, "a combined hunk without lines")
    return position


def _opens_plain(data: bytes, position: int) -> bool:
    """Tell a plain file header, which has a hunk of one old side below it, from lines."""
    return is_header_pair(data, position) and data.startswith(
        b"@@ -", next_line(data, next_line(data, position))
    )
