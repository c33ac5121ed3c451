"""Private directories on disk, for programs without namespaces and for files to give them.

All directories of one sandbox lie in one place, which it holds locked while it lives. A
place that nobody has locked was left by a process that was killed; the next one to open a
place removes it. It knows a place by a file inside of it, and never by its name alone: the
temporary directory belongs to all programs of the user, and to the user.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from codeflow_engine.errors import SandboxError

__all__ = ["Scratch"]

_PREFIX: Final = "codeflow-sandbox-"
_MARK: Final = ".codeflow-sandbox"
"""Name of the file that stands in every place, and in no other directory."""


class Scratch:
    """A place for private directories, made when the first one is asked for.

    Args:
        directory: Where to make it; `None` is the platform's temporary directory.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._opening = asyncio.Lock()
        self._place: Path | None = None
        self._lock = -1

    async def fresh(self) -> Path:
        """Make a new directory with mode 0700."""
        async with self._opening:
            if self._place is None:
                await asyncio.to_thread(self._open)
        import tempfile

        try:
            return Path(tempfile.mkdtemp(dir=self._place))
        except OSError as error:
            message = f"could not make a private directory: {error.strerror}"
            raise SandboxError(message) from error

    async def remove(self, path: Path) -> None:
        """Remove a directory and all that programs left in it."""
        if not _remove_empty(path):
            # Shielded: cancelled before a thread had taken it up, it would never be done.
            loop = asyncio.get_running_loop()
            await asyncio.shield(loop.run_in_executor(None, _remove_tree, path))

    async def aclose(self) -> None:
        """Remove the place and everything in it."""
        async with self._opening:
            if self._place is not None:
                await asyncio.to_thread(_remove_tree, self._place)
                os.close(self._lock)
                self._place = None

    def _open(self) -> None:
        import tempfile  # with shutil 8 ms, which programs in namespaces never need

        parent = str(self._directory or tempfile.gettempdir())
        try:
            self._reap(parent)
            while self._place is None:
                place = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
                # A reaper can come between the making and the locking; then try again.
                lock = _try_lock(place)
                if lock is not None:
                    Path(place, _MARK).touch(mode=0o600)
                    self._place, self._lock = Path(place), lock
        except OSError as error:
            message = f"could not make a private directory in {parent}: {error.strerror}"
            raise SandboxError(message) from error

    @staticmethod
    def _reap(parent: str) -> None:
        with os.scandir(parent) as entries:
            ours = [entry.path for entry in entries if entry.name.startswith(_PREFIX)]
        for path in ours:
            lock = _try_lock(path)
            if lock is None:
                continue
            # One that was killed before it left its mark has left nothing else either.
            if os.path.lexists(Path(path, _MARK)):
                _remove_tree(Path(path))
            else:
                _remove_empty(Path(path))
            os.close(lock)


def _try_lock(path: str) -> int | None:
    """Lock a directory of ours; `None` if it is held, gone, or not ours."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here = os.fstat(fd)
        if here.st_uid == os.geteuid() and os.path.samestat(here, os.lstat(path)):
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def _remove_empty(path: Path) -> bool:
    # The common case, and too short to be worth a thread.
    try:
        path.rmdir()
    except OSError:
        return False
    return True


def _remove_tree(path: Path) -> None:
    import shutil

    def open_up(_call: Callable[..., Any], name: str, _: BaseException) -> None:
        # A program may have taken our own permission away; give it back and try once more.
        one = Path(name)
        with suppress(OSError):
            one.parent.chmod(stat.S_IRWXU)
            if one.is_dir() and not one.is_symlink():
                one.chmod(stat.S_IRWXU)
                shutil.rmtree(one, ignore_errors=True)
            else:
                one.unlink()

    shutil.rmtree(path, onexc=open_up)
