"""The cache in a table of the same database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, select

from codeflow_engine.contracts import Cache
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.damage import DAMAGED
from codeflow_engine.storage.sql.database import Database
from codeflow_engine.storage.sql.settings import SQLSettings
from codeflow_engine.storage.sql.statements import chunks, upsert
from codeflow_engine.storage.sql.tables import CACHE
from codeflow_engine.storage.sql.target import Given

__all__ = ["SQLCache"]

_PAUSE = 30.0
"""Seconds in which a database that failed is not asked again."""

_PATIENCE = 2.0
"""Seconds to wait for another writer: computing again is no great harm."""

_SWEEPS = 16
"""How often a cache is swept while as much is written as it may hold."""

_LONGEST = 10.0**10
"""Seconds that are as good as for ever, and still a number of microseconds in 64 bits."""

_MICROSECONDS = 1_000_000


class SQLCache(Cache):
    """Keeps bytes in the table `codeflow_cache`, up to a number of bytes.

    A database that fails is an empty cache, and is left alone for half a minute.

    Args:
        target: As for `SQLStorage`.
        settings: How to use it; an empty cache is no failure, so there is little waiting.
        clock: Tells seconds since 1970, as all processes on the database count them.

    Raises:
        ConfigurationError: The target or a setting cannot be used.
    """

    def __init__(
        self,
        target: Given,
        settings: SQLSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        given = settings or SQLSettings()
        self._most = given.cache_bytes
        hasty = replace(given, lock_wait=min(given.lock_wait, _PATIENCE))
        self._database = Database(target, hasty, is_patient=False)
        self._clock = clock
        self._unswept = self._most
        """Bytes written since the last sweep; the first write sweeps."""

        self._asleep_until = 0.0
        self.failure: StorageError | None = None
        """Why the last call found an empty cache; None where it did not fail."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Read what is there and has not expired."""
        digests = {_digest(key): key for key in keys}
        now = self._now()
        found: dict[str, bytes] = await self._try({}, lambda by: _get(by, [*digests], now))
        return {digests[digest]: value for digest, value in found.items()}

    async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
        """Keep items; expired ones go, and those written first where room is needed."""
        if not items:
            return
        now = self._now()
        until = now + int(min(ttl, _LONGEST) * _MICROSECONDS)
        kept = {key: value for key, value in items.items() if len(value) <= self._most}
        # What is too large to be kept still replaces an older value.
        dropped = [_digest(key) for key in items if key not in kept]
        rows = [
            {
                "digest": _digest(key),
                "value": bytes(value),
                "size": len(value),
                "written_at": now,
                "expires_at": until,
            }
            for key, value in kept.items()
        ]
        self._unswept += sum(map(len, kept.values()))
        sweeps = self._unswept * _SWEEPS >= self._most

        def write(connection: Connection) -> bool:
            _discard(connection, dropped)
            upsert(connection, CACHE, rows)
            if sweeps:
                _sweep(connection, now, self._most)
            return sweeps

        if await self._try(False, write, write=True):  # noqa: FBT003 - what a failure gives
            self._unswept = 0

    async def discard(self, keys: Sequence[str]) -> None:
        """Remove items."""
        digests = [_digest(key) for key in keys]
        if digests:
            await self._try(None, lambda to: _discard(to, digests), write=True)

    async def aclose(self) -> None:
        """Close what was opened here; a host's engine stays open."""
        await self._database.aclose()

    def _now(self) -> int:
        return int(self._clock() * _MICROSECONDS)

    async def _try[T](
        self, otherwise: T, operation: Callable[[Connection], T], *, write: bool = False
    ) -> T:
        if time.monotonic() < self._asleep_until:
            return otherwise
        try:
            result = await self._database.run(operation, write=write)
        except StorageError as error:
            self.failure = error
            self._asleep_until = time.monotonic() + _PAUSE
            return otherwise
        self.failure = None
        return result


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _get(connection: Connection, digests: Sequence[str], now: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for chunk in chunks(digests):
        statement = select(CACHE.c.digest, CACHE.c.value).where(
            CACHE.c.digest.in_(chunk), CACHE.c.expires_at > now
        )
        rows = connection.execute(statement)
        found.update((row.digest, row.value) for row in rows if row.value is not DAMAGED)
    return found


def _discard(connection: Connection, digests: Sequence[str]) -> None:
    for chunk in chunks(digests):
        connection.execute(delete(CACHE).where(CACHE.c.digest.in_(chunk)))


def _sweep(connection: Connection, now: int, most: int) -> None:
    """Remove what has expired, and then what was written first, down to a size."""
    connection.execute(delete(CACHE).where(CACHE.c.expires_at <= now))
    newest_first: Any = func.sum(CACHE.c.size).over(
        order_by=(CACHE.c.written_at.desc(), CACHE.c.digest)
    )
    counted = select(CACHE.c.digest, newest_first.label("total")).subquery()
    beyond = select(counted.c.digest).where(counted.c.total > most)
    connection.execute(delete(CACHE).where(CACHE.c.digest.in_(beyond)))
