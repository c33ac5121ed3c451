"""What a database holds of runs, read without the engine."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

__all__ = ["done_steps", "query", "statuses"]


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on a connection of its own."""
    if url.startswith("sqlite"):
        path = Path(url.partition("///")[2])
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()
    import psycopg

    plain = url.replace("+psycopg", "").replace("+asyncpg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[arg-type] # a test's own text
        return cursor.fetchall() if cursor.description else []


def done_steps(url: str, world: str) -> list[str]:
    """List the steps of a world's runs that are on disk, by name and key."""
    rows = query(
        url, f"SELECT name, key FROM codeflow_steps WHERE tenant = '{world}' AND state = 'done'"
    )
    return [f"{name} {key[1:]}" if key.startswith("=") else name for name, key in rows]


def statuses(url: str, world: str) -> list[str]:
    """List where the runs of a world stand, sorted."""
    rows = query(url, f"SELECT status FROM codeflow_runs WHERE tenant = '{world}'")
    return sorted(status for (status,) in rows)
