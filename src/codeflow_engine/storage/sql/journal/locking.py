"""The rows of runs under a lock, which is what every change of a run begins with.

Who sends a signal locks the run, and so does who writes that it waits: neither can miss what
the other one has written. Rows are locked in one order, so that two writers don't block each
other for good. SQLite has one writer at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.sql.bulk import Question
from codeflow_engine.storage.sql.columns import escape, unescape
from codeflow_engine.storage.sql.damage import reading
from codeflow_engine.storage.sql.runs import read_names

__all__ = ["Standing", "locked"]

_COLUMNS = (
    "t.run_id, t.status, t.fence, t.created_at, t.updated_at, t.waits_for, t.recoveries, "
    "t.cancelling, t.parent, t.payload IS NOT NULL"
)
_LOCK = Question(
    # The list leads: without the word SQLite might look through the table.
    sqlite=f"SELECT {_COLUMNS} FROM json_each(?) AS r CROSS JOIN codeflow_runs AS t "  # noqa: S608 - our own names
    f"WHERE t.tenant = ? AND t.run_id = r.value",
    postgresql=f"SELECT {_COLUMNS} FROM {{schema}}codeflow_runs AS t WHERE t.run_id = ANY(ARRAY("  # noqa: S608 - our own names
    f"SELECT json_array_elements_text(CAST(CAST(? AS text) AS json)))) AND t.tenant = ? "
    f"ORDER BY t.run_id FOR NO KEY UPDATE",
)


@dataclass(slots=True)
class Standing:
    """How a run stands; nobody else changes it before the transaction is over."""

    run_id: str
    status: str
    fence: int
    created_at: int
    """In microseconds since 1970, as all moments here."""

    updated_at: int
    waits_for: str | None
    recoveries: int
    cancelling: bool
    parent: str | None
    has_payload: bool

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        with reading(f"run {self.run_id!r}"):
            return RunStatus(self.status).is_terminal

    def names(self) -> tuple[str, ...]:
        """List the signals that it waits for.

        Raises:
            StorageError: They cannot be read.
        """
        return read_names(f"run {self.run_id!r}", self.waits_for)


def locked(connection: Connection, tenant: str, run_ids: Iterable[str]) -> dict[str, Standing]:
    """Lock runs, and read how they stand; unknown ids are left out."""
    asked = json.dumps([escape(run_id) for run_id in set(run_ids)], ensure_ascii=False)
    found: dict[str, Standing] = {}
    for row in _LOCK.ask(connection, asked, escape(tenant)):
        standing = Standing(*row)
        standing.run_id = unescape(standing.run_id)
        # One that is damaged cannot be told anything.
        is_text = isinstance(standing.parent, str)
        standing.parent = unescape(standing.parent or "") if is_text else None
        found[standing.run_id] = standing
    return found
