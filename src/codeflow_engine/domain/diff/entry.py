"""A diff, its file entries, and the units that a review accounts for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, override

from codeflow_engine.domain.diff.headers import FileStatus, Header
from codeflow_engine.domain.diff.hunk import Hunk, Line, Side
from codeflow_engine.domain.diff.scanning import Index, read_header, scan
from codeflow_engine.domain.diff.spans import Lazy, Span
from codeflow_engine.errors import DiffError

__all__ = ["Diff", "DiffFile", "Unit"]

_SYMLINK = "120000"
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a review accounts for: a hunk, or a file entry that has no hunks."""

    file: int
    """Index into `Diff.files`."""

    hunk: int | None
    """Index into the file's `hunks`; None for an entry without hunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffFile:
    """One file entry of a diff.

    Entries are equal when their bytes are, wherever they stand. Hunks and lines that were
    asked for live as long as this object: hold it while looking up many lines.
    """

    old_path: str | None
    """Path before the change, without prefix; None where the file did not exist.

    Bytes that are no UTF-8 are surrogates: `encode("utf-8", "surrogateescape")` gives the
    path of the file system. It is what the diff says, also when it leads out of the tree.
    """

    new_path: str | None
    """Path after the change; None where the file no longer exists."""

    status: FileStatus
    old_mode: str | None
    """Six octal digits; None where the diff does not say."""
    new_mode: str | None
    old_id: str | None
    """Blob id as the diff has it, mostly abbreviated; None where there is no such side."""
    new_id: str | None
    similarity: int | None
    """Percentage that a renamed or copied file has kept."""

    is_binary: bool
    """Whether the diff says that the content is binary, with or without showing it."""

    unsupported: str | None
    """Why the change of this entry cannot be seen in full; None where it can."""

    hunks: Sequence[Hunk] = field(compare=False, repr=False)
    """The hunks, made when they are asked for."""

    span: Span
    """The entry's bytes, from the first header line to the end of the last hunk."""

    @property
    def path(self) -> str:
        """The path after the change, or the one before it for a deleted file."""
        return self.new_path or self.old_path or ""

    @property
    def is_symlink(self) -> bool:
        """Whether one side is a symbolic link; its content is then the link's target."""
        return _SYMLINK in {self.old_mode, self.new_mode}

    @property
    def is_submodule(self) -> bool:
        """Whether one side is a submodule; its content is then the name of a commit."""
        return _SUBMODULE in {self.old_mode, self.new_mode}

    @property
    def added(self) -> int:
        """Number of added lines."""
        return sum(hunk.added for hunk in self.hunks)

    @property
    def deleted(self) -> int:
        """Number of deleted lines."""
        return sum(hunk.deleted for hunk in self.hunks)

    def find_hunk(self, side: Side, number: int) -> int | None:
        """Find the index of the hunk that shows line `number` of a side, if one does."""
        place = bisect_right(self.hunks, number, key=lambda hunk: hunk.numbers(side).start) - 1
        return place if place >= 0 and self.hunks[place].covers(side, number) else None

    def line_at(self, side: Side, number: int) -> Line | None:
        """Give line `number` of a side; None where no hunk shows it."""
        place = self.find_hunk(side, number)
        return None if place is None else self.hunks[place].line_at(side, number)

    def render(self) -> bytes:
        """Give the entry as it stands in the input, header and hunks."""
        return self.span.render()

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return _read_alone, (self.span,)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Diff:
    """A unified diff: its bytes, and an index of what stands where.

    The index takes about eight bytes a hunk and 24 an entry; `files` and their hunks are
    made anew each time they are asked for.
    """

    data: bytes
    """The input; a text is encoded as UTF-8."""

    index: Index = field(compare=False)

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read a diff as git, GNU diff and their relatives write it.

        Free text between the entries is no part of them. A blank input has no entries.
        The newline at the end of the input may be missing.

        Raises:
            DiffError: The diff is malformed or cut off; or the input is not blank and
                holds no entry, so that a wrong file never reads as an empty change.
        """
        data = _encode(text) if isinstance(text, str) else text
        return cls(data=data, index=scan(data))

    @property
    def files(self) -> Sequence[DiffFile]:
        """The file entries in the order of the input; a path may occur several times."""
        return Lazy(partial(_read_file, self.data, self.index, 0), len(self.index.starts))

    @property
    def units(self) -> tuple[Unit, ...]:
        """Everything that a review has to account for, in the order of the input."""
        firsts = self.index.firsts
        return tuple(
            Unit(file=file, hunk=hunk)
            for file in range(len(firsts) - 1)
            for hunk in range(firsts[file + 1] - firsts[file]) or (None,)
        )

    def render(self) -> bytes:
        """Give the input back, byte for byte."""
        return self.data

    @override
    def __repr__(self) -> str:
        files, hunks = len(self.index.starts), len(self.index.hunks)
        return f"<Diff of {len(self.data)} bytes: {files} files, {hunks} hunks>"

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Diff.parse, (self.data,)


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise DiffError("a lone surrogate, which stands for no byte", line=line) from error


def _read_file(data: bytes, index: Index, origin: int, place: int) -> DiffFile:
    span = Span(data=data, low=index.starts[place], high=index.ends[place], origin=origin)
    first = index.firsts[place]
    count = index.firsts[place + 1] - first
    hunks = Lazy(partial(_read_hunk, span, index.hunks, first, count), count, keep=True)
    header = read_header(data, span.low)
    old_path, new_path, status = _settle_sides(header, hunks)
    return DiffFile(
        old_path=old_path,
        new_path=new_path,
        status=status,
        old_mode=header.old_mode,
        new_mode=header.new_mode,
        old_id=header.old_id,
        new_id=header.new_id,
        similarity=header.similarity,
        is_binary=header.is_binary,
        unsupported=header.unsupported,
        hunks=hunks,
        span=span,
    )


def _settle_sides(
    header: Header, hunks: Sequence[Hunk]
) -> tuple[str | None, str | None, FileStatus]:
    """Find a side that is missing though it has a name, as `diff -N` prints it.

    The timestamp alone does not tell: whole archives are stamped with the epoch.
    """
    if len(hunks) == 1 and header.old_epoch and hunks[0].old_start == hunks[0].old_lines == 0:
        return None, header.new_path, FileStatus.ADDED
    if len(hunks) == 1 and header.new_epoch and hunks[0].new_start == hunks[0].new_lines == 0:
        return header.old_path, None, FileStatus.DELETED
    return header.old_path, header.new_path, header.status


def _read_hunk(file: Span, starts: Sequence[int], first: int, count: int, place: int) -> Hunk:
    low = starts[first + place]
    high = starts[first + place + 1] if place + 1 < count else file.high
    return Hunk.read(Span(data=file.data, low=low, high=high, origin=file.origin))


def _read_alone(span: Span) -> DiffFile:
    """Read an entry from a span that holds nothing else."""
    data = span.render()
    return _read_file(data, scan(data), span.start, 0)
