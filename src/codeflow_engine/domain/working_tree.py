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
        changed = [one for one in opened if not one.is_done]
        try:
            for one in changed:
                one.prepare(backup=len(changed) > 1)
            _exchange(changed)
        finally:
            for one in changed:
                one.tidy()


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


def _look(stack: ExitStack, root: int, wanted: Overwrite) -> _File:
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
    return _File(wanted, at, found, old)


class _File:
    """A file that was found to be as it has to be.

    Args:
        wanted: What it is to become.
        directory: The one that it stands in, open.
        found: What the system said of it.
        old: Its content.
    """

    def __init__(
        self, wanted: Overwrite, directory: int, found: os.stat_result, old: bytes
    ) -> None:
        self.path = wanted.path
        self.directory = directory
        self._name = wanted.path.rpartition("/")[2]
        self._found = found
        self._old = old
        self._new = _fitting(wanted, old)
        self._fresh = ""
        self._kept = ""

    @property
    def is_done(self) -> bool:
        """Whether it has the new content already."""
        return self._old == self._new

    def prepare(self, *, backup: bool) -> None:
        """Write the new content beside the file, and the old one, to be put back."""
        with _told(self.path):
            self._fresh = self._temporary(self._new)
            if backup:
                self._kept = self._temporary(self._old)

    def exchange(self) -> None:
        """Put the new content in its place."""
        with _told(self.path):
            now = os.stat(self._name, dir_fd=self.directory, follow_symlinks=False)
            if _state(now) != _state(self._found):
                raise _refusal(self.path, "it has changed while the patch was written")
            self._rename(self._fresh)
        self._fresh = ""

    def put_back(self) -> None:
        """Put the old content in its place, if it was kept."""
        if self._kept:
            self._rename(self._kept)
            self._kept = ""

    def tidy(self) -> None:
        """Take away what still stands beside the file."""
        for name in filter(None, (self._fresh, self._kept)):
            with suppress(OSError):
                os.unlink(name, dir_fd=self.directory)

    def _temporary(self, content: bytes) -> str:
        """Write a content beside the file, with mode and owner of the file."""
        name = f".codeflow-{secrets.token_hex(8)}.tmp"
        number = os.open(name, _MAKE, 0o600, dir_fd=self.directory)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                with suppress(PermissionError):
                    os.fchown(number, self._found.st_uid, self._found.st_gid)
                os.fchmod(number, stat.S_IMODE(self._found.st_mode) & _PERMISSIONS)
                os.fsync(number)
        except BaseException:
            os.unlink(name, dir_fd=self.directory)
            raise
        return name

    def _rename(self, name: str) -> None:
        os.rename(name, self._name, src_dir_fd=self.directory, dst_dir_fd=self.directory)


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


def _exchange(files: Sequence[_File]) -> None:
    """Put the new contents in their places; where one cannot be, put the old ones back."""
    done: list[_File] = []
    try:
        for one in files:
            one.exchange()
            done.append(one)
    except BaseException:
        for one in reversed(done):
            one.put_back()
        raise
    for directory in {one.directory for one in files}:
        with suppress(OSError):  # some file systems cannot, and the files are in their places
            os.fsync(directory)


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


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
