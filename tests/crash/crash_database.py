"""What a database holds of runs, read without the engine."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

__all__ = ["answers", "done_steps", "query", "read", "statuses"]


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


def read(
    url: str, world: str, table: str, columns: str = "count(*)", where: str = "TRUE"
) -> list[tuple[Any, ...]]:
    """Read rows of a world from one of our tables, in the order of their columns."""
    order = ", ".join(map(str, range(1, columns.count(",") + 2))) if "(" not in columns else "1"
    return query(
        url,
        f"SELECT {columns} FROM codeflow_{table} "  # noqa: S608 - words of a test
        f"WHERE tenant = '{world}' AND {where} ORDER BY {order}",
    )


def answers(url: str, world: str) -> set[str]:
    """Give the ids that the model has given the answers of a world that are on disk."""
    kept = (json.loads(value) for (value,) in read(url, world, "answers", "body"))
    return {answer["response_id"] for answer in kept}


def done_steps(url: str, world: str) -> list[str]:
    """List the steps of a world's runs that are on disk, by name and key."""
    rows = read(url, world, "steps", "name, key", "state = 'done'")
    return [f"{name} {key[1:]}" if key.startswith("=") else name for name, key in rows]


def statuses(url: str, world: str) -> list[str]:
    """List where the runs of a world stand, sorted."""
    return [status for (status,) in read(url, world, "runs", "status")]
