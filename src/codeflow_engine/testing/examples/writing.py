"""Writes the diff between two trees as git does with `--full-index --find-renames`."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

__all__ = ["Stored", "blob_id", "write_diff"]

_SUBMODULE = "160000"
_NOBODY = "0" * 40
_CONTEXT = 3
_BINARY_WITHIN = 8000
_CHUNK = 64
_NAMED = re.compile(rb"[A-Za-z_$]")
_ODD = re.compile(rb'[\x00-\x1f\x7f"\\]')
_SHORT = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}


class Stored(NamedTuple):
    """A file as a repository stores it."""

    content: bytes
    mode: str


def blob_id(file: Stored) -> str:
    """Give the id that git has for a content; that of a submodule is its commit."""
    if file.mode == _SUBMODULE:
        return file.content.decode()
    data = b"blob %d\0" % len(file.content) + file.content
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def write_diff(
    base: Mapping[str, Stored], head: Mapping[str, Stored], renames: Mapping[str, str]
) -> bytes:
    """Write a diff.

    Args:
        base: Files before, by path.
        head: Files after.
        renames: New paths of files that were moved, each with the old one.
    """
    entries = [*_entries(base, head, renames)]
    return b"".join(entry for _, entry in sorted(entries, key=lambda row: row[0]))


def _entries(
    base: Mapping[str, Stored], head: Mapping[str, Stored], renames: Mapping[str, str]
) -> Iterator[tuple[tuple[bytes, int], bytes]]:
    moved = set(renames.values())
    for path in base.keys() | head.keys():
        old_path = renames.get(path, path)
        old, new = base.get(old_path), head.get(path)
        if path not in renames and path in moved:
            old = None
        if old == new and old_path == path:
            continue
        key = path.encode()
        if old and new and old.mode[:2] != new.mode[:2]:  # such as a file that becomes a link
            yield (key, 0), _entry(path, path, old, None)
            yield (key, 1), _entry(path, path, None, new)
        elif old or new:
            yield (key, 0), _entry(old_path, path, old, new)


def _entry(old_path: str, new_path: str, old: Stored | None, new: Stored | None) -> bytes:
    one, other = _quoted(f"a/{old_path}"), _quoted(f"b/{new_path}")
    rows = [b"diff --git %s %s" % (one, other)]
    rows += _header(old_path, new_path, old, new)
    before, after = _shown(old), _shown(new)
    if before != after:
        rows.append(_index(old, new))
        marks = one if old else b"/dev/null", other if new else b"/dev/null"
        if b"\0" in before[:_BINARY_WITHIN] or b"\0" in after[:_BINARY_WITHIN]:
            rows.append(b"Binary files %s and %s differ" % marks)
        else:
            tabs = [b"\t" if b" " in name else b"" for name in marks]
            rows += [b"--- " + marks[0] + tabs[0], b"+++ " + marks[1] + tabs[1]]
            return b"\n".join([*rows, b""]) + b"".join(_hunks(_lines(before), _lines(after)))
    elif not (old and new):
        rows.append(_index(old, new))
    return b"\n".join([*rows, b""])


def _header(
    old_path: str, new_path: str, old: Stored | None, new: Stored | None
) -> Iterator[bytes]:
    if old is None and new is not None:
        yield b"new file mode %s" % new.mode.encode()
    elif new is None and old is not None:
        yield b"deleted file mode %s" % old.mode.encode()
    elif old and new:
        if old.mode != new.mode:
            yield b"old mode %s" % old.mode.encode()
            yield b"new mode %s" % new.mode.encode()
        if old_path != new_path:
            yield b"similarity index %d%%" % _similarity(old.content, new.content)
            yield b"rename from %s" % _quoted(old_path)
            yield b"rename to %s" % _quoted(new_path)


def _index(old: Stored | None, new: Stored | None) -> bytes:
    ids = [_NOBODY if file is None else blob_id(file) for file in (old, new)]
    mode = f" {old.mode}" if old and new and old.mode == new.mode else ""
    return f"index {ids[0]}..{ids[1]}{mode}".encode()


def _shown(file: Stored | None) -> bytes:
    """Give what a diff shows of a file."""
    if file is None:
        return b""
    if file.mode == _SUBMODULE:
        return b"Subproject commit %s\n" % file.content
    return file.content


def _lines(content: bytes) -> list[bytes]:
    """Split at newlines alone; the last line may have none."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop().removesuffix(b"\n")
    return [*lines, last] if last else lines


def _hunks(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[bytes]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        start, stop = group[0], group[-1]
        named = next((row for row in reversed(old[: start[1]]) if _NAMED.match(row)), b"")
        section = named[:80].rstrip()
        yield b"@@ -%s +%s @@%s\n" % (
            _range(start[1], stop[2]),
            _range(start[3], stop[4]),
            b" " + section if section else b"",
        )
        for kind, low, high, new_low, new_high in group:
            if kind == "equal":
                yield from map(_row, b" " * (high - low), old[low:high])
            else:
                yield from map(_row, b"-" * (high - low), old[low:high])
                yield from map(_row, b"+" * (new_high - new_low), new[new_low:new_high])


def _row(mark: int, line: bytes) -> bytes:
    end = b"" if line.endswith(b"\n") else b"\n\\ No newline at end of file\n"
    return bytes([mark]) + line + end


def _range(start: int, stop: int) -> bytes:
    count = stop - start
    first = start + 1 if count else start
    return b"%d" % first if count == 1 else b"%d,%d" % (first, count)


def _similarity(old: bytes, new: bytes) -> int:
    """Give the percentage that git has: the share of pieces that both contents hold.

    Pieces are lines, and 64 bytes of a longer one (git, `diffcore-delta.c`).
    """
    if old == new:
        return 100
    common = (Counter(_pieces(old)) & Counter(_pieces(new))).elements()
    score = sum(map(len, common)) * 60_000 // max(len(old), len(new))
    return score * 100 // 60_000


def _pieces(content: bytes) -> Iterator[bytes]:
    for line in _lines(content):
        for start in range(0, len(line), _CHUNK):
            yield line[start : start + _CHUNK]


def _quoted(path: str) -> bytes:
    """Write a name as git does with `core.quotePath=false`."""
    raw = path.encode()
    if not _ODD.search(raw):
        return raw
    return b'"' + _ODD.sub(_escape, raw) + b'"'


def _escape(found: re.Match[bytes]) -> bytes:
    byte = found[0][0]
    return b"\\" + _SHORT[byte] if byte in _SHORT else b"\\%03o" % byte
