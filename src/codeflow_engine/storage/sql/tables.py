"""The tables, as this version of the package reads and writes them.

What is asked for stands in columns; the whole value stands beside it, in `body`, as JSON in
ASCII. The migrations bring a database into this form; a test holds the two against each
other.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

from codeflow_engine.storage.sql.columns import Key, Moment

__all__ = [
    "CACHE",
    "DISMISSALS",
    "EVENTS",
    "FINDINGS",
    "METADATA",
    "REVIEWS",
    "REVISION",
    "REVISIONS",
    "RUNS",
    "TABLE_NAMES",
    "VERSION_TABLE",
]

REVISIONS = ("0001",)
"""Every revision of the tables that there has been, oldest first."""

REVISION = REVISIONS[-1]
"""The one that this version of the package reads and writes."""

VERSION_TABLE = "codeflow_version"
"""Holds the revision of a database; it belongs to Alembic."""

METADATA = MetaData()

RUNS = Table(
    "codeflow_runs",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("status", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index("codeflow_runs_created", "tenant", "created_at", "run_id"),
    Index("codeflow_runs_status", "tenant", "status", "created_at", "run_id"),
    Index("codeflow_runs_updated", "tenant", "updated_at", "run_id"),
)

EVENTS = Table(
    "codeflow_events",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
)

REVIEWS = Table(
    "codeflow_reviews",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("body", Text, nullable=False),
)

FINDINGS = Table(
    "codeflow_findings",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("change", Key, primary_key=True),
    Column("fingerprint", Key, primary_key=True),
    Column("seen_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index("codeflow_findings_fingerprint", "tenant", "fingerprint"),
    Index("codeflow_findings_seen", "tenant", "seen_at"),
)

DISMISSALS = Table(
    "codeflow_dismissals",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("fingerprint", Key, primary_key=True),
    Column("scope", Key, primary_key=True),
    Column("place", Key, primary_key=True),
    Column("expires_at", Moment),
    Column("body", Text, nullable=False),
    Index("codeflow_dismissals_expires", "tenant", "expires_at"),
)

CACHE = Table(
    "codeflow_cache",
    METADATA,
    # A digest of what the caller calls it, so that any key of any length fits.
    Column("digest", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("codeflow_cache_expires", "expires_at"),
    Index("codeflow_cache_written", "written_at", "size"),
)

TABLE_NAMES = frozenset({VERSION_TABLE, *METADATA.tables})
"""Names of all tables that belong to this package."""
