"""The tables of this service; those of the engine stand beside them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["METADATA", "Delivery", "PullRequest"]


class _Table(DeclarativeBase):
    """A table of this service."""


METADATA = _Table.metadata


class PullRequest(_Table):
    """A pull request as it was last seen."""

    __tablename__ = "pull_requests"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Delivery(_Table):
    """A webhook delivery that was taken, and the run that reviews what it brought."""

    __tablename__ = "deliveries"

    order: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(unique=True)
    number: Mapped[int] = mapped_column(ForeignKey("pull_requests.number"), index=True)
    run_id: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
