"""What differs between two trees, file by file, as git tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

__all__ = ["FileDiff", "Hunk", "Place", "read_diff"]

_HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_STATUSES: Final = {
    "A": "added",
    "C": "copied",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "T": "changed",
}
_NOTHING: Final = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a line of a file stands in its diff."""

    hunk: int
    """Which hunk, from 0."""
    row: int
    """Which line of the hunk, from 0."""
    position: int
    """Lines below the first hunk's header, counted through all hunks: API's `position`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """One hunk."""

    header: bytes
    old: int
    old_count: int
    new: int
    new_count: int
    lines: tuple[bytes, ...]
    """Each with its mark: a space, `+`, `-` or a backslash."""

    def rows(self) -> Iterator[tuple[int, int | None, int | None]]:
        """Give for each line its index and its numbers on the old and on the new side."""
        old, new = self.old, self.new
        for index, line in enumerate(self.lines):
            mark = line[:1]
            has_old, has_new = mark in {b" ", b"-"}, mark in {b" ", b"+"}
            yield index, old if has_old else None, new if has_new else None
            old, new = old + has_old, new + has_new


@dataclass(frozen=True, kw_only=True, eq=False)
class FileDiff:
    """What happened to one file."""

    path: bytes
    old_path: bytes
    letter: str
    """Git's letter of what happened."""
    old_sha: str
    new_sha: str
    old_mode: str
    new_mode: str
    additions: int
    deletions: int
    raw: bytes
    """Its part of the diff, from `diff --git` on."""

    @property
    def name(self) -> str:
        """The path as JSON can have it."""
        return self.path.decode("utf-8", "replace")

    @property
    def old_name(self) -> str:
        """The old path as JSON can have it."""
        return self.old_path.decode("utf-8", "replace")

    @property
    def status(self) -> str:
        """What happened, in the API's word."""
        return _STATUSES[self.letter]

    @property
    def sha(self) -> str:
        """The id of the file's content: the new one, or that of a removed file."""
        return self.old_sha if self.new_sha == _NOTHING else self.new_sha

    @cached_property
    def patch(self) -> bytes | None:
        """The hunks alone, without a newline at their end; None where there are none."""
        found = _first_hunk(self.raw)
        return None if found is None else self.raw[found:].removesuffix(b"\n")

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """The hunks."""
        return () if self.patch is None else tuple(_hunks(self.patch))

    @cached_property
    def places(self) -> dict[tuple[str, int], Place]:
        """The lines that a comment can stand on, by side (`LEFT`, `RIGHT`) and number."""
        found = {}
        position = 0
        for number, hunk in enumerate(self.hunks):
            for index, old, new in hunk.rows():
                place = Place(hunk=number, row=index, position=position + index + 1)
                if old is not None:
                    found["LEFT", old] = place
                if new is not None:
                    found["RIGHT", new] = place
            position += len(hunk.lines) + 1
        return found

    def follow(self, line: int) -> int | None:
        """Give where a line of the old side stands on the new one; None where it is changed."""
        shift = 0
        for hunk in self.hunks:
            if line < hunk.old + (hunk.old_count == 0):
                break
            for _, old, new in hunk.rows():
                if old == line:
                    return new
            shift = (hunk.new + hunk.new_count + (hunk.new_count == 0)) - (
                hunk.old + hunk.old_count + (hunk.old_count == 0)
            )
        return line + shift


def read_diff(listed: bytes, patch: bytes) -> tuple[FileDiff, ...]:
    """Read a diff.

    Args:
        listed: What `git diff-tree --raw --numstat --no-abbrev -z` writes.
        patch: What it writes with `-p`.
    """
    fields = iter(listed.split(b"\0"))
    entries, counts = [], []
    for one in fields:
        if one.startswith(b":"):
            old_mode, new_mode, old_sha, new_sha, letter = one[1:].decode("ascii").split()
            first = next(fields)
            second = next(fields) if letter[0] in "RC" else first
            entries.append((first, second, letter[0], old_sha, new_sha, old_mode, new_mode))
        elif one:
            added, deleted, path = one.split(b"\t", 2)
            if not path:  # a rename: both names follow
                next(fields), next(fields)
            counts.append(tuple(0 if n == b"-" else int(n) for n in (added, deleted)))
    sections = iter(_sections(patch))
    found = []
    for (old_path, path, letter, old_sha, new_sha, old_mode, new_mode), (added_n, deleted_n) in zip(
        entries, counts, strict=True
    ):
        raw = next(sections)
        if letter == "T":  # shown as a removal and an addition
            raw += next(sections)
        found.append(
            FileDiff(
                path=path,
                old_path=old_path,
                letter=letter,
                old_sha=old_sha,
                new_sha=new_sha,
                old_mode=old_mode,
                new_mode=new_mode,
                additions=added_n,
                deletions=deleted_n,
                raw=raw,
            )
        )
    return tuple(found)


def _sections(patch: bytes) -> Iterator[bytes]:
    # No line of a hunk begins so: each has a mark before it.
    starts = [found.start() for found in re.finditer(rb"^diff --git ", patch, re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(patch)], strict=True):
        yield patch[start:end]


def _first_hunk(raw: bytes) -> int | None:
    found = re.search(rb"^@@ -", raw, re.MULTILINE)
    return None if found is None else found.start()


def _hunks(patch: bytes) -> Iterator[Hunk]:
    header, lines = b"", list[bytes]()
    for line in patch.split(b"\n"):
        if line.startswith(b"@@ -"):
            if header:
                yield _hunk(header, lines)
            header, lines = line, []
        elif header and line[:1] in {b" ", b"+", b"-", b"\\"}:
            lines.append(line)
        else:  # the head of the second half of a file that changed its kind
            if header:
                yield _hunk(header, lines)
            header = b""
    if header:
        yield _hunk(header, lines)


def _hunk(header: bytes, lines: list[bytes]) -> Hunk:
    found = _HUNK.match(header)
    if found is None:
        raise ValueError(f"git wrote a hunk with the header {header!r}")
    old, old_count, new, new_count = (1 if n is None else int(n) for n in found.groups())
    return Hunk(
        header=header,
        old=old,
        old_count=old_count,
        new=new,
        new_count=new_count,
        lines=tuple(lines),
    )
