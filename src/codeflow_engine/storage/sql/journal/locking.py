"""The rows of runs under a lock, which is what every change of a run begins with.

Who sends a signal locks the run, and so does who writes that it waits: neither can miss what
the other one has written. Rows are locked in one order, so that two writers don't block each
other for good. SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from codeflow_engine.storage.sql.statements import among
from codeflow_engine.storage.sql.tables import RUNS

__all__ = ["locked", "under_lock"]

_STANDING = select(
    *(RUNS.c.run_id, RUNS.c.status, RUNS.c.fence, RUNS.c.updated_at, RUNS.c.waits_for),
    *(RUNS.c.recoveries, RUNS.c.cancelling, RUNS.c.parent, RUNS.c.created_at),
    RUNS.c.payload.is_not(None).label("has_payload"),
)


def locked(connection: Connection, tenant: str, run_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Lock runs, and read how they stand; unknown ids are left out."""
    rows = connection.execute(under_lock(connection, _STANDING, tenant, run_ids))
    return {row.run_id: row for row in rows}


def under_lock(
    connection: Connection, rows: Select[Any], tenant: str, run_ids: Iterable[str]
) -> Select[Any]:
    """Let a statement on runs read these alone, and lock them to the end of the transaction."""
    wanted = among(connection, RUNS.c.run_id, set(run_ids))
    return (
        rows.where(RUNS.c.tenant == tenant, wanted)
        .order_by(RUNS.c.run_id)
        .with_for_update(key_share=True)
    )
