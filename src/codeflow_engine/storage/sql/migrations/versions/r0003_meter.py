"""Make the tables of the meter: accounts, bookings, top-ups and buckets."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Text, text

revision = "0003"
down_revision = "0002"

_KEY = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade(op: Operations, schema: str | None) -> None:
    """Make the tables; those that are there stay as they are."""
    op.create_table(
        "codeflow_accounts",
        *_keys("tenant", "scope"),
        *_numbers("booked_usd", "booked_tokens", "added_usd", "added_tokens"),
        schema=schema,
    )
    op.create_table(
        "codeflow_bookings",
        *_keys("tenant", "reservation_id"),
        Column("scopes", Text, nullable=False),
        *_numbers("usd", "tokens"),
        Column("settled_at", BigInteger),
        schema=schema,
    )
    op.create_table(
        "codeflow_top_ups",
        *_keys("tenant", "top_up_id"),
        Column("scope", _KEY, nullable=False),
        *_numbers("usd", "tokens"),
        schema=schema,
    )
    op.create_table(
        "codeflow_buckets",
        *_keys("bucket"),
        *(Column(name, BigInteger) for name in ("level", "told_at", "full_at", "holds")),
        Column("boot", Text, nullable=False),
        schema=schema,
    )
    settled = text("settled_at IS NOT NULL")
    op.create_index(
        "codeflow_bookings_settled",
        "codeflow_bookings",
        ["tenant", "settled_at"],
        schema=schema,
        postgresql_where=settled,
        sqlite_where=settled,
    )


def downgrade(op: Operations, schema: str | None) -> None:
    """Remove the tables, and forget what was spent."""
    for name in ("accounts", "bookings", "top_ups", "buckets"):
        op.drop_table(f"codeflow_{name}", schema=schema)


def _keys(*names: str) -> list[Column[str]]:
    return [Column(name, _KEY, primary_key=True) for name in names]


def _numbers(*names: str) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]
