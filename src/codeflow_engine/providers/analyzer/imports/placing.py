"""Finds the place in a change that a report speaks of, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from codeflow_engine.domain.diff import DiffFile, Hunk, Side
from codeflow_engine.domain.finding import Suggestion
from codeflow_engine.providers.analyzer.editing import whole_lines

__all__ = ["Region", "column_in", "path_of", "region_of", "suggestion_of"]

_TOP: Final = frozenset({"SRCROOT", "REPOROOT", "PROJECTROOT", "ROOTPATH", "SOURCEROOT"})
"""Names that tools give to the top of a repository, mostly between percent signs."""

type Region = tuple[int | None, int | None, int | None, int | None]
"""Line, column, last line, column behind the end; as far as they are known."""


def path_of(row: Mapping[str, Any], paths: Iterable[str], roots: Sequence[str]) -> str | None:
    """Find the file of the change that a row names; None where it names none.

    The name has to equal a path, byte for byte: nothing is resolved, looked up on a disk,
    or found by a likeness. Of an absolute name the part below a root counts.
    """
    known = paths if isinstance(paths, set | dict) else set(paths)
    if "path" in row:
        names = _below(str(row["path"]), roots)
    else:
        names = _names(str(row["uri"]), row["bases"], roots)
    return next((name for name in names if name in known), None)


def _names(uri: str, bases: Sequence[Any], roots: Sequence[str]) -> Iterator[str]:
    name = _file_name(uri)
    if name is None:
        return
    if name.startswith("/") or not bases:
        yield from _below(name, roots)
        return
    whole = name
    for _, base in bases:
        prefix = None if base is None else _file_name(base)
        if prefix is None:
            break
        whole = prefix + whole if prefix.endswith("/") else f"{prefix}/{whole}"
    if whole.startswith("/"):
        yield from _below(whole, roots)
    top, address = bases[-1]
    if len(bases) == 1 and (not address or str(top).strip("%").upper() in _TOP):
        yield from _below(name, roots)


def _file_name(uri: str) -> str | None:
    """Undo a URI; None where it is none of a file."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        return None
    if parts.query or parts.fragment:
        return None
    return unquote_to_bytes(parts.path).decode("utf-8", "surrogateescape")


def _below(name: str, roots: Sequence[str]) -> Iterator[str]:
    if not name.startswith("/"):
        yield name.removeprefix("./")
        return
    for root in roots:
        prefix = root.rstrip("/") + "/"
        if name.startswith(prefix):
            yield name.removeprefix(prefix)


def region_of(region: Sequence[Any]) -> Region:
    """Make a region of four numbers; what cannot be is absent.

    Raises:
        ValueError: They are no numbers.
    """
    if len(region) != 4 or any(  # noqa: PLR2004 - the four of `Region`
        number is not None and type(number) is not int for number in region
    ):
        raise ValueError("a region is four numbers")
    line, column, last, end_column = region
    if line is None or line < 1:
        return None, None, None, None
    if last is None or last < line:
        last = line
    if end_column == 1 and last > line:
        last, end_column = last - 1, None
    return line, column, last, end_column


def column_in(text: str, column: int | None, unit: str) -> int | None:
    """Turn a column into one of characters, counted from 1; None where it is none."""
    if column is None or column < 1:
        return None
    if unit == "points":
        return column if column <= len(text) + 1 else None
    encoding = {"utf16": "utf-16-le", "utf8": "utf-8"}[unit]
    width = 2 if unit == "utf16" else 1
    try:
        data = text.encode(encoding)
        head = data[: (column - 1) * width].decode(encoding)
    except UnicodeError:  # a byte that is no UTF-8, or a column within a character
        return None
    return len(head) + 1 if (column - 1) * width <= len(data) else None


class _Span(NamedTuple):
    """What an edit replaces, and by what."""

    region: Region
    text: str
    closed: bool
    """Whether the end of the last line is replaced, too."""


def suggestion_of(edits: Sequence[Sequence[Any]], file: DiffFile, unit: str) -> Suggestion | None:
    """Make a suggestion of edits; None where one hunk does not show all their lines.

    Raises:
        ValueError: They are not edits.
    """
    spans: list[_Span] = []
    for *region, text in edits:
        if text is not None and not isinstance(text, str):
            raise ValueError("an edit has a text")
        place = region_of(region)
        # It ends before the first column of a line: the end of the line above goes along.
        spans.append(_Span(place, text or "", closed=place[2] != region[2] and region[3] == 1))
    lines = [number for span in spans for number in (span.region[0], span.region[2])]
    if not lines or None in lines:
        return None
    first = min(number for number in lines if number)
    final = max(number for number in lines if number)
    hunk = file.find_hunk(Side.NEW, first)
    if hunk is None or not file.hunks[hunk].covers(Side.NEW, final):
        return None
    return _applied(spans, file.hunks[hunk], (first, final), unit)


def _applied(
    spans: Sequence[_Span], hunk: Hunk, lines: tuple[int, int], unit: str
) -> Suggestion | None:
    first, final = lines
    start = hunk.numbers(Side.NEW).start
    rows = [line.text for line in hunk.side(Side.NEW)[first - start : final - start + 1]]
    begins = [0]
    for row in rows:
        begins.append(begins[-1] + len(row) + 1)
    found: list[tuple[int, int, str]] = []
    for span in spans:
        line, column, last, end_column = span.region
        low = column_in(rows[(line or 0) - first], 1 if column is None else column, unit)
        row = rows[(last or 0) - first]
        high = len(row) + 1 if end_column is None else column_in(row, end_column, unit)
        if low is None or high is None:
            return None
        begin, end = begins[(line or 0) - first] + low - 1, begins[(last or 0) - first] + high - 1
        found.append((begin, end + 1 if span.closed else end, span.text))
    found.sort(key=lambda one: one[:2], reverse=True)
    old = new = "".join(f"{row}\n" for row in rows)
    before = len(old)
    for begin, end, text in found:
        if begin > end or end > before:
            return None
        new, before = new[:begin] + text + new[end:], begin
    return whole_lines(first, old, new)
