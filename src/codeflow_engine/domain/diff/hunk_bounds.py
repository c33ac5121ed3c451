"""Where hunks end: line counts checked without looking at single lines."""

from __future__ import annotations

import re
from array import array

from codeflow_engine.domain.diff.grammar import HUNK, fail, next_line, shown

__all__ = ["step_over_hunks"]

_RUN_END = re.compile(rb"\n[^ +\-]")
"""The end of a run of lines that begin with a space, `+` or `-`."""

_LINE_LIMIT = 2**31
"""The largest line number that is believed; no file has more lines."""

_SIDES = {ord(" "): (1, 1), ord("+"): (0, 1), ord("-"): (1, 0), ord("\n"): (1, 1)}
"""How many old and new lines a line is, by its first byte.

An empty line is an empty context line (`diff.suppressBlankEmpty`, GNU diff's
`--suppress-blank-empty`, or an editor that strips trailing spaces).
"""


def step_over_hunks(
    data: bytes, position: int, starts: array[int], *, old_exists: bool, new_exists: bool
) -> int:
    """Find the end of the hunks of one file, adding to `starts` where each one begins.

    The first line that cannot belong to a hunk ends a run. When the run holds exactly as
    many old and new lines as the header promises, the hunk is the run: reading line by
    line would reach both counts at its last line and not before. Otherwise (markers,
    empty lines, something behind the hunk that looks like a line of it) the lines are
    read one by one. All in one loop without calls, which halves the time.

    Raises:
        DiffError: A hunk is malformed or cut off, overlaps the one above it, or has lines
            of a side that does not exist, or beyond 2**31.
    """
    match, search, count, size = HUNK.match, _RUN_END.search, data.count, len(data)
    old_end = new_end = 1
    while (header := match(data, position)) is not None:
        # A count that is left out is 1.
        old_start, old, new_start, new = [int(number) for number in header.groups(b"1")]
        # A side without lines is placed behind the line that its number names.
        old_begin = old_start if old else old_start + 1
        new_begin = new_start if new else new_start + 1
        if old_begin < old_end or new_begin < new_end:
            fail(data, position, "the hunk begins before the end of what stands above it")
        old_end, new_end = old_begin + old, new_begin + new
        if old_end > _LINE_LIMIT or new_end > _LINE_LIMIT:
            fail(data, position, f"the hunk header names lines beyond {_LINE_LIMIT}")
        if (old and not old_exists) or (new and not new_exists):
            fail(data, position, "the hunk has lines of a side that does not exist")
        if not old and not new:
            fail(data, position, "the hunk header promises no line at all")
        starts.append(position)
        head = header.end()
        run = search(data, head)
        stop = run.start() if run else size - data.endswith(b"\n")
        lines = count(b"\n", head, stop)
        if count(b"\n+", head, stop) == lines - old and count(b"\n-", head, stop) == lines - new:
            position = stop + 1
        else:
            position = _step_over_lines(data, head + 1, old, new)
        if data.startswith(b"\\ ", position):
            position = next_line(data, position)
    if data.startswith(b"@@", position):
        fail(data, position, f"malformed hunk header {shown(data[position : position + 60])}")
    return min(position, size)


def _step_over_lines(data: bytes, position: int, old: int, new: int) -> int:
    marked = True  # a marker needs a line before it
    size = len(data)
    while old or new:
        if position >= size:
            fail(data, size - 1, f"input ends inside of a hunk, {_missing(old, new)}")
        if data.startswith(b"\\ ", position) and not marked:
            marked = True
        elif (sides := _SIDES.get(data[position])) is not None:
            old -= sides[0]
            new -= sides[1]
            marked = False
        else:
            fail(data, position, f"not a line of a hunk, {_missing(old, new)}")
        if old < 0 or new < 0:
            fail(data, position, "the hunk has more lines of one side than its header says")
        position = data.find(b"\n", position) + 1 or size
    return position


def _missing(old: int, new: int) -> str:
    return f"which still lacks {old} old and {new} new lines"
