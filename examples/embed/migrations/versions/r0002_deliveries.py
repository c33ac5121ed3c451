"""Keep webhook deliveries, each with the run that it led to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deliveries",
        sa.Column("order", sa.Integer, primary_key=True),
        sa.Column("delivery_id", sa.String, nullable=False, unique=True),
        sa.Column("number", sa.Integer, sa.ForeignKey("pull_requests.number"), nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )
    op.create_index("ix_deliveries_number", "deliveries", ["number"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("deliveries")
