"""Applying the hunks of a file entry to the old content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from codeflow_engine.domain.diff.entry import DiffFile
from codeflow_engine.domain.diff.headers import FileStatus
from codeflow_engine.domain.diff.hunk import Hunk, Side
from codeflow_engine.errors import DiffError

__all__ = ["apply"]


def apply(file: DiffFile, old: bytes) -> bytes:
    """Make the new content from the old one, exactly.

    Every old line must stand where the hunks say, byte for byte, and every new line must
    get the number that they say; nothing is searched for. An entry without hunks (a mode
    change, a pure rename) gives the old content back. The content of a submodule is the
    line `Subproject commit <id>`, that of a symbolic link its target.

    Args:
        file: The entry.
        old: The whole content before the change; empty for an added file.

    Raises:
        DiffError: The content does not match the hunks, or the entry does not show the
            change as text (binary, combined, and whatever else is `unsupported`).
    """
    if file.is_binary:
        raise DiffError("a binary change cannot be applied", line=file.span.line)
    if file.unsupported is not None:
        raise DiffError(f"cannot be applied: {file.unsupported}", line=file.span.line)
    new = b"".join(_pieces(file, old))
    if file.status is FileStatus.ADDED and old:
        raise DiffError("the file is added, but has old content", line=file.span.line)
    if file.status is FileStatus.DELETED and new:
        raise DiffError("the file is deleted, but content is left", line=file.span.line)
    return new


def _pieces(file: DiffFile, old: bytes) -> Iterator[bytes]:
    """Yield the new content: what stands between the hunks, and their new sides."""
    position, old_line, new_line = 0, 1, 1
    for hunk in file.hunks:
        old_range, new_range = hunk.numbers(Side.OLD), hunk.numbers(Side.NEW)
        gap = old_range.start - old_line
        if new_line + gap != new_range.start:
            _refuse(hunk, f"its new lines would begin at {new_line + gap}")
        place = _skip_lines(hunk, old, position, gap)
        before, after = _content(hunk, Side.OLD), _content(hunk, Side.NEW)
        if not old.startswith(before, place):
            _refuse(hunk, "the old content differs from what the hunk shows of it")
        if after and place and not old.endswith(b"\n", 0, place):
            _refuse(hunk, "it adds lines behind a last line that has no newline")
        yield old[position:place]
        yield after
        position = place + len(before)
        if position < len(old) and (_is_open(before) or _is_open(after)):
            _refuse(hunk, "it ends the file, but the old content goes on")
        old_line, new_line = old_range.stop, new_range.stop
    yield old[position:]


def _skip_lines(hunk: Hunk, old: bytes, position: int, count: int) -> int:
    for _ in range(count):
        if position == len(old):
            _refuse(hunk, "the old content has too few lines")
        position = old.find(b"\n", position) + 1 or len(old)
    return position


def _content(hunk: Hunk, side: Side) -> bytes:
    """Give the bytes of one side of a hunk."""
    lines = hunk.side(side)
    if any(line.no_newline for line in lines[:-1]):
        _refuse(hunk, f"the {side} side goes on behind a last line that has no newline")
    text = "".join(line.text if line.no_newline else line.text + "\n" for line in lines)
    return text.encode("utf-8", "surrogateescape")


def _is_open(content: bytes) -> bool:
    return bool(content) and not content.endswith(b"\n")


def _refuse(hunk: Hunk, reason: str) -> NoReturn:
    raise DiffError(f"the hunk does not apply: {reason}", line=hunk.span.line)
