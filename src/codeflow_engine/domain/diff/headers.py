"""What the lines above the hunks say about a file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from codeflow_engine.domain.diff.grammar import DEV_NULL, fail, header_line, shown
from codeflow_engine.domain.diff.paths import decode, strip_one, strip_prefixes, take_name, unquote
from codeflow_engine.domain.diff.usual import Shape

__all__ = ["FileStatus", "Header", "Marks", "read_marks", "read_name", "read_names"]


class FileStatus(StrEnum):
    """What happened to a file."""

    ADDED = "added"
    DELETED = "deleted"
    MODIFIED = "modified"
    RENAMED = "renamed"
    """Moved, with or without a change of its content."""
    COPIED = "copied"
    """Made from another file, with or without a change of its content."""
    MODE_CHANGED = "mode_changed"
    """Only the mode changed; a mode that changes beside content is `MODIFIED`."""
    UNKNOWN = "unknown"
    """The diff says that the file differs, but not how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The facts of one file entry, and how to read what follows them."""

    body: int
    """Where in the data the line after the header begins."""

    old_path: str | None
    new_path: str | None
    status: FileStatus = FileStatus.MODIFIED
    old_mode: str | None = None
    new_mode: str | None = None
    old_id: str | None = None
    new_id: str | None = None
    similarity: int | None = None
    is_binary: bool = False
    unsupported: str | None = None

    shape: Shape
    """How to read what follows."""

    old_epoch: bool = False
    """The old side has the timestamp that `diff -N` gives to a missing file."""

    new_epoch: bool = False
    """The same of the new side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The `--- ` and `+++ ` lines of a file: names as written, and what follows them."""

    old: bytes
    new: bytes
    old_stamp: bytes
    new_stamp: bytes


def read_marks(data: bytes, position: int) -> tuple[Marks, int]:
    """Read the `--- ` line at `position` and the `+++ ` line after it.

    Raises:
        DiffError: There is no `+++ ` line, or nothing but `/dev/null` is named.
    """
    old, after = header_line(data, position)
    if not data.startswith(b"+++ ", after):
        fail(data, after, "a '---' line is not followed by a '+++' line")
    new, end = header_line(data, after)
    old_name, old_stamp = take_name(old[4:])
    new_name, new_stamp = take_name(new[4:])
    if old_name == new_name == DEV_NULL:
        fail(data, position, "both sides of a file are /dev/null")
    return Marks(old=old_name, new=new_name, old_stamp=old_stamp, new_stamp=new_stamp), end


def read_names(
    data: bytes, position: int, old: bytes, new: bytes, *, prefixed: bool = True
) -> tuple[str, str]:
    """Turn two names as written into paths; `position` is for the error.

    Raises:
        DiffError: A name is badly quoted, empty, or holds a NUL, which no path can.
    """
    old_name, new_name = (read_name(data, position, name) for name in (old, new))
    if prefixed and DEV_NULL in {old_name, new_name}:
        old_name, new_name = strip_one(old_name), strip_one(new_name)
    elif prefixed:
        old_name, new_name = strip_prefixes(old_name, new_name)
    return decode(old_name), decode(new_name)


def read_name(data: bytes, position: int, raw: bytes) -> bytes:
    """Undo the quoting of one name, or raise a `DiffError`."""
    name = unquote(raw)
    if not name or b"\0" in name:
        fail(data, position, f"no path: {shown(raw)}")
    return name
