"""Diffs made from pairs of files, and a reader that walks line by line, to compare with."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from hypothesis import strategies as st

LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b" ",
            b"-- a/x",
            b"++ b/x",
            b"- ",
            b"@@ -1 +1 @@",
            b"diff --git a/x b/x",
            b"\\ No newline at end of file",
            b"a\r",
            b"\f",
            b"\xe2\x80\xa8",
            b"\xff\xfe",
            b"Only in x: y",
        ]
    ),
    st.sampled_from([b"a", b"b", b"c"]),
    st.binary(max_size=8).map(lambda raw: raw.replace(b"\n", b"")),
)
CONTENTS = st.builds(
    lambda lines, ended: b"\n".join(lines) + (b"\n" if ended and lines else b""),
    st.lists(LINES, max_size=30),
    st.booleans(),
)
MARKER = b"\\ No newline at end of file\n"


@dataclass(frozen=True)
class Pair:
    """Two contents of a file, and how their diff is written."""

    old: bytes
    new: bytes
    context: int
    git: bool
    blank: bool
    """Whether empty context lines lose their space."""


PAIRS = st.builds(
    Pair,
    old=CONTENTS,
    new=CONTENTS,
    context=st.integers(0, 4),
    git=st.booleans(),
    blank=st.booleans(),
).filter(lambda pair: pair.old != pair.new)


def write(pair: Pair) -> bytes:
    """Write the diff of a pair, of two files that exist."""
    head = b"diff --git a/x b/x\nindex 1111111..2222222 100644\n" if pair.git else b""
    return head + b"--- a/x\n+++ b/x\n" + b"".join(_hunks(pair))


def _hunks(pair: Pair) -> list[bytes]:
    old, new = _lines(pair.old), _lines(pair.new)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    hunks = []
    for group in matcher.get_grouped_opcodes(pair.context):
        first, last = group[0], group[-1]
        header = b"@@ -%b +%b @@ section\n" % (
            _numbers(first[1], last[2]),
            _numbers(first[3], last[4]),
        )
        rows = []
        for tag, low, high, new_low, new_high in group:
            if tag == "equal":
                rows += [_row(b" ", line, blank=pair.blank) for line in old[low:high]]
            else:
                rows += [_row(b"-", line) for line in old[low:high]]
                rows += [_row(b"+", line) for line in new[new_low:new_high]]
        hunks.append(header + b"".join(rows))
    return hunks


def _lines(content: bytes) -> list[bytes]:
    *lines, last = content.split(b"\n")
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _numbers(low: int, high: int) -> bytes:
    count = high - low
    start = low + 1 if count else low
    return b"%d" % start if count == 1 else b"%d,%d" % (start, count)


def _row(mark: bytes, line: bytes, *, blank: bool = False) -> bytes:
    if blank and line == b"\n":
        return line
    return mark + line if line.endswith(b"\n") else mark + line + b"\n" + MARKER
