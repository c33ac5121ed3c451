"""The one place where errors of SQLAlchemy and of the drivers become errors of this package.

A message is put together from what the driver classifies (a code, a class), never from what
it says: its text may hold a row, the statement, or the login. For the same reason decisions
follow from codes alone, so that no text in a user's data can look like a failure.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import exc

from codeflow_engine.errors import (
    SchemaVersionError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)

__all__ = ["Again", "Failure", "classify", "driver_errors"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNREACHED = (
    *(errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH),
    *(errno.ENOENT, errno.EACCES),
)
"""What keeps a connection from being made; the last two for a socket in the file system."""

_UNKNOWN_HOST = ("failed to resolve host", "could not translate host name")
_CONFLICTS = frozenset({"40001", "40P01", "55P03"})
_POOLED = (
    "mixes up prepared statements, as behind a pooler in transaction mode; tell the driver to "
    "keep none (the setting `prepare`, or the options of the host's engine)"
)
_STATES: dict[str, tuple[type[StorageError], str]] = {
    "28": (StorageError, "refuses the login"),
    "3D": (StorageError, "has no such database"),
    "42501": (StorageError, "does not allow this to its user"),
    "25006": (StorageError, "is read-only"),
    "53100": (StorageFullError, "has no space left"),
    "26000": (StorageError, _POOLED),
    "42P05": (StorageError, _POOLED),
    "3F": (SchemaVersionError, "lacks the schema; run the migration of the storage"),
    "42P01": (SchemaVersionError, "lacks a table; run the migration of the storage"),
    "42703": (SchemaVersionError, "lacks a column; run the migration of the storage"),
    "53": (StorageUnavailableError, "is short of resources"),
    "57": (StorageUnavailableError, "is shutting down, or ended the statement"),
    "08": (StorageUnavailableError, "cannot be reached"),
}
"""By the beginning of PostgreSQL's codes (its manual, appendix A), the longest first."""

_SQLITE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_FULL: (StorageFullError, "has no space left"),
    sqlite3.SQLITE_READONLY: (StorageError, "cannot be written: the file is read-only, or gone"),
    sqlite3.SQLITE_CANTOPEN: (StorageError, "cannot be opened: look at the path and its rights"),
    sqlite3.SQLITE_PERM: (StorageError, "cannot be opened: no right to do so"),
    sqlite3.SQLITE_NOTADB: (StorageError, "is no SQLite database"),
    sqlite3.SQLITE_CORRUPT: (StorageError, "is damaged; restore it from a backup"),
    sqlite3.SQLITE_IOERR: (StorageError, "cannot be read or written by the system"),
}


def driver_errors() -> tuple[type[Exception], ...]:
    """List what SQLAlchemy and the drivers raise; the last two for values of no column.

    SQLAlchemy 2.0 lets through what asyncpg raises while it connects.
    """
    known = (exc.SQLAlchemyError, OSError, ValueError, OverflowError)
    asyncpg = sys.modules.get("asyncpg")
    return (*known, asyncpg.PostgresError) if asyncpg is not None else known


class Again(Enum):
    """Whether the same call may go well when it is made again."""

    NEVER = auto()
    CONFLICT = auto()
    """Another writer was in the way; nothing of the call was kept."""

    UNREACHABLE = auto()
    """There was no connection; nothing of the call was kept."""

    LOST = auto()
    """The connection broke; whether the call was kept is not known."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How one try has failed."""

    error: StorageError
    again: Again


def classify(error: Exception, place: str, *, connected: bool) -> Failure:
    """Classify an error.

    Args:
        error: One of `driver_errors()`.
        place: What the database is called in a message.
        connected: Whether there was a connection already.
    """
    if isinstance(error, exc.DBAPIError):
        return _from_driver(error, place, connected=connected)
    if isinstance(error, exc.TimeoutError | exc.DisconnectionError):
        reason = "has no free connection" if isinstance(error, exc.TimeoutError) else "is away"
        return _unreachable(f"{place} {reason}", connected=connected)
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return Failure(StorageFullError(f"{place} has no space left"), Again.NEVER)
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return _unreachable(f"{place} cannot be reached ({name})", connected=connected)
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state:
        return _from_state(state, place, lost=connected, connected=connected)
    if isinstance(error, ValueError | OverflowError | exc.StatementError):
        told = f"{place} cannot hold a value of this call ({type(error).__name__})"
    else:
        told = f"{place} cannot be used ({type(error).__name__})"
    return Failure(StorageError(told), Again.NEVER)


def _from_driver(error: exc.DBAPIError, place: str, *, connected: bool) -> Failure:
    original = error.orig
    code = getattr(original, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _from_sqlite(original, code, place)
    if isinstance(original, sqlite3.OperationalError):
        # Without a code it comes from the driver, which found a text that is not UTF-8.
        return Failure(StorageError(f"{place} holds a text that cannot be read"), Again.NEVER)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str) and state:
        lost = error.connection_invalidated
        return _from_state(state, place, lost=lost, connected=connected)
    if not connected and "FATAL:" in str(original):
        # libpq gives no code here, and there is no data yet that could hold the word.
        told = "refuses the connection: look at user, password and name of the database"
        return _unreachable(f"{place} {told}", connected=False)
    if error.connection_invalidated or not connected:
        return _unreachable(f"{place} cannot be reached{_why(original)}", connected=connected)
    if isinstance(error, exc.OperationalError | exc.InterfaceError):
        return _unreachable(f"{place} has lost the connection", connected=connected)
    told = f"{place} refused the statement ({type(original).__name__})"
    return Failure(StorageError(told), Again.NEVER)


def _why(original: BaseException | None) -> str:
    """Say what kept a connection from being made, where that can be told.

    libpq gives text alone. It is only compared: with words of the system, in its language.
    """
    said = str(original)
    if type(original).__name__ == "ConnectionTimeout":
        return " (no answer in time)"
    if any(words in said for words in _UNKNOWN_HOST):
        return " (unknown host)"
    for number in _UNREACHED:
        if os.strerror(number) in said:
            return f" ({errno.errorcode[number]})"
    return ""


def _from_state(state: str, place: str, *, lost: bool, connected: bool) -> Failure:
    if state in _CONFLICTS:
        busy = StorageUnavailableError(f"{place} is busy with other writers ({state})")
        return Failure(busy, Again.CONFLICT)
    for length in (5, 2):
        if state[:length] in _STATES:
            kind, reason = _STATES[state[:length]]
            told = kind(f"{place} {reason} ({state})")
            if kind is StorageUnavailableError:
                return Failure(told, Again.LOST if connected and lost else Again.UNREACHABLE)
            return Failure(told, Again.NEVER)
    if lost:
        return _unreachable(f"{place} has lost the connection ({state})", connected=connected)
    return Failure(StorageError(f"{place} refused the statement ({state})"), Again.NEVER)


def _from_sqlite(original: BaseException | None, code: int, place: str) -> Failure:
    # The low byte is the kind, what stands above it tells variants apart.
    kind = code & 0xFF
    name = getattr(original, "sqlite_errorname", str(code))
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        busy = StorageUnavailableError(f"{place} is busy with another writer ({name})")
        return Failure(busy, Again.CONFLICT)
    if kind in _SQLITE:
        error, reason = _SQLITE[kind]
        return Failure(error(f"{place} {reason} ({name})"), Again.NEVER)
    if kind == sqlite3.SQLITE_ERROR and str(original).startswith("no such "):
        # SQLite has no code for it. The text begins so only where a table or a column is
        # missing, and then names one of ours.
        told = SchemaVersionError(f"{place} lacks a table; run the migration of the storage")
        return Failure(told, Again.NEVER)
    return Failure(StorageError(f"{place} refused the statement ({name})"), Again.NEVER)


def _unreachable(message: str, *, connected: bool) -> Failure:
    again = Again.LOST if connected else Again.UNREACHABLE
    return Failure(StorageUnavailableError(message), again)
