"""Storages in files that are each broken in one way: in what others see of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from codeflow_engine.contracts import Pruned
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.storage.sql import SQLSettings, SQLStorage, records
from codeflow_engine.storage.sql.version import create

_numbers = itertools.count()


def url(directory: Path) -> str:
    return f"sqlite:///{directory / 'codeflow.db'}"


class Unlocked(SQLStorage):
    """Makes the tables once, and does not look whether somebody else has made them."""

    _is_made = False

    async def migrate(self) -> None:
        if not self._is_made:
            self._is_made = True
            await self._database._target.access.call(_create, self._database._target.file.create)  # type: ignore[union-attr] # it has a file


def lonely(directory: Path) -> SQLStorage:
    """Make a storage that has a file of its own, for each process that opens it."""
    return SQLStorage(f"sqlite:///{directory}/{next(_numbers)}.db")


class Buffering(SQLStorage):
    """Acknowledges events that it writes when it is closed."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self._buffer: list[tuple[str, Sequence[RunEvent]]] = []

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        self._buffer.append((tenant, events))

    async def aclose(self) -> None:
        for tenant, events in self._buffer:
            await super().append_events(tenant, events)
        await super().aclose()


class Hiding(SQLStorage):
    """Remembers what was removed, instead of removing it."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self._hidden: set[str] = set()

    async def remove_dismissals(self, tenant: str, dismissals: Sequence[Dismissal]) -> int:
        self._hidden |= {one.fingerprint for one in dismissals}
        return len(dismissals)

    async def find_dismissals(self, tenant: str, *asked: Any) -> tuple[Dismissal, ...]:
        found = await super().find_dismissals(tenant, *asked)
        return tuple(one for one in found if one.fingerprint not in self._hidden)


class Caching(SQLStorage):
    """Asks the database for a run once."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self._seen: dict[tuple[str, ...], tuple[RunRecord, ...]] = {}

    async def put_runs(self, runs: Sequence[RunRecord]) -> None:
        self._seen.clear()
        await super().put_runs(runs)

    async def get_runs(self, tenant: str, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        key = (tenant, *run_ids)
        if key not in self._seen:
            self._seen[key] = await super().get_runs(tenant, run_ids)
        return self._seen[key]


class Rewriting(SQLStorage):
    """Adds to the stream that it has in mind, and writes that as a whole."""

    def __init__(self, given: str) -> None:
        super().__init__(given)
        self._stream: list[RunEvent] = []

    async def append_events(self, tenant: str, events: Sequence[RunEvent]) -> None:
        self._stream += events
        rows = records.event_rows(tenant, self._stream)

        # At once: three that all remove before the first of them adds would lose nothing.
        def rewrite(connection: Connection) -> None:
            connection.execute(text("DELETE FROM codeflow_events"))
            records.append_events(connection, rows)

        await self._database.run(rewrite, write=True)


class Recounting(SQLStorage):
    """Counts what it meant to remove."""

    async def prune(self, tenant: str, *, before: datetime, limit: int = 1000) -> Pruned:
        pruned = await super().prune(tenant, before=before, limit=limit)
        return Pruned(runs=limit) if pruned else pruned


class Closing(SQLStorage):
    """Empties the file that it has worked on."""

    async def aclose(self) -> None:
        gone = text("DELETE FROM codeflow_runs")
        await self._database.run(lambda by: by.execute(gone), write=True)
        await super().aclose()


class Quiet(SQLStorage):
    """Finds nothing where it cannot ask."""

    def __init__(self, given: str) -> None:
        super().__init__(given, SQLSettings(wait=0))

    async def find_dismissals(self, *_asked: Any) -> tuple[Dismissal, ...]:
        return ()


def _create(connection: Any) -> None:
    with connection.begin():
        create(connection)
