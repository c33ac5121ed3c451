"""How a database is opened and used."""

from __future__ import annotations

import re
from dataclasses import dataclass

from codeflow_engine.errors import ConfigurationError

__all__ = ["SQLSettings"]

_MIB = 1024 * 1024
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SQLSettings:
    """How a database is opened and used; the defaults fit most hosts."""

    schema: str | None = None
    """Schema of PostgreSQL that holds the tables; None for the one of the connection."""

    migrate: bool | None = None
    """Whether the first use creates or upgrades the tables. None: only in a SQLite file that
    was given by URL; everything else is migrated on purpose."""

    pool_size: int = 5
    """Connections, and threads where the driver is synchronous, at most; of those that are
    opened here. A host's engine keeps its own pool, and this bounds the threads on it."""

    prepare: bool = True
    """Whether drivers may keep prepared statements on the server, under names. False where a
    pooler in transaction mode stands before it, such as pgbouncer: what a session has prepared
    is then on a connection that it has no longer. For what is opened here by URL."""

    wait: float = 10.0
    """Seconds to go on trying while the database cannot be reached, 0 for one try."""

    lock_wait: float = 30.0
    """Seconds to wait for another writer, and for another process that migrates."""

    cache_bytes: int = 256 * _MIB
    """Size of all values of the cache together, about; the ones written first go."""

    def __post_init__(self) -> None:
        if self.schema is not None and not _SCHEMA.fullmatch(self.schema):
            raise ConfigurationError(
                "schema: a name of letters, digits and underscores, 63 at most, is needed"
            )
        if self.pool_size < 1:
            raise ConfigurationError(f"pool_size: at least 1 is needed, not {self.pool_size}")
        # Written so that a NaN, which compares to nothing, is refused too.
        if not (self.wait >= 0 and self.lock_wait >= 0):
            raise ConfigurationError("wait and lock_wait: seconds, at least 0, are needed")
        if self.cache_bytes < 0:
            raise ConfigurationError(f"cache_bytes: at least 0 is needed, not {self.cache_bytes}")
