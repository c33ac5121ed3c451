"""The tables, as this version of the package reads and writes them.

What is asked for stands in columns; the whole value stands beside it, in `body`, as JSON in
ASCII. The migrations bring a database into this form; a test holds the two against each
other.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    MetaData,
    Table,
    Text,
    text,
)

from codeflow_engine.storage.sql.columns import Bytes, Key, Moment

__all__ = [
    "ACCOUNTS",
    "ANSWERS",
    "BOOKINGS",
    "BUCKETS",
    "CACHE",
    "DISMISSALS",
    "EFFECTS",
    "EVENTS",
    "FINDINGS",
    "METADATA",
    "REVIEWS",
    "REVISION",
    "REVISIONS",
    "RUNS",
    "SIGNALS",
    "STEPS",
    "TABLE_NAMES",
    "TOP_UPS",
    "VERSION_TABLE",
    "WORKERS",
    "metadata_for",
]

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision of the tables that there has been, oldest first."""

REVISION = REVISIONS[-1]
"""The one that this version of the package reads and writes."""

VERSION_TABLE = "codeflow_version"
"""Holds the revision of a database; it belongs to Alembic."""

METADATA = MetaData()


_ROWS = "codeflow_rows"


def metadata_for(dialect: str) -> MetaData:
    """Give the tables as they are made in a dialect: with the rows that an index holds.

    An index that names a dialect has SQLAlchemy import it, and all that of PostgreSQL takes
    longer than the journal.
    """
    for table in METADATA.tables.values():
        for index in table.indexes:
            if rows := index.info.get(_ROWS):
                index.dialect_kwargs[f"{dialect}_where"] = text(rows)
    return METADATA


def _partial(name: str, where: str, *columns: str, unique: bool = False) -> Index:
    """Describe an index of some rows alone, which costs nothing for the others."""
    return Index(name, *columns, unique=unique, info={_ROWS: where})


RUNS = Table(
    "codeflow_runs",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("status", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # The record as it was put in; of what changes, the columns tell what holds now.
    Column("body", Text, nullable=False),
    # What the body holds too, and is asked for. Runs of revision 0001 have none of it.
    Column("workflow", Key, nullable=False, server_default=""),
    Column("key", Key),
    Column("parent", Key),
    Column("partition", Key),
    # The priority with its sign turned, so that one index gives the order of execution.
    Column("rank", BigInteger, nullable=False, server_default=text("0")),
    # As JSON; NULL where the body tells it.
    Column("error", Text),
    Column("summary", Text),
    Column("wake_at", Moment),
    # A JSON list of names in the form that the column of a key holds; NULL for none.
    Column("waits_for", Text),
    Column("started_at", Moment),
    Column("deadline", Moment),
    Column("seconds_left", Double),
    Column("owner", Key),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("recoveries", BigInteger, nullable=False, server_default=text("0")),
    Column("cancelling", Boolean, nullable=False, server_default=text("false")),
    Column("payload", Bytes),
    Column("result", Bytes),
    Index("codeflow_runs_created", "tenant", "created_at", "run_id"),
    Index("codeflow_runs_status", "tenant", "status", "created_at", "run_id"),
    Index("codeflow_runs_updated", "tenant", "updated_at", "run_id"),
    _partial("codeflow_runs_due", "status = 'pending'", "tenant", "rank", "created_at", "run_id"),
    _partial("codeflow_runs_wake", "wake_at IS NOT NULL", "tenant", "status", "wake_at"),
    _partial("codeflow_runs_started", "started_at IS NOT NULL", "tenant", "workflow", "started_at"),
    _partial("codeflow_runs_parent", "parent IS NOT NULL", "tenant", "parent"),
    _partial("codeflow_runs_key", '"key" IS NOT NULL', "tenant", "key", unique=True),
)

STEPS = Table(
    "codeflow_steps",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("wake_at", Moment),
    Column("value", Bytes),
    Column("error", Key),
)

SIGNALS = Table(
    "codeflow_signals",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("run_id", Key, primary_key=True),
    Column("signal_id", Key, primary_key=True),
    # Counts the signals of a run in the order in which they came.
    Column("number", BigInteger, nullable=False),
    Column("name", Key, nullable=False),
    Column("taken", Boolean, nullable=False),
    Column("body", Text, nullable=False),
)

WORKERS = Table(
    "codeflow_workers",
    METADATA,
    Column("worker", Key, primary_key=True),
    # Microseconds on a clock that all workers share: the server's, or the machine's one that
    # counts since its start, of which `boot` is the id.
    Column("lease_until", BigInteger, nullable=False),
    Column("boot", Text, nullable=False),
)

EFFECTS = Table(
    "codeflow_effects",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("run_id", Key, nullable=False),
    Column("body", Text, nullable=False),
    # NULL until it is known to stand on the host.
    Column("receipt", Text),
    Index("codeflow_effects_run", "tenant", "run_id"),
    _partial("codeflow_effects_open", "receipt IS NULL", "tenant", "key"),
)

ANSWERS = Table(
    "codeflow_answers",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("put_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    Index("codeflow_answers_put", "tenant", "put_at"),
)

ACCOUNTS = Table(
    "codeflow_accounts",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("scope", Key, primary_key=True),
    # Money is counted in millionths of a millionth of a dollar, here and below.
    Column("booked_usd", BigInteger, nullable=False),
    Column("booked_tokens", BigInteger, nullable=False),
    Column("added_usd", BigInteger, nullable=False),
    Column("added_tokens", BigInteger, nullable=False),
    # What of the bookings is not settled.
    Column("open_usd", BigInteger, nullable=False, server_default=text("0")),
    Column("open_tokens", BigInteger, nullable=False, server_default=text("0")),
)

BOOKINGS = Table(
    "codeflow_bookings",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("reservation_id", Key, primary_key=True),
    # A JSON list of names in the form that the column of a key holds.
    Column("scopes", Text, nullable=False),
    Column("usd", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    # NULL while the call may be under way.
    Column("settled_at", Moment),
    _partial("codeflow_bookings_settled", "settled_at IS NOT NULL", "tenant", "settled_at"),
)

TOP_UPS = Table(
    "codeflow_top_ups",
    METADATA,
    Column("tenant", Key, primary_key=True),
    Column("top_up_id", Key, primary_key=True),
    Column("scope", Key, nullable=False),
    Column("usd", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

BUCKETS = Table(
    "codeflow_buckets",
    METADATA,
    Column("bucket", Key, primary_key=True),
    # In millionths, on the clock of the workers; NULL in a bucket that nobody has used.
    Column("level", BigInteger),
    Column("told_at", BigInteger),
    Column("full_at", BigInteger),
    # NULL where nobody has told yet how much it holds.
    Column("holds", BigInteger),
    Column("boot", Text, nullable=False),
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
    Column("value", Bytes, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("codeflow_cache_expires", "expires_at"),
    Index("codeflow_cache_written", "written_at", "size"),
)

TABLE_NAMES = frozenset({VERSION_TABLE, *METADATA.tables})
"""Names of all tables that belong to this package."""
