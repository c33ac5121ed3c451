"""Writes the difference of two trees as git does."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator

from codeflow_acme.tree import File, Tree

__all__ = ["write"]

_CONTEXT = 3
_COMPARED = 2000
"""Lines that are compared one by one. What is longer is shown as replaced as a whole: that is
coarser and as complete, and its time does not grow with the square of the length."""

_PLAIN = frozenset(range(0x20, 0x7F)) - set(b'"\\')


def write(base: Tree, head: Tree) -> bytes:
    """Give the whole difference, sorted by path; a moved file is one gone and one new."""
    paths = sorted(base.keys() | head.keys())
    return b"".join(
        chunk
        for path in paths
        if base.get(path) != head.get(path)
        for chunk in _entry(os.fsencode(path), base.get(path), head.get(path))
    )


def _entry(path: bytes, old: File | None, new: File | None) -> Iterator[bytes]:
    if old is not None and new is not None and old.mode[:3] != new.mode[:3]:
        # A file that becomes a link is another thing: git writes two entries.
        yield from _entry(path, old, None)
        yield from _entry(path, None, new)
        return
    yield b"diff --git %s %s\n" % (_name(b"a/", path), _name(b"b/", path))
    if old is None and new is not None:
        yield b"new file mode %s\n" % new.mode.encode()
    elif new is None and old is not None:
        yield b"deleted file mode %s\n" % old.mode.encode()
    elif old is not None and new is not None and old.mode != new.mode:
        yield b"old mode %s\nnew mode %s\n" % (old.mode.encode(), new.mode.encode())
    before, after = (b"" if file is None else file.content for file in (old, new))
    if before == after:
        return
    names = (
        b"/dev/null" if old is None else _name(b"a/", path),
        b"/dev/null" if new is None else _name(b"b/", path),
    )
    if b"\0" in before or b"\0" in after:
        yield b"Binary files %s and %s differ\n" % names
        return
    # After a name with a space, git puts a tab, so that nobody takes a part of it for a date.
    ends = tuple(b"\t" if b" " in name else b"" for name in names)
    yield b"--- %s%s\n+++ %s%s\n" % (names[0], ends[0], names[1], ends[1])
    yield from _hunks(_lines(before), _lines(after))


def _lines(content: bytes) -> list[bytes]:
    """Split at line feeds alone, and say where the last one is missing."""
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()
    return [*lines, last + b"\\ No newline at end of file\n"] if last != b"\n" else lines


def _hunks(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    for group in _groups(old, new):
        (_, first_old, _, first_new, _), (_, _, end_old, _, end_new) = group[0], group[-1]
        spans = _span(first_old, end_old), _span(first_new, end_new)
        yield b"@@ -%s +%s @@\n" % spans
        for tag, low, high, start, stop in group:
            if tag == "equal":
                yield from (b" " + line for line in old[low:high])
                continue
            yield from (b"-" + line for line in old[low:high])
            yield from (b"+" + line for line in new[start:stop])


type _Step = tuple[str, int, int, int, int]


def _groups(old: list[bytes], new: list[bytes]) -> Iterator[list[_Step]]:
    """Compare what lies between the lines that both begin and end with."""
    most = min(len(old), len(new))
    front = next((n for n in range(most) if old[n] != new[n]), most)
    back = next((n for n in range(most - front) if old[-1 - n] != new[-1 - n]), most - front)
    ends = len(old) - back, len(new) - back
    inner = old[front : ends[0]], new[front : ends[1]]
    if max(map(len, inner)) > _COMPARED:
        steps: list[_Step] = [("replace", 0, len(inner[0]), 0, len(inner[1]))]
    else:
        matcher = difflib.SequenceMatcher(None, inner[0], inner[1], autojunk=False)
        steps = list(matcher.get_opcodes())
    moved = [
        (tag, low + front, high + front, start + front, stop + front)
        for tag, low, high, start, stop in steps
    ]
    whole = [
        ("equal", 0, front, 0, front),
        *moved,
        ("equal", ends[0], len(old), ends[1], len(new)),
    ]
    yield from _grouped([step for step in whole if step[1:3] != step[3:5] or step[1] < step[2]])


def _grouped(steps: list[_Step]) -> Iterator[list[_Step]]:
    """Cut the steps into hunks, each with a few equal lines around it."""
    group: list[_Step] = []
    for number, (tag, low, high, start, stop) in enumerate(steps):
        if tag != "equal":
            group.append((tag, low, high, start, stop))
            continue
        if not group:
            skip = max(0, high - low - _CONTEXT)
            group.append((tag, low + skip, high, start + skip, stop))
            continue
        is_last = number == len(steps) - 1
        if is_last or high - low > 2 * _CONTEXT:
            keep = min(_CONTEXT, high - low)
            yield [*group, (tag, low, low + keep, start, start + keep)]
            skip = max(0, high - low - _CONTEXT)
            group = [] if is_last else [(tag, low + skip, high, start + skip, stop)]
        else:
            group.append((tag, low, high, start, stop))
    if any(tag != "equal" for tag, *_ in group):
        yield group


def _span(first: int, end: int) -> bytes:
    """Number lines from 1; an empty span names the line before it."""
    count = end - first
    return b"%d,%d" % (first + 1 if count else first, count)


def _name(prefix: bytes, path: bytes) -> bytes:
    """Quote a path where git would."""
    if set(path) <= _PLAIN:
        return prefix + path
    quoted = b"".join(bytes([byte]) if byte in _PLAIN else b"\\%03o" % byte for byte in path)
    return b'"' + prefix + quoted + b'"'
