"""Storage and cache in SQLite and PostgreSQL, by URL or on the host's own SQLAlchemy engine."""

from codeflow_engine.storage.sql.cache import SQLCache
from codeflow_engine.storage.sql.settings import SQLSettings
from codeflow_engine.storage.sql.store import SQLStorage

__all__ = ["SQLCache", "SQLSettings", "SQLStorage"]
