"""The file that `--output` names: it holds the old report or the new one, never a part."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.visible import escape_path

__all__ = ["Destination"]


class Destination:
    """A file that a report is written to."""

    def __init__(self, path: Path) -> None:
        self._named = path
        # A link keeps pointing where it points; what it points to is replaced.
        self._path = path.resolve() if path.is_symlink() else path

    def __str__(self) -> str:
        return escape_path(str(self._named))

    def check(self) -> None:
        """Find out before the work begins what would keep the report from being written.

        Raises:
            ConfigurationError: There is no such directory, or it cannot be written to.
        """
        parent = self._path.parent
        if self._path.is_dir():
            raise self._error("it is a directory")
        if not parent.is_dir():
            raise self._error(f"there is no directory {str(parent)!r}")
        place = self._path if self._is_special() else parent
        if not os.access(place, os.W_OK):
            raise self._error("no permission")

    def write(self, text: str) -> None:
        """Write the whole report, or leave the file as it was.

        A pipe or a device is written to as it is.

        Raises:
            ConfigurationError: It cannot be written; the message says why.
        """
        try:
            if self._is_special():
                self._path.write_text(text, encoding="utf-8")
            else:
                self._replace(text.encode("utf-8"))
        except OSError as error:
            raise self._error(error.strerror or str(error)) from error

    def _is_special(self) -> bool:
        return self._path.exists() and not self._path.is_file()

    def _replace(self, content: bytes) -> None:
        temporary = self._path.with_name(f".codeflow-{secrets.token_hex(8)}.tmp")
        # Mode 0666 under the umask is what any program gives a file that it makes.
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(number, "wb") as file:
                if self._path.exists():
                    os.fchmod(number, stat.S_IMODE(self._path.stat().st_mode))
                file.write(content)
                file.flush()
                os.fsync(number)
            temporary.replace(self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _error(self, reason: str) -> ConfigurationError:
        return ConfigurationError(f"the report cannot be written to {str(self._named)!r}: {reason}")
