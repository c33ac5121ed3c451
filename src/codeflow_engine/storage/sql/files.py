"""The file of a SQLite database: made so that nobody else can read it, and not lost sight of."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from codeflow_engine.errors import StorageError, StorageUnavailableError

__all__ = ["DatabaseFile"]

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700


class DatabaseFile:
    """A file of the host's choice.

    It is created with mode 0600, and directories that are missing with 0700, whatever the
    umask. SQLite gives the files beside it (`-wal`, `-shm`) the mode of the database. A file
    that is there already keeps its mode: who widened it did so on purpose.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[int, int] | None = None

    def exists(self) -> bool:
        """Say whether there is something of that name."""
        return os.path.lexists(self.path)

    def create(self) -> None:
        """Make the file and its directory where they are missing.

        Raises:
            StorageError: It cannot be made, or is something else than a file.
        """
        if self._known is not None:
            return
        try:
            _make_directory(self.path.parent)
            _make_file(self.path)
        except OSError as error:
            raise StorageError(
                f"the database file {self.path} cannot be made: {error.strerror}"
            ) from None

    def check(self) -> None:
        """See that it is a file, and the one that was opened first.

        SQLite goes on in a file that was removed under it, and what it acknowledges then is
        lost with the process.

        Raises:
            StorageError: It is no file.
            StorageUnavailableError: It is gone, or another one stands in its place.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise StorageUnavailableError(
                f"the database file {self.path} is away: {error.strerror}"
            ) from None
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"the database file {self.path} is no file")
        identity = (found.st_dev, found.st_ino)
        if self._known is None:
            self._known = identity
        elif self._known != identity:
            raise StorageUnavailableError(
                f"the database file {self.path} was replaced while it was in use; open it anew"
            )


def _make_directory(path: Path) -> None:
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for one in reversed(missing):
        one.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        one.chmod(_DIRECTORY_MODE)


def _make_file(path: Path) -> None:
    try:
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _FILE_MODE)
    except FileExistsError:
        return
    try:
        os.fchmod(number, _FILE_MODE)
    finally:
        os.close(number)
