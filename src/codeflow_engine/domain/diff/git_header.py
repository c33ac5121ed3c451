"""The header of a file entry as git writes it, from `diff --git` to the first hunk."""

from __future__ import annotations

import re
from dataclasses import replace

from codeflow_engine.domain.diff.grammar import DEV_NULL, fail, header_line, shown
from codeflow_engine.domain.diff.headers import FileStatus, Header, Marks, read_marks, read_names
from codeflow_engine.domain.diff.paths import split_pair
from codeflow_engine.domain.diff.usual import Shape

__all__ = ["read_git"]

_EXTENDED = re.compile(
    rb"(old mode|new mode|new file mode|deleted file mode|similarity index|dissimilarity index"
    rb"|rename from|rename to|copy from|copy to|index) "
)
_MODE = re.compile(rb"[0-7]{6}")
_INDEX = re.compile(rb"([0-9a-fA-F]{1,64})\.\.([0-9a-fA-F]{1,64})(?: ([0-7]{6}))?")
_PERCENT = re.compile(rb"(100|\d{1,2})%")
_PATH = re.compile(rb".+", re.DOTALL)
_VALUES = {
    b"old mode": _MODE,
    b"new mode": _MODE,
    b"new file mode": _MODE,
    b"deleted file mode": _MODE,
    b"similarity index": _PERCENT,
    b"dissimilarity index": _PERCENT,
    b"index": _INDEX,
    b"rename from": _PATH,
    b"rename to": _PATH,
    b"copy from": _PATH,
    b"copy to": _PATH,
}
_STATUS = {
    b"new file mode": FileStatus.ADDED,
    b"deleted file mode": FileStatus.DELETED,
    b"rename from": FileStatus.RENAMED,
    b"copy from": FileStatus.COPIED,
}

# The first block must end with an empty line; the second one (for going back) may have
# lost it, where somebody has stripped the end of the input.
_BASE85 = rb"(?:literal|delta) \d{1,19}\r?\n(?:[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]++\r?\n)++"
_BINARY_PATCH = re.compile(
    rb"GIT binary patch\r?\n" + _BASE85 + rb"\r?\n(?:" + _BASE85 + rb"(?:\r?\n|\Z))?"
)

_NOT_SHOWN = "the diff names a change of content without showing it"
_EMPTY_IDS = (  # of the empty file: SHA-1, SHA-256
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)


def read_git(data: bytes, position: int) -> Header:
    """Read the header that begins with the `diff --git` line at `position`.

    Raises:
        DiffError: A line is malformed, contradicts another one, or lacks its partner.
    """
    line, after = header_line(data, position)
    title = line.removeprefix(b"diff --git ")
    fields, after = _read_fields(data, after)
    marks, after = read_marks(data, after) if _has_marks(data, after) else (None, after)
    status = _read_status(data, position, fields, marks)
    old_path, new_path = _read_paths(data, position, title, _moved(fields), marks)
    index = _INDEX.fullmatch(fields.get(b"index", b""))
    percent = _PERCENT.fullmatch(fields.get(b"similarity index", b""))
    binary_end = _binary_end(data, after)
    old_exists, new_exists = status is not FileStatus.ADDED, status is not FileStatus.DELETED
    header = Header(
        body=after if binary_end is None else binary_end,
        old_path=old_path if old_exists else None,
        new_path=new_path if new_exists else None,
        status=status,
        old_mode=_mode(fields, b"old mode", b"deleted file mode", index) if old_exists else None,
        new_mode=_mode(fields, b"new mode", b"new file mode", index) if new_exists else None,
        old_id=None if index is None else _blob_id(index[1]),
        new_id=None if index is None else _blob_id(index[2]),
        similarity=None if percent is None else int(percent[1]),
        is_binary=binary_end is not None,
        shape=Shape(
            old_exists=old_exists,
            new_exists=new_exists,
            takes_hunks=data.startswith(b"@@", after),
        ),
    )
    if header.shape.takes_hunks or header.is_binary:
        return header
    if marks is not None:
        fail(data, after, "the '+++' line is not followed by a hunk")
    return _judge_bare(header, has_index=index is not None)


def _has_marks(data: bytes, position: int) -> bool:
    return data.startswith(b"--- ", position)


def _read_fields(data: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """Read the lines between `diff --git` and `---`; each may stand once."""
    fields: dict[bytes, bytes] = {}
    while (found := _EXTENDED.match(data, position)) is not None:
        line, after = header_line(data, position)
        key, value = found[1], line[len(found[0]) :]
        if key in fields:
            fail(data, position, f"a second {key.decode()!r} line in the header of one file")
        if _VALUES[key].fullmatch(value) is None:
            fail(data, position, f"malformed header line {shown(line)}")
        fields[key] = value
        position = after
    return fields, position


def _mode(
    fields: dict[bytes, bytes], changed: bytes, whole: bytes, index: re.Match[bytes] | None
) -> str | None:
    """Find the mode of one side; the index line has it when both sides have the same."""
    mode = fields.get(changed) or fields.get(whole) or (index and index[3])
    return mode.decode() if mode else None


def _blob_id(raw: bytes) -> str | None:
    """Decode a blob id; all zeros stand for a side that does not exist."""
    return raw.decode() if raw.strip(b"0") else None


def _moved(fields: dict[bytes, bytes]) -> tuple[bytes, bytes] | None:
    old = fields.get(b"rename from") or fields.get(b"copy from")
    new = fields.get(b"rename to") or fields.get(b"copy to")
    return (old, new) if old and new else None


def _read_status(
    data: bytes, position: int, fields: dict[bytes, bytes], marks: Marks | None
) -> FileStatus:
    found = {status for key, status in _STATUS.items() if key in fields}
    if marks is not None and marks.old == DEV_NULL:
        found.add(FileStatus.ADDED)
    if marks is not None and marks.new == DEV_NULL:
        found.add(FileStatus.DELETED)
    if len(found) > 1:
        fail(data, position, f"the header says {' and '.join(sorted(found))} of one file")
    for verb in (b"rename", b"copy"):
        if (verb + b" from" in fields) != (verb + b" to" in fields):
            fail(data, position, f"a {verb.decode()!r} line lacks its partner")
    return found.pop() if found else FileStatus.MODIFIED


def _read_paths(
    data: bytes,
    position: int,
    title: bytes,
    moved: tuple[bytes, bytes] | None,
    marks: Marks | None,
) -> tuple[str, str]:
    """Find both paths, and hold every line that names them against the first one.

    Lines that name a rename or a copy have no prefixes, so that they come first.
    """
    names = None if marks is None else _full_names(data, position, title, marks)
    if moved is not None:
        paths = read_names(data, position, *moved, prefixed=False)
        if b'"' not in title and not (title.endswith(moved[1]) and moved[0] in title):
            fail(data, position, f"a rename or copy contradicts the names in {shown(title)}")
        return paths
    names = names or split_pair(title, b" ")
    if names is None:
        fail(data, position, f"cannot tell the two names apart in {shown(title)}")
    return read_names(data, position, *names)


def _full_names(data: bytes, position: int, title: bytes, marks: Marks) -> tuple[bytes, bytes]:
    """Give the names of `--- ` and `+++ `, with those of the title for `/dev/null`."""
    old, new = marks.old, marks.new
    if old == DEV_NULL:
        old = title[: -len(new) - 1]
    elif new == DEV_NULL:
        new = title[len(old) + 1 :]
    if old + b" " + new != title:
        fail(data, position, f"the '---' and '+++' lines contradict {shown(title)}")
    return old, new


def _binary_end(data: bytes, position: int) -> int | None:
    """Find the end of a binary patch or notice; None where there is none."""
    if data.startswith(b"Binary files ", position):
        line, after = header_line(data, position)
        return after if line.endswith(b"differ") else None
    if not data.startswith(b"GIT binary patch", position):
        return None
    block = _BINARY_PATCH.match(data, position)
    if block is None:
        fail(data, position, "the binary patch is malformed or cut off")
    return block.end()


def _judge_bare(header: Header, *, has_index: bool) -> Header:
    """Tell an entry that needs no hunk from one whose hunks are missing.

    Git leaves hunks out where options hide them (`-w`); a diff that was cut off between
    header and hunk looks the same.
    """
    if header.status in {FileStatus.ADDED, FileStatus.DELETED}:
        blob = header.new_id or header.old_id or "absent"
        missing = has_index and not any(empty.startswith(blob.lower()) for empty in _EMPTY_IDS)
    elif header.status is FileStatus.MODIFIED:
        missing = has_index or header.old_mode == header.new_mode
    else:
        missing = has_index or header.similarity not in {None, 100}
    if missing:
        return replace(header, unsupported=_NOT_SHOWN)
    if header.status is FileStatus.MODIFIED:
        return replace(header, status=FileStatus.MODE_CHANGED)
    return header
