"""Where a raw finding stands: which file, which hunk, which lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from codeflow_engine.domain.diff import Diff, DiffFile, Line, LineKind, Side, Unit
from codeflow_engine.domain.finding import RawFinding

__all__ = ["Locator", "NoAnchorError", "OutOfScopeError", "Place"]


class NoAnchorError(Exception):
    """Says why a raw finding has no place in the change; never leaves the stage."""


class OutOfScopeError(NoAnchorError):
    """Says that the place is there, and none that the scope of the review takes in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Lines of a file of the change, or a file as a whole."""

    file: int
    """Index of the file in the diff."""

    hunk: int | None = None
    """Index of the hunk that shows the lines; None where none does."""

    lines: tuple[int, int] | None = None
    """First and last line on the finding's side; None for the whole file."""


class Locator:
    """Finds the places of raw findings in one change.

    Args:
        diff: The change.
        to_review: Its units that are under review.
        whole: Lines of whole files by path, on the new side, where a source that reads
            files may speak of any line; None keeps it to the lines that the change touches.
    """

    def __init__(
        self,
        diff: Diff,
        to_review: frozenset[Unit],
        whole: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._diff = diff
        self._to_review = to_review
        self._whole = whole
        self._texts: dict[tuple[int, int, Side], str] = {}

    @cached_property
    def files(self) -> list[DiffFile]:
        """The files of the change."""
        return list(self._diff.files)

    @cached_property
    def _by_path(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, file in enumerate(self.files):
            for path in {file.old_path, file.new_path} - {None}:
                places.setdefault(str(path), []).append(place)
        return places

    @cached_property
    def _files_to_review(self) -> frozenset[int]:
        return frozenset(unit.file for unit in self._to_review)

    def find(self, raw: RawFinding, *, reads_files: bool) -> Place:
        """Find the place of a finding.

        Raises:
            NoAnchorError: It has none in what is under review.
        """
        files = [
            file
            for file in self._by_path.get(raw.path, ())
            if raw.path == _path_on(self.files[file], raw.side)
        ]
        if not files:
            raise NoAnchorError("the path is not in the change")
        if raw.line is None and raw.quote is None:
            return Place(file=self._under_review(files))
        if raw.line is None:
            place = self._by_quote(raw, files)
        else:
            place = self._by_line(raw, raw.line, files, reads_files=reads_files)
        if place.hunk is None:
            self._under_review([place.file])
        elif Unit(file=place.file, hunk=place.hunk) not in self._to_review:
            raise NoAnchorError("the hunk is not under review")
        return place

    def _under_review(self, files: list[int]) -> int:
        for file in files:
            if file in self._files_to_review:
                return file
        raise NoAnchorError("the file is not under review")

    def _by_line(self, raw: RawFinding, line: int, files: list[int], *, reads_files: bool) -> Place:
        lines = (line, raw.end_line if raw.end_line is not None else line)
        overlaps = [place for file in files for place in self._overlaps(raw.side, lines, file)]
        exact = next((place for place in overlaps if place.lines == lines), None)
        if reads_files and self._whole is None:
            # What it speaks of may reach out of the hunk; the part that is shown counts.
            touching = (place for place in overlaps if self._touches(raw.side, place))
            place = next(touching, None)
            if place is None:
                raise OutOfScopeError("on lines that the change does not touch")
            told = ""
        elif exact is None and reads_files:
            return self._outside(raw, lines, files[0])
        else:
            place = exact
            starts_here = any(
                self.files[file].find_hunk(raw.side, line) is not None for file in files
            )
            what = "lines do not stand in one hunk" if starts_here else "line is not in the change"
            told = f"the {what}"
        if place is None:
            raise NoAnchorError(told)
        _check_quote(raw, [row.text for row in self._rows(raw.side, place)])
        return place

    def _overlaps(self, side: Side, lines: tuple[int, int], file: int) -> Iterator[Place]:
        """Give the part of some lines that each hunk of a file shows."""
        hunks = self.files[file].hunks
        index = bisect_right(hunks, lines[0], key=lambda hunk: hunk.numbers(side).stop)
        while index < len(hunks) and hunks[index].numbers(side).start <= lines[1]:
            shown = hunks[index].numbers(side)
            part = (max(lines[0], shown.start), min(lines[1], shown.stop - 1))
            if part[0] <= part[1]:
                yield Place(file=file, hunk=index, lines=part)
            index += 1

    def _outside(self, raw: RawFinding, lines: tuple[int, int], file: int) -> Place:
        """Give the place of lines of a whole file."""
        text = (self._whole or {}).get(raw.path) if raw.side is Side.NEW else None
        if text is None:
            raise NoAnchorError("the file around the change cannot be read")
        if not 1 <= lines[0] <= lines[1] <= len(text):
            raise NoAnchorError("the line is not in the file")
        _check_quote(raw, text[lines[0] - 1 : lines[1]])
        return Place(file=file, lines=lines)

    def _rows(self, side: Side, place: Place) -> tuple[Line, ...]:
        if place.hunk is None or place.lines is None:
            return ()
        hunk = self.files[place.file].hunks[place.hunk]
        first = hunk.numbers(side).start
        return hunk.side(side)[place.lines[0] - first : place.lines[1] - first + 1]

    def _touches(self, side: Side, place: Place) -> bool:
        """Tell whether the change adds, or on the old side removes, one of the lines."""
        return any(row.kind is not LineKind.CONTEXT for row in self._rows(side, place))

    def _text(self, file: int, hunk: int, side: Side) -> str:
        """Give one side of a hunk; kept, since a model may quote hundreds of times."""
        key = file, hunk, side
        if key not in self._texts:
            rows = self.files[file].hunks[hunk].side(side)
            self._texts[key] = "\n".join(row.text for row in rows)
        return self._texts[key]

    def _by_quote(self, raw: RawFinding, files: list[int]) -> Place:
        wanted = (raw.quote or "").strip("\n")
        if not wanted.strip():
            raise NoAnchorError("the quote is empty")
        found: list[Place] = []
        for file in files:
            for index, hunk in enumerate(self.files[file].hunks):
                text = self._text(file, index, raw.side)
                offset = text.find(wanted)
                while offset >= 0:
                    line = hunk.numbers(raw.side).start + text.count("\n", 0, offset)
                    lines = (line, line + wanted.count("\n"))
                    found.append(Place(file=file, hunk=index, lines=lines))
                    offset = text.find(wanted, offset + len(wanted))
        if not found:
            raise NoAnchorError("the quote is not in the change")
        if len(found) > 1:
            raise NoAnchorError("the quote stands at several places")
        return found[0]


def _check_quote(raw: RawFinding, lines: list[str]) -> None:
    if raw.quote is not None and raw.quote.strip() not in "\n".join(lines):
        raise NoAnchorError("the quote does not stand at the line")


def _path_on(file: DiffFile, side: Side) -> str | None:
    """Give the path that a finding on a side may name: a deleted file has only its old one."""
    return file.old_path if side is Side.OLD else (file.new_path or file.old_path)
