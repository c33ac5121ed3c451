"""Where the command line keeps its history, and the engine that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from codeflow_engine.errors import ConfigurationError, StorageError
from codeflow_engine.hosts.cli.terminal import say

if TYPE_CHECKING:
    from codeflow_engine.sync import Engine

__all__ = [
    "KEPT_DAYS",
    "SQL_SCHEMES",
    "Database",
    "Places",
    "SettingsFile",
    "history_engine",
    "history_places",
    "history_url",
    "scheme_of",
]

SQL_SCHEMES = frozenset({"postgresql", "sqlite"})
"""What the storage and the cache `sql` take."""

KEPT_DAYS = 90
"""Days that the user's own file goes back, and that a database is pruned to by default."""

Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="URL",
        help="Keep the history there, or in memory. [default: a file of the user's]",
    ),
]
SettingsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Read settings from this TOML file.")
]


class Places(TypedDict):
    """Options of an engine that say where the history is."""

    storage: str | None
    cache: str | None


@contextmanager
def history_engine(
    db: str | None,
    settings: Path | None,
    *,
    executes: str = "none",
    grows: bool = False,
    makes: bool = False,
    **options: Any,
) -> Iterator[Engine]:
    """Lend an engine whose storage and cache are the history.

    Args:
        db: What the command was told.
        settings: The settings file, where the command was told one.
        executes: Which runs it executes. Never all: only a worker goes on with what another
            process has left.
        grows: Whether the command adds to the history: the user's own file then lets go of
            what is old. A database that somebody named is theirs to look after.
        makes: Whether a database that somebody named is made where it is missing. A command
            that reads would hide a slip of the pen by that.
        options: Further options of the engine.

    Raises:
        StorageError: The file of the database is missing, and `makes` is false.
    """
    from codeflow_engine.sync import Engine

    if not makes:
        _see_file(db, settings)
    places = history_places(db, settings)
    with Engine(settings_file=settings, executes=executes, **places, **options) as engine:
        yield engine
        if grows and db is None and places["cache"] is not None:
            engine.prune(before=datetime.now(UTC) - timedelta(days=KEPT_DAYS))


def history_places(db: str | None, settings: Path | None) -> Places:
    """Choose storage and cache of an engine; beside a database the cache is in the same one.

    Raises:
        ConfigurationError: The settings cannot be read.
    """
    url = history_url(db, settings)
    is_database = url is not None and scheme_of(url) in SQL_SCHEMES
    return {"storage": url, "cache": url if is_database else None}


def _see_file(db: str | None, settings: Path | None) -> None:
    """See that the file of a database is there that somebody named."""
    from codeflow_engine.settings import load_settings

    url = db or load_settings(settings).storage or ""
    if scheme_of(url) != "sqlite":
        return
    from codeflow_engine.storage.sql.settings import SQLSettings
    from codeflow_engine.storage.sql.target import resolve

    target = resolve(url, SQLSettings())
    if target.file is not None and not target.file.exists():
        raise StorageError(
            f"there is no database file {target.file.path}; codeflow db upgrade makes one"
        )


def scheme_of(url: str) -> str:
    """Give the scheme of a URL without its driver; a name of a storage has none."""
    scheme, separator, _ = url.partition("://")
    return scheme.partition("+")[0].lower() if separator else ""


def history_url(db: str | None, settings: Path | None) -> str | None:
    """Choose where the history is: as told, as set, or the user's own file.

    Returns:
        A URL or a name of a storage; None where the settings name one.

    Raises:
        ConfigurationError: The settings cannot be read.
    """
    if db is not None:
        return db
    from codeflow_engine.settings import load_settings

    if load_settings(settings).storage is not None:
        return None
    try:
        path = _own_file()
    except ConfigurationError as error:
        say(f"note: {error.message}; this run keeps no history")
        return "memory"
    return f"sqlite:///{path}"


def _own_file() -> Path:
    """Find the user's own file, in a directory that is there.

    Raises:
        ConfigurationError: There is no such place, or it cannot be written to.
    """
    from platformdirs import user_state_path

    try:
        directory = user_state_path("codeflow", appauthor=False)
    except RuntimeError:
        raise ConfigurationError("there is no home directory") from None
    if not directory.is_absolute():
        raise ConfigurationError(f"the state directory {str(directory)!r} is no absolute path")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the state directory {str(directory)!r} cannot be made: {error.strerror}"
        ) from None
    return directory / "history.db"
