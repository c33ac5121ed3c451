"""Writing files of a working tree: all of them or none, through no link, out of no directory.

Somebody else may own every name below the directory, so each directory on the way to a file
is opened by itself and never through a link, and a file is replaced by renaming one that was
written beside it. That never writes through a link, hard ones included.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from codeflow_engine.errors import PatchError
from codeflow_engine.reports.visible import escape_path

__all__ = ["Overwrite", "fill", "is_safe", "overwrite"]

_ROOT: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BELOW: Final = _ROOT | os.O_NOFOLLOW
# O_NONBLOCK: to open a FIFO would wait for whoever writes to it.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FORBIDDEN: Final = frozenset(["", ".", "..", ".git"])
_PERMISSIONS: Final = 0o777
_SLACK: Final = 64 * 1024 * 1024
"""Bytes that a file may have been longer before the edits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """A file that is to have another content."""

    path: str
    """Below the directory, with `/` between its parts."""

    before: str
    """SHA-256 of the content that it has to have."""

    content: bytes
    """What it gets; lines end in LF where `before` is of such content."""


@dataclass(slots=True)
class _Open:
    """A file that was found to be as it has to be."""

    path: str
    directory: int
    name: str
    found: os.stat_result
    old: bytes
    new: bytes
    fresh: str = ""
    """Name of the new content beside the file, until it takes its place."""

    kept: str = ""
    """Name of the old content beside the file, to be put back."""


def is_safe(path: str) -> bool:
    """Say whether a path names a file below a directory, and nothing of git's own."""
    parts = path.split("/")
    return "\0" not in path and not any(part.lower() in _FORBIDDEN for part in parts)


def overwrite(directory: Path, files: Sequence[Overwrite]) -> None:
    """Give files another content, all of them or none.

    Raises:
        PatchError: One of them is not as it has to be, or cannot be written; nothing was.
    """
    with ExitStack() as stack:
        root = stack.enter_context(_directory(directory))
        opened = [_look(stack, root, one) for one in files]
        changed = [one for one in opened if one.old != one.new]
        try:
            for one in changed:
                with _told(one.path):
                    _prepare(one, backup=len(changed) > 1)
            _exchange(changed)
        finally:
            _tidy(changed)


def fill(directory: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write files with their permissions below an empty directory.

    Raises:
        PatchError: It is not there or not empty, or one cannot be written.
    """
    with _directory(directory) as root:
        if os.listdir(root):  # noqa: PTH208 - of the open directory
            raise _refusal(str(directory), "it is not empty")
        for path, (content, mode) in files.items():
            if not is_safe(path):
                raise _refusal(path, "it is no path of a file of the tree")
            with _told(path):
                _make(root, path, content, mode)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say of which file the system refuses something."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _refusal(path, getattr(error, "strerror", None) or str(error)) from None


@contextmanager
def _directory(path: Path) -> Iterator[int]:
    with _told(str(path)):
        root = os.open(path, _ROOT)
    try:
        yield root
    finally:
        os.close(root)


def _look(stack: ExitStack, root: int, wanted: Overwrite) -> _Open:
    """Open the directory of a file, and see that the file is what it has to be."""
    if not is_safe(wanted.path):
        raise _refusal(wanted.path, "it is no path of a file of the tree")
    *folders, name = wanted.path.split("/")
    at = root
    with _told(wanted.path):
        for folder in folders:
            at = os.open(folder, _BELOW, dir_fd=at)
            stack.callback(os.close, at)
        number = os.open(name, _READ, dir_fd=at)
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            # With another end of each line it is twice as long at most.
            regular = stat.S_ISREG(found.st_mode)
            old = file.read(2 * len(wanted.content) + _SLACK) if regular else b""
    if not regular:
        raise _refusal(wanted.path, "it is no regular file")
    return _Open(wanted.path, at, name, found, old, _fitting(wanted, old))


def _fitting(wanted: Overwrite, old: bytes) -> bytes:
    """Give the new content with the ends of lines that the file has."""
    unix = old.replace(b"\r\n", b"\n")
    forms = [(old, wanted.content)]
    if unix.replace(b"\n", b"\r\n") == old != unix:
        forms.append((unix, wanted.content.replace(b"\n", b"\r\n")))
    for content, new in forms:
        if sha256(content).hexdigest() == wanted.before:
            return new
        if content == wanted.content:
            return old
    raise _refusal(wanted.path, "it is not what the patch was made for")


def _prepare(one: _Open, *, backup: bool) -> None:
    one.fresh = _temporary(one, one.new)
    if backup:
        one.kept = _temporary(one, one.old)


def _temporary(one: _Open, content: bytes) -> str:
    """Write a content beside the file, with mode and owner of the file."""
    name = f".codeflow-{secrets.token_hex(8)}.tmp"
    number = os.open(name, _MAKE, 0o600, dir_fd=one.directory)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            with suppress(PermissionError):
                os.fchown(number, one.found.st_uid, one.found.st_gid)
            os.fchmod(number, stat.S_IMODE(one.found.st_mode) & _PERMISSIONS)
            os.fsync(number)
    except BaseException:
        os.unlink(name, dir_fd=one.directory)
        raise
    return name


def _exchange(files: Sequence[_Open]) -> None:
    """Put the new contents in their places; where one cannot be, put the old ones back."""
    done: list[_Open] = []
    try:
        for one in files:
            with _told(one.path):
                _check_unchanged(one)
                _rename(one, one.fresh)
            one.fresh = ""
            done.append(one)
    except BaseException:
        for one in reversed(done):
            if one.kept:  # of a single file none is kept: behind it nothing fails
                _rename(one, one.kept)
                one.kept = ""
        raise
    for directory in {one.directory for one in files}:
        os.fsync(directory)


def _check_unchanged(one: _Open) -> None:
    now = os.stat(one.name, dir_fd=one.directory, follow_symlinks=False)
    if _state(now) != _state(one.found):
        raise _refusal(one.path, "it has changed while the patch was written")


def _rename(one: _Open, name: str) -> None:
    os.rename(name, one.name, src_dir_fd=one.directory, dst_dir_fd=one.directory)


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


def _tidy(files: Sequence[_Open]) -> None:
    for one in files:
        for name in filter(None, (one.fresh, one.kept)):
            with suppress(OSError):
                os.unlink(name, dir_fd=one.directory)


def _make(root: int, path: str, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, and the directories above it."""
    *folders, name = path.split("/")
    with ExitStack() as stack:
        at = root
        for folder in folders:
            with suppress(FileExistsError):
                os.mkdir(folder, dir_fd=at)
            at = os.open(folder, _BELOW, dir_fd=at)
            stack.callback(os.close, at)
        with os.fdopen(os.open(name, _MAKE, mode, dir_fd=at), "wb") as file:
            file.write(content)


def _refusal(path: str, reason: str) -> PatchError:
    return PatchError(f"the patch cannot be written: {escape_path(path)}: {reason}")
