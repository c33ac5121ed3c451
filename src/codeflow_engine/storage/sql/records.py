"""Events of runs and their reviews: plain functions of a connection in a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, select

from codeflow_engine.domain.bodies import decode, encode
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import EVENT_KINDS, RunEvent
from codeflow_engine.errors import SchemaVersionError, StorageError
from codeflow_engine.storage.sql.bulk import NUMBER, TEXT, insertion
from codeflow_engine.storage.sql.columns import escape
from codeflow_engine.storage.sql.statements import among, bounded, upsert
from codeflow_engine.storage.sql.tables import EVENTS, REVIEWS

__all__ = [
    "append_events",
    "event_rows",
    "get_reviews",
    "put_reviews",
    "read_events",
    "review_rows",
]

_MOST_SEQUENCE = 2**63 - 1

_APPEND = insertion(
    "codeflow_events",
    {"tenant": TEXT, "run_id": TEXT, "sequence": NUMBER, "kind": TEXT, "body": TEXT},
    "DO NOTHING",
)


def event_rows(tenant: str, events: Sequence[RunEvent]) -> list[tuple[Any, ...]]:
    """Write events as rows."""
    owner = escape(tenant)
    return [_event_row(owner, event) for event in events]


def review_rows(tenant: str, reviews: Sequence[Review]) -> list[dict[str, Any]]:
    """Write reviews as rows."""
    return [
        {
            "tenant": tenant,
            "run_id": review.run_id,
            "body": encode(f"the review of run {review.run_id!r}", review),
        }
        for review in reviews
    ]


def append_events(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert events; one whose number is there already changes nothing."""
    # Two writers that lock the same rows in the same order do not block each other for good.
    _APPEND.execute(connection, sorted(rows, key=itemgetter(0, 1, 2)))


def read_events(
    connection: Connection, tenant: str, run_id: str, after: int, limit: int
) -> tuple[RunEvent, ...]:
    """Read events above a number, in order."""
    statement = (
        select(EVENTS)
        .where(EVENTS.c.tenant == tenant, EVENTS.c.run_id == run_id)
        .where(EVENTS.c.sequence > max(-_MOST_SEQUENCE, min(after, _MOST_SEQUENCE)))
        .order_by(EVENTS.c.sequence)
        .limit(bounded(limit))
    )
    return tuple(_events(tenant, connection.execute(statement).all()))


def put_reviews(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace reviews."""
    upsert(connection, REVIEWS, rows)


def get_reviews(connection: Connection, tenant: str, run_ids: Sequence[str]) -> tuple[Review, ...]:
    """Read reviews by run, in the order of the ids."""
    wanted = among(connection, REVIEWS.c.run_id, dict.fromkeys(run_ids))
    rows = connection.execute(select(REVIEWS).where(REVIEWS.c.tenant == tenant, wanted)).all()
    names = [f"the review of run {row.run_id!r}" for row in rows]
    reviews = decode(Review, [(name, row.body) for name, row in zip(names, rows, strict=True)])
    for name, row, review in zip(names, rows, reviews, strict=True):
        if review.run_id != row.run_id:
            raise _misfit(name)
    found = {review.run_id: review for review in reviews}
    return tuple(found[run_id] for run_id in run_ids if run_id in found)


def _event_row(tenant: str, event: RunEvent) -> tuple[Any, ...]:
    name = _event_name(event.run_id, event.sequence)
    kind = type(event).__name__
    if EVENT_KINDS.get(kind) is not type(event):
        raise StorageError(f"{name} cannot be stored: {kind} is no kind of event known here")
    return tenant, escape(event.run_id), event.sequence, kind, encode(name, event)


def _events(tenant: str, rows: Sequence[Row[Any]]) -> list[RunEvent]:
    by_kind: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind].append(row)
    events: list[RunEvent] = []
    for name, some in by_kind.items():
        kind = EVENT_KINDS.get(name)
        if kind is None:
            first = some[0]
            raise SchemaVersionError(
                f"{_event_name(first.run_id, first.sequence)} is of the kind {name!r}, which "
                f"this version of codeflow-engine does not know: update the package"
            )
        stored = [(_event_name(row.run_id, row.sequence), row.body) for row in some]
        for row, event in zip(some, decode(kind, stored), strict=True):
            if (event.run_id, event.sequence) != (row.run_id, row.sequence):
                raise _misfit(f"{_event_name(row.run_id, row.sequence)} of tenant {tenant!r}")
            events.append(event)
    return sorted(events, key=lambda event: event.sequence)


def _event_name(run_id: str, sequence: int) -> str:
    return f"event {sequence} of run {run_id!r}"


def _misfit(name: str) -> StorageError:
    return StorageError(f"{name} is damaged: its columns and its body tell different things")
