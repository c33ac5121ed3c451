"""Reads of a foreign directory: regular files only, bounded, no link followed, in a thread."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from codeflow_engine.errors import ChangeUnavailableError

__all__ = [
    "NOT_THERE",
    "Found",
    "Stop",
    "find",
    "in_thread",
    "open_directory",
    "open_regular",
    "read_regular",
    "shown",
]

type Stop = Callable[[], None]
"""To be called now and then by work in a thread; ends it when nobody waits any more."""

# O_NONBLOCK: a FIFO put in a file's place after the look at it must not hold the reader.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SHOWN: Final = 200
_PIECE: Final = 1024 * 1024

NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What the system says of a path that is not there, or has a link or a file on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file or a symbolic link of a working tree."""

    stat: os.stat_result
    file: BinaryIO | None
    """The open file; None for a link."""

    target: bytes = b""
    """What a link leads to."""

    def read(self, limit: int) -> bytes | None:
        """Read the whole content, from the beginning; None if it is larger than `limit`."""
        if self.file is None:
            return self.target
        self.file.seek(0)
        data = self.file.read(limit + 1)
        return None if len(data) > limit else data

    def pieces(self, stop: Stop) -> Iterator[bytes]:
        """Read a file from the beginning, piece by piece."""
        if self.file is None:
            return
        self.file.seek(0)
        while data := self.file.read(_PIECE):
            stop()
            yield data


class _StoppedError(Exception):
    """Nobody waits for the work any more."""


def shown(text: str | bytes | Path) -> str:
    """Write a foreign path or text on one line for a message: no control character passes."""
    plain = os.fsdecode(text).encode("utf-8", "backslashreplace").decode()
    clean = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in plain
    )
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "..."


async def in_thread[T](work: Callable[[Stop], T]) -> T:
    """Run blocking work; when cancelled, stop it and wait for its end first.

    Raises:
        ChangeUnavailableError: The operating system refused something.
    """
    stopped = threading.Event()

    def stop() -> None:
        if stopped.is_set():
            raise _StoppedError

    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # The directory that the work writes to is removed next, so it must have ended.
        stopped.set()
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
    except OSError as error:
        name = error.filename
        where = f" {shown(name)}" if isinstance(name, str | bytes) else ""
        raise ChangeUnavailableError(f"could not read{where}: {error.strerror}") from error


def open_directory(root: int, path: bytes) -> int:
    """Open a directory below an open one, through real directories alone.

    Raises:
        OSError: It is not there, or a link or something else stands in the way.
    """
    at = os.dup(root)
    for name in path.split(b"/") if path else ():
        try:
            below = os.open(name, _DIRECTORY, dir_fd=at)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(at)
        at = below
    return at


def open_regular(
    directory: int | None, name: bytes | Path
) -> tuple[BinaryIO, os.stat_result] | None:
    """Open a regular file without following a link; None where no regular file stands.

    Nothing else is ever opened: to open a FIFO or a device is an effect already.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            return None
        fd = os.open(name, _FILE, dir_fd=directory)
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            return os.fdopen(fd, "rb"), found
        os.close(fd)
    return None


@contextmanager
def find(root: int, path: bytes) -> Iterator[Found | None]:
    """Find a file or a link below an open directory, through real directories alone.

    Gives None for everything else, and where nothing is.
    """
    folder, _, name = path.rpartition(b"/")
    try:
        directory = open_directory(root, folder)
    except OSError as error:
        if error.errno not in NOT_THERE:
            raise
        yield None
        return
    try:
        try:
            target = os.readlink(name, dir_fd=directory)
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError:
            target = None
        if target is not None:
            yield Found(stat=found, file=None, target=target)
            return
        opened = open_regular(directory, name)
    finally:
        os.close(directory)
    if opened is None:
        yield None
        return
    with opened[0] as file:
        yield Found(stat=opened[1], file=file)


def read_regular(path: Path, *, limit: int) -> bytes | None:
    """Read a file of a repository's own data; None where there is none.

    Raises:
        ChangeUnavailableError: It is larger than `limit`, or not a regular file.
    """
    opened = open_regular(None, path)
    if opened is None:
        if os.path.lexists(path):
            raise ChangeUnavailableError(f"{shown(path)} is not a regular file")
        return None
    with opened[0] as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ChangeUnavailableError(f"{shown(path)} is larger than {limit} bytes")
    return data
