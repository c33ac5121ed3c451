"""The lock under which tables are made and changed."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

__all__ = ["hold"]

_LOCK = 0x636F6465666C6F77
"""The letters of `codeflow`: a number that no other program is likely to take."""


def hold(connection: Connection, wait: float) -> None:
    """Keep other processes from migrating, to the end of the transaction of the caller.

    SQLite needs nothing more: a transaction that writes is alone.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.execute(
        select(func.set_config("lock_timeout", f"{max(1, int(wait * 1000))}ms", text("true")))
    )
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
