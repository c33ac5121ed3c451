"""The lines that give a diff its structure."""

from __future__ import annotations

import re
from typing import NoReturn

from codeflow_engine.errors import DiffError

HUNK = re.compile(rb"@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@[^\n]*")
"""A hunk's header up to the end of its line."""

HEADER_LIMIT = 64 * 1024
"""The longest header line, in bytes.

Two paths of PATH_MAX (4,096) bytes, each byte written as four, need 32 KiB.
"""

DEV_NULL = b"/dev/null"


def fail(data: bytes, position: int, message: str) -> NoReturn:
    """Raise a `DiffError` with the number of the line that holds `position`."""
    raise DiffError(message, line=data.count(b"\n", 0, position) + 1)


def next_line(data: bytes, position: int) -> int:
    """Find where the line after the one that holds `position` begins."""
    newline = data.find(b"\n", position)
    return len(data) if newline < 0 else newline + 1


def header_line(data: bytes, position: int) -> tuple[bytes, int]:
    """Read one header line; give its text and where the next line begins.

    A carriage return at its end is dropped: git quotes a path that ends in one, so that
    it comes from a tool that has rewritten the line ends of the whole diff.
    """
    end = next_line(data, position)
    if end - position > HEADER_LIMIT:
        fail(data, position, f"header line of {end - position} bytes; the limit is {HEADER_LIMIT}")
    return data[position:end].removesuffix(b"\n").removesuffix(b"\r"), end


def is_header_pair(data: bytes, position: int) -> bool:
    """Tell whether a `--- ` line stands at `position` and a `+++ ` line after it."""
    return data.startswith(b"--- ", position) and data.startswith(
        b"+++ ", next_line(data, position)
    )


def shown(line: bytes) -> str:
    """Quote the beginning of a header line, never of the lines of a hunk, for an error message."""
    return ascii(line[:60].partition(b"\n")[0].decode("utf-8", "replace"))
