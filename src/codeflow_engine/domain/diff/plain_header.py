"""The header of a file entry in plain `diff -u` output: no `diff --git` line, timestamps."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from codeflow_engine.domain.diff.grammar import DEV_NULL, fail, next_line
from codeflow_engine.domain.diff.headers import FileStatus, Header, read_marks, read_names
from codeflow_engine.domain.diff.usual import Shape

__all__ = ["read_plain"]

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d+))? ([+-]\d{4})")
_NONEXISTENT = b"(nonexistent)"  # Subversion's word for /dev/null


def read_plain(data: bytes, position: int) -> Header:
    """Read the `--- ` and `+++ ` lines, with the command line above them where it stands.

    Raises:
        DiffError: A line is malformed, or no hunk follows.
    """
    has_command = not data.startswith(b"--- ", position)
    if has_command:
        position = next_line(data, position)
    marks, body = read_marks(data, position)
    if not data.startswith(b"@@", body):
        fail(data, body, "the '+++' line is not followed by a hunk")
    old_path, new_path = read_names(data, position, marks.old, marks.new)
    status = FileStatus.MODIFIED
    if marks.old == DEV_NULL or marks.old_stamp == _NONEXISTENT:
        status = FileStatus.ADDED
    elif marks.new == DEV_NULL or marks.new_stamp == _NONEXISTENT:
        status = FileStatus.DELETED
    return Header(
        body=body,
        old_path=None if status is FileStatus.ADDED else old_path,
        new_path=None if status is FileStatus.DELETED else new_path,
        status=status,
        shape=Shape(
            old_exists=status is not FileStatus.ADDED,
            new_exists=status is not FileStatus.DELETED,
            # GNU diff prints its command line above an entry only when it walks folders.
            recursive=has_command and _STAMP.fullmatch(marks.new_stamp) is not None,
        ),
        old_epoch=_is_epoch(marks.old_stamp),
        new_epoch=_is_epoch(marks.new_stamp),
    )


def _is_epoch(stamp: bytes) -> bool:
    """Tell the timestamp that `diff -N` prints for a missing file, in any time zone."""
    found = _STAMP.fullmatch(stamp)
    if found is None or (found[2] or b"").strip(b"0"):
        return False
    try:
        moment = datetime.fromisoformat((found[1] + found[3]).decode())
    except ValueError:  # no such day or hour
        return False
    return moment == datetime(1970, 1, 1, tzinfo=UTC)
