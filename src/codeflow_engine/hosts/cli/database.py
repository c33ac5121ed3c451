"""`codeflow db`: the database that the history is in."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.hosts.cli.exits import Exit
from codeflow_engine.hosts.cli.history import (
    KEPT_DAYS,
    SQL_SCHEMES,
    Database,
    SettingsFile,
    history_engine,
    history_url,
    scheme_of,
)
from codeflow_engine.hosts.cli.moments import ago
from codeflow_engine.hosts.cli.table import table
from codeflow_engine.hosts.cli.terminal import style_of, write_out
from codeflow_engine.reports.prose import count

if TYPE_CHECKING:
    from codeflow_engine.storage.sql.version import SchemaVersion

__all__ = ["check", "database", "prune", "sql", "upgrade"]

_Schema = Annotated[
    str | None, typer.Option(metavar="NAME", help="Schema of PostgreSQL that holds the tables.")
]


def database() -> typer.Typer:
    """Build the commands about the database."""
    group = typer.Typer(
        help="Look after the database that the history is in.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    for command in (upgrade, check, sql, prune):
        group.command()(command)
    return group


def upgrade(*, db: Database = None, settings: SettingsFile = None) -> int:
    """Bring the tables into the form of this version, making them where they are missing."""
    with history_engine(db, settings, makes=True) as engine:
        engine.migrate()
    write_out("the database is up to date\n")
    return Exit.OK


def check(*, db: Database = None, settings: SettingsFile = None) -> int:
    """Say whether the tables have the form that this version needs; change nothing.

    Exit status: 0 where they have, 3 where not.
    """
    import asyncio

    version = asyncio.run(_version(db, settings))
    rows = [("state", version.state), ("found", version.found or "no tables")]
    rows.append(("needed", version.needed))
    write_out(table(rows, style_of(sys.stdout, os.environ)))
    return Exit.OK if version.state == "current" else Exit.INCOMPLETE


def sql(
    dialect: Annotated[str, typer.Argument(help="postgresql or sqlite.")] = "postgresql",
    *,
    schema: _Schema = None,
    found: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="REVISION", help="What the database has. [default: nothing]"
        ),
    ] = None,
) -> int:
    """Write what upgrade does as a script, for people who apply it by hand."""
    from codeflow_engine.storage.sql import migrate

    write_out(migrate.sql(dialect, schema=schema, found=found))
    return Exit.OK


def prune(
    *,
    before: Annotated[
        str, typer.Option(metavar="WHEN", help="Older than 90d, 2w, or a date.")
    ] = f"{KEPT_DAYS}d",
    db: Database = None,
    settings: SettingsFile = None,
) -> int:
    """Remove ended runs, findings, dismissals and models' answers older than a moment."""
    moment = ago(before, datetime.now(UTC))
    with history_engine(db, settings) as engine:
        gone = engine.prune(before=moment)
    told = (
        *(count(gone.runs, "run"), count(gone.findings, "finding")),
        *(count(gone.dismissals, "dismissal"), count(gone.answers, "answer")),
        count(gone.bookings, "booking"),
    )
    write_out(f"removed {', '.join(told)}\n")
    return Exit.OK


async def _version(db: str | None, settings: Path | None) -> SchemaVersion:
    from codeflow_engine.domain.encoding import from_plain
    from codeflow_engine.settings import load_settings
    from codeflow_engine.storage.sql import SQLSettings, SQLStorage

    known = load_settings(settings)
    url = history_url(db, settings) or known.storage or ""
    if "://" not in url:
        raise ConfigurationError(f"the storage {url!r} is no database; give one by --db URL")
    if scheme_of(url) not in SQL_SCHEMES:
        raise ConfigurationError(
            f"db check knows the tables of the storage sql alone, which takes no URL of "
            f"{scheme_of(url)!r}; codeflow runs tells whether another storage can be used"
        )
    storage = SQLStorage(url, from_plain(SQLSettings, known.plugins.get("sql", {})))
    try:
        return await storage.version()
    finally:
        await storage.aclose()
