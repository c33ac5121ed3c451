"""Make the tables of runs, events, reviews, known findings, dismissals and the cache."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, LargeBinary, Text

revision = "0001"
down_revision = None

_KEY = Text().with_variant(Text(collation="C"), "postgresql")
_INDEXES = {
    "codeflow_runs": {
        "codeflow_runs_created": ["tenant", "created_at", "run_id"],
        "codeflow_runs_status": ["tenant", "status", "created_at", "run_id"],
        "codeflow_runs_updated": ["tenant", "updated_at", "run_id"],
    },
    "codeflow_findings": {
        "codeflow_findings_fingerprint": ["tenant", "fingerprint"],
        "codeflow_findings_seen": ["tenant", "seen_at"],
    },
    "codeflow_dismissals": {"codeflow_dismissals_expires": ["tenant", "expires_at"]},
    "codeflow_cache": {
        "codeflow_cache_expires": ["expires_at"],
        "codeflow_cache_written": ["written_at", "size"],
    },
}


def _key(name: str) -> Column[str]:
    return Column(name, _KEY, primary_key=True)


def _body() -> Column[str]:
    return Column("body", Text, nullable=False)


def upgrade(op: Operations, schema: str | None) -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "codeflow_runs",
        _key("tenant"),
        _key("run_id"),
        Column("status", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        _body(),
        schema=schema,
    )
    op.create_table(
        "codeflow_events",
        _key("tenant"),
        _key("run_id"),
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("kind", Text, nullable=False),
        _body(),
        schema=schema,
    )
    op.create_table("codeflow_reviews", _key("tenant"), _key("run_id"), _body(), schema=schema)
    op.create_table(
        "codeflow_findings",
        _key("tenant"),
        _key("change"),
        _key("fingerprint"),
        Column("seen_at", BigInteger, nullable=False),
        _body(),
        schema=schema,
    )
    op.create_table(
        "codeflow_dismissals",
        _key("tenant"),
        _key("fingerprint"),
        _key("scope"),
        _key("place"),
        Column("expires_at", BigInteger),
        _body(),
        schema=schema,
    )
    op.create_table(
        "codeflow_cache",
        Column("digest", Text, primary_key=True),
        Column("value", LargeBinary, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("written_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        schema=schema,
    )
    for table, indexes in _INDEXES.items():
        for name, columns in indexes.items():
            op.create_index(name, table, columns, schema=schema)


def downgrade(op: Operations, schema: str | None) -> None:
    """Remove the tables, and all that is in them."""
    for name in ("runs", "events", "reviews", "findings", "dismissals", "cache"):
        op.drop_table(f"codeflow_{name}", schema=schema)
