"""Add to accounts how much of what is booked is open."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, text

revision = "0004"
down_revision = "0003"

_NAMES = ("open_usd", "open_tokens")

_SCOPES = {
    "sqlite": "json_each(b.scopes) AS s",
    "postgresql": "json_array_elements_text(CAST(b.scopes AS json)) AS s(value)",
}
"""The names on which a booking is, one a row."""


def upgrade(op: Operations, schema: str | None) -> None:
    """Add the columns, and sum up the bookings that are open now."""
    for name in _NAMES:
        zero = text("0")
        one = Column(name, BigInteger, nullable=False, server_default=zero)
        op.add_column("codeflow_accounts", one, schema=schema)
    dialect = op.get_context().dialect
    place = "" if schema is None else f"{dialect.identifier_preparer.quote_schema(schema)}."
    op.execute(
        f"UPDATE {place}codeflow_accounts AS a "  # noqa: S608 - our own names
        f"SET open_usd = o.usd, open_tokens = o.tokens FROM ("
        f"SELECT b.tenant AS tenant, s.value AS scope, "
        f"SUM(b.usd) AS usd, SUM(b.tokens) AS tokens "
        f"FROM {place}codeflow_bookings AS b, {_SCOPES[dialect.name]} "
        f"WHERE b.settled_at IS NULL GROUP BY b.tenant, s.value"
        f") AS o WHERE a.tenant = o.tenant AND a.scope = o.scope"
    )


def downgrade(op: Operations, schema: str | None) -> None:
    """Remove the columns; what is booked stays."""
    for name in _NAMES:
        op.drop_column("codeflow_accounts", name, schema=schema)
