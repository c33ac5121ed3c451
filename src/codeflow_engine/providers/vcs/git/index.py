"""The index, read by git from a copy of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.providers.vcs.git.disk import Stop, in_thread, open_regular, shown
from codeflow_engine.providers.vcs.git.plumbing import Plumbing

__all__ = [
    "Entry",
    "Index",
    "Staged",
    "copy_index",
    "is_unchanged",
    "read_index",
    "read_staged",
]

_OUTPUT: Final = 1024 * 1024 * 1024  # about 250 bytes an entry
_COPIED: Final = 1024 * 1024 * 1024
_RECORD: Final = re.compile(
    rb"([0-7]{6}) ([0-9a-f]{40,64}) ([0-3])\t([^\0]++)\0"
    rb"(  ctime: \d+:\d+\n  mtime: \d+:\d+\n  dev: \d+\tino: \d+\n"
    rb"  uid: \d+\tgid: \d+\n  size: \d+)\tflags: ([0-9a-f]+)\n"
)
_UNCHANGED: Final = (
    b"\0  ctime: %d:%d\n  mtime: %d:%d\n  dev: %d\tino: %d\n  uid: %d\tgid: %d\n  size: %d"
    b"\tflags: 0\n"
)
_NUMBER: Final = re.compile(rb"\d+")
_NO_PATH: Final = re.compile(rb"(?:\A|/)(?:\.{0,2}|\.git)(?:/|\Z)", re.IGNORECASE)
_SECOND: Final = 1_000_000_000
_STOPS: Final = 1000
_LOW: Final = 0xFFFFFFFF
_STAGED: Final = re.compile(rb":[0-7]{6} ([0-7]{6}) [0-9a-f]+ ([0-9a-f]+) ([A-Z])")
_VALID, _INTENT, _SKIPPED = 0x8000, 1 << 29, 1 << 30  # cache.h


class Entry(NamedTuple):
    """One entry of the index, in git's own words."""

    mode: bytes
    id: bytes
    stage: bytes
    path: bytes
    recorded: bytes
    """What the file looked like when it was recorded."""

    flags: bytes

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == b"120000"

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository."""
        return self.mode == b"160000"

    @property
    def is_sparse(self) -> bool:
        """Whether the file is left out of the working tree on purpose."""
        return bool(int(self.flags, 16) & _SKIPPED)

    @property
    def is_assumed(self) -> bool:
        """Whether the user has told git not to look at the file."""
        return bool(int(self.flags, 16) & _VALID)

    @property
    def is_intended(self) -> bool:
        """Whether only the intention to add the file is recorded."""
        return bool(int(self.flags, 16) & _INTENT)

    @property
    def is_unmerged(self) -> bool:
        """Whether it is one side of a conflict."""
        return self.stage != b"0"

    @classmethod
    def read(cls, record: bytes) -> Entry:
        """Read what git has written of an entry."""
        found = _RECORD.fullmatch(record)
        if found is None:
            raise ChangeUnavailableError("git described the index in an unknown form")
        return cls._make(found.groups())

    def matches(self, found: os.stat_result) -> bool:
        """Tell whether a file looks as it did when it was recorded."""
        numbers = [int(number) for number in _NUMBER.findall(self.recorded)]
        del numbers[4]  # the device, which some file systems number anew at each mount
        # Git keeps the low 32 bits of everything.
        others = (found.st_ino, found.st_uid, found.st_gid, found.st_size)
        return (
            _same_time(numbers[0:2], found.st_ctime_ns)
            and _same_time(numbers[2:4], found.st_mtime_ns)
            and numbers[4:] == [number & _LOW for number in others]
        )


def is_unchanged(record: bytes, found: os.stat_result) -> bool:
    """Tell whether a file looks as git has recorded it, with no flag set: the usual case.

    A record stays the bytes that git has written as long as nothing else is asked, since
    fifty thousand of them are made for a change of one.
    """
    return record.endswith(
        _UNCHANGED
        % (
            found.st_ctime_ns // _SECOND,
            found.st_ctime_ns % _SECOND,
            found.st_mtime_ns // _SECOND,
            found.st_mtime_ns % _SECOND,
            found.st_dev,
            found.st_ino & _LOW,
            found.st_uid,
            found.st_gid,
            found.st_size & _LOW,
        )
    )


def _same_time(recorded: Sequence[int], found: int) -> bool:
    seconds, rest = divmod(found, _SECOND)
    # Other implementations than git's own leave the nanoseconds out.
    return recorded[0] == seconds & _LOW and recorded[1] in {rest, 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What is staged."""

    records: Mapping[bytes, bytes]
    """Entries by path, for `Entry.read`. Of a path in conflict, one of its stages."""

    unmerged: frozenset[bytes]
    """Paths in conflict."""

    written: int
    """When the index was written, in nanoseconds; a file of that time or later may have
    changed afterwards without a trace ("racy git")."""


class Staged(NamedTuple):
    """What the index holds at a path where it differs from a commit."""

    mode: bytes
    id: bytes


async def copy_index(plumbing: Plumbing) -> int:
    """Copy the index for git to read; give when it was written, 0 where there is none."""
    return await in_thread(partial(_copy, plumbing))


async def read_index(plumbing: Plumbing, written: int) -> Index:
    """Read every entry of the copied index.

    Raises:
        ChangeUnavailableError: It is damaged, or names a path outside of the tree.
    """
    text = await plumbing.run("ls-files", "--stage", "--debug", "-z", output=_OUTPUT)
    return await in_thread(partial(_parse, text, written))


def _copy(plumbing: Plumbing, _stop: Stop) -> int:
    source = plumbing.repository.git_dir
    # A split index keeps most entries in a file beside it.
    parts = [path for path in source.iterdir() if path.name.startswith("sharedindex.")]
    left = _COPIED
    for path in (*parts, source / "index"):
        written, size = _copy_file(path, plumbing.directory, limit=left)
        left -= size
    return written


def _copy_file(path: Path, directory: Path, *, limit: int) -> tuple[int, int]:
    """Copy a file; give its time and size, both 0 where there is none."""
    opened = open_regular(None, path)
    if opened is None:
        if os.path.lexists(path):
            raise ChangeUnavailableError(f"{shown(path)} is not a regular file")
        return 0, 0
    source, found = opened
    with source, (directory / path.name).open("wb") as copy:
        if found.st_size > limit:
            raise ChangeUnavailableError(f"the index in {shown(path.parent)} is too large")
        shutil.copyfileobj(source, copy, 1024 * 1024)
    return found.st_mtime_ns, found.st_size


def _parse(text: bytes, written: int, stop: Stop) -> Index:
    records: dict[bytes, bytes] = {}
    unmerged: set[bytes] = set()
    place = 0
    # One match after the other, and not `findall`, which would hold the interpreter's lock
    # for the whole of it.
    while place < len(text):
        found = _RECORD.match(text, place)
        if found is None:
            raise ChangeUnavailableError("git described the index in an unknown form")
        place = found.end()
        path = found[4]
        # The first question is much faster, and the answer is nearly always no.
        if (b"/." in path or b"//" in path or path[:1] in b"/." or path[-1:] == b"/") and (
            _NO_PATH.search(path) is not None
        ):
            raise ChangeUnavailableError(f"the index holds {shown(path)}, which is no path in it")
        if len(records) % _STOPS == 0:
            stop()
        if found[3] != b"0":
            unmerged.add(path)
        records[path] = found[0]
    return Index(records=records, unmerged=frozenset(unmerged), written=written)


async def read_staged(
    plumbing: Plumbing, commit: str
) -> tuple[dict[bytes, Staged | None], frozenset[bytes]]:
    """Read where the copied index differs from a commit; None where it has no such path.

    Paths that are only intended to be added are left out; those in conflict come apart.
    """
    text = await plumbing.run(
        *("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames"),
        *("--ita-invisible-in-index", "--end-of-options", commit),
        output=_OUTPUT,
    )
    return await in_thread(partial(_parse_staged, text))


def _parse_staged(text: bytes, _stop: Stop) -> tuple[dict[bytes, Staged | None], frozenset[bytes]]:
    fields = text.split(b"\0")
    staged: dict[bytes, Staged | None] = {}
    unmerged: set[bytes] = set()
    for about, path in zip(fields[:-1:2], fields[1::2], strict=True):
        found = _STAGED.fullmatch(about)
        if found is None:
            raise ChangeUnavailableError("git described what is staged in an unknown form")
        if found[3] == b"U":
            unmerged.add(path)
        else:
            staged[path] = None if found[3] == b"D" else Staged(mode=found[1], id=found[2])
    return staged, frozenset(unmerged)
