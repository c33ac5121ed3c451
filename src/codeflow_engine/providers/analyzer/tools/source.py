r"""One Python file of a change: its encoding, and where its lines stand.

Git ends a line at `\n` alone. Python and the tools that read it also end one at `\r` and
`\r\n`, so that their numbers differ from git's behind a lone carriage return. Nothing else
ends a line for either: neither a form feed nor U+2028.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from posixpath import basename
from typing import Final

from codeflow_engine.domain.finding import Suggestion
from codeflow_engine.providers.analyzer.editing import whole_lines

__all__ = ["Edit", "Source", "UnreadableError", "is_python", "is_stub"]

_SUFFIXES: Final = (".py", ".pyi", ".pyw")
_TELLING: Final = frozenset({"__init__", "__main__", "conftest", "setup"})
"""Names that rules depend on; a private copy of any other file has one name for all."""

# PEP 263. Python looks at the second line only where the first is blank or a comment.
_COOKIE: Final = re.compile(rb"[ \t\f]*+#.*?coding[:=][ \t]*+([-\w.]+)")
_BLANK: Final = re.compile(rb"[ \t\f]*+(?:#[^\r\n]*+)?\Z")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_HEAD: Final = 4096
"""Bytes in which the first two lines are looked for; a longer comment names no encoding."""

_CODECS: Final = {
    "utf-8": ("utf-8", "utf8", "u8", "utf"),
    "ascii": ("ascii", "us-ascii"),
    "iso-8859-1": ("latin-1", "latin1", "iso-8859-1", "iso8859-1", "iso-latin-1", "l1"),
    "iso-8859-15": ("latin-9", "iso-8859-15", "iso8859-15"),
    "cp1252": ("cp1252", "windows-1252"),
}
"""Encodings of one byte to a character, and UTF-8. Others can make lines of what git shows as
one, or run slow code of Python's own while they decode."""

_BOM: Final = b"\xef\xbb\xbf"


class UnreadableError(Exception):
    """Says why a file of the change cannot be examined; never leaves the analyzer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replaces what stands between two places, as a tool counts them."""

    start: tuple[int, int]
    """Row and column, each counted from 1."""

    end: tuple[int, int]
    content: str


def is_python(path: str) -> bool:
    """Tell whether a name is one of Python source."""
    return path.lower().endswith(_SUFFIXES)


def is_stub(path: str) -> bool:
    """Tell whether a name is one of a stub: types, and nothing that runs."""
    return path.lower().endswith(".pyi")


class Source:
    """A Python file of the change.

    Args:
        path: Its path.
        content: Its bytes.

    Raises:
        UnreadableError: Its text cannot be told.
    """

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        self.content = content
        self.encoding: str = _encoding(content)
        try:
            self.text: str = content.decode(self.encoding)
        except UnicodeDecodeError:
            raise UnreadableError(f"it is not in {self.encoding}, as it should be") from None

    @property
    def copy_name(self) -> str:
        """Name of its private copy: nothing of the path but what rules depend on."""
        stem, _, suffix = basename(self.path).lower().rpartition(".")
        name = stem if stem in _TELLING else "module"
        return f"{name}.pyi" if suffix == "pyi" else f"{name}.py"

    @property
    def is_utf8(self) -> bool:
        """Whether columns can be told, and edits offered: a diff is read as UTF-8."""
        return self.encoding in {"utf-8", "ascii"}

    @cached_property
    def _rows(self) -> list[int]:
        """Offsets at which the rows begin that Python counts; a mark of order is in none."""
        first = 1 if self.text.startswith("\ufeff") else 0
        if "\r" not in self.text:
            return [first, *self._lines[1:]]
        return [first, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.text))]

    @cached_property
    def _lines(self) -> list[int]:
        """Offsets at which the lines begin that git counts."""
        lengths = map(len, self.text.split("\n")[:-1])
        return [0, *(ends + number for number, ends in enumerate(accumulate(lengths), 1))]

    @property
    def _last(self) -> int:
        """Number of git's last line; an end of line begins no further one."""
        open_end = len(self._lines) > 1 and self._lines[-1] == len(self.text)
        return len(self._lines) - 1 if open_end else len(self._lines)

    def offset(self, row: int, column: int) -> int:
        """Give the offset of a place in the text.

        Raises:
            ValueError: The text has no such place.
        """
        if not 1 <= row <= len(self._rows) or column < 1:
            raise ValueError(f"no row {row} with a column {column}")
        at = self._rows[row - 1] + column - 1
        stop = self._rows[row] if row < len(self._rows) else len(self.text)
        if at > stop:
            raise ValueError(f"no column {column} in row {row}")
        return at

    def column_of_byte(self, row: int, count: int) -> int:
        """Give the column behind a number of UTF-8 bytes of a row."""
        start = self.offset(row, 1)
        stop = self._rows[row] if row < len(self._rows) else len(self.text)
        head = self.text[start:stop].encode()[: max(count, 0)]
        return len(head.decode("utf-8", "ignore")) + 1

    def place(self, row: int, column: int = 1) -> tuple[int, int | None]:
        """Turn a place as a tool counts it into git's line and column.

        Behind the end of the text, which tools point at where something is missing, the
        place is the last line without a column.

        Raises:
            ValueError: The text has no such place.
        """
        at = self.offset(row, column)
        line = bisect_right(self._lines, at)
        if line > self._last:
            return max(self._last, 1), None
        return line, at - self._lines[line - 1] + 1 if self.is_utf8 else None

    def suggestion(self, edits: list[Edit]) -> Suggestion | None:
        """Make edits of places one edit of whole lines; None where that cannot be said.

        Raises:
            ValueError: The text has no such place.
        """
        spans = sorted((self.offset(*edit.start), self.offset(*edit.end)) for edit in edits)
        apart = all(one[1] <= other[0] for one, other in pairwise(spans))
        if not self.is_utf8 or not spans or not apart or any(a > b for a, b in spans):
            return None
        first = bisect_right(self._lines, spans[0][0])
        last = min(bisect_right(self._lines, spans[-1][1]), self._last)
        low = self._lines[first - 1]
        high = self._lines[last] if last < len(self._lines) else len(self.text)
        old = self.text[low:high]
        if spans[-1][1] > high:
            return None
        new = old
        for edit in sorted(edits, key=lambda one: self.offset(*one.start), reverse=True):
            begin, end = self.offset(*edit.start) - low, self.offset(*edit.end) - low
            new = new[:begin] + edit.content + new[end:]
        return whole_lines(first, old, new)


def _encoding(content: bytes) -> str:
    """Find the encoding that Python reads a file with (PEP 263)."""
    if content.startswith(_BOM):
        return "utf-8"
    rows = _LINE_END.split(content[:_HEAD], maxsplit=2)[:2]
    for row in rows:
        if found := _COOKIE.match(row):
            return _known(found[1].decode("ascii", "replace"))
        if not _BLANK.match(row):
            break
    return "utf-8"


def _known(cookie: str) -> str:
    name = cookie.lower().replace("_", "-")
    for codec, names in _CODECS.items():
        # Emacs writes `utf-8-unix`, and Python takes it.
        if name in names or name.startswith(tuple(f"{one}-" for one in names if "-" in one)):
            return codec
    shown = re.sub(r"[^ -~]", "?", name)[:30]
    raise UnreadableError(f"it declares the encoding {shown!r}, which is not read")
