"""Known findings and dismissals: plain functions of a connection in a transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, select, tuple_

from codeflow_engine.domain.bodies import decode, encode
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql.statements import among, begins_with, bounded, chunks, upsert
from codeflow_engine.storage.sql.tables import DISMISSALS, FINDINGS

__all__ = [
    "dismissal_key",
    "dismissal_rows",
    "find_dismissals",
    "find_findings",
    "finding_rows",
    "put_dismissals",
    "put_findings",
    "remove_dismissals",
]


def finding_rows(tenant: str, findings: Sequence[KnownFinding]) -> list[dict[str, Any]]:
    """Write known findings as rows."""
    return [
        {"tenant": tenant, **_finding_columns(one), "body": encode(_finding_name(one), one)}
        for one in findings
    ]


def dismissal_rows(tenant: str, dismissals: Sequence[Dismissal]) -> list[dict[str, Any]]:
    """Write dismissals as rows."""
    return [
        {
            "tenant": tenant,
            **_dismissal_columns(one),
            "body": encode(f"the dismissal of {one.fingerprint!r}", one),
        }
        for one in dismissals
    ]


def dismissal_key(dismissal: Dismissal) -> tuple[str, str, str]:
    """Name a dismissal within its tenant; only one for the whole tenant has no place."""
    return dismissal.fingerprint, dismissal.scope.value, dismissal.where or ""


def put_findings(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace known findings."""
    upsert(connection, FINDINGS, rows)


def find_findings(
    connection: Connection, tenant: str, change: str | None, prefix: str, limit: int
) -> tuple[KnownFinding, ...]:
    """Read known findings, sorted by change and fingerprint."""
    columns = FINDINGS.c
    statement = (
        select(FINDINGS)
        .where(columns.tenant == tenant, begins_with(columns.fingerprint, prefix))
        .order_by(columns.change, columns.fingerprint)
        .limit(bounded(limit))
    )
    if change is not None:
        statement = statement.where(columns.change == change)
    rows = connection.execute(statement).all()
    names = [f"finding {row.fingerprint!r} of change {row.change!r}" for row in rows]
    found = decode(KnownFinding, [(name, row.body) for name, row in zip(names, rows, strict=True)])
    for name, row, one in zip(names, rows, found, strict=True):
        _check(name, row, _finding_columns(one))
    return tuple(found)


def put_dismissals(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace dismissals."""
    upsert(connection, DISMISSALS, rows)


def find_dismissals(
    connection: Connection, tenant: str, fingerprints: Collection[str] | None
) -> tuple[Dismissal, ...]:
    """Read dismissals, sorted by fingerprint, scope and place."""
    columns = DISMISSALS.c
    statement = (
        select(DISMISSALS)
        .where(columns.tenant == tenant)
        .order_by(columns.fingerprint, columns.scope, columns.place)
    )
    if fingerprints is not None:
        statement = statement.where(among(connection, columns.fingerprint, set(fingerprints)))
    rows = connection.execute(statement).all()
    names = [f"the dismissal of {row.fingerprint!r}" for row in rows]
    found = decode(Dismissal, [(name, row.body) for name, row in zip(names, rows, strict=True)])
    for name, row, one in zip(names, rows, found, strict=True):
        _check(name, row, _dismissal_columns(one))
    return tuple(found)


def remove_dismissals(
    connection: Connection, tenant: str, keys: Collection[tuple[str, str, str]]
) -> int:
    """Remove dismissals; return how many were there."""
    columns = DISMISSALS.c
    key = tuple_(columns.fingerprint, columns.scope, columns.place)
    return sum(
        connection.execute(
            delete(DISMISSALS).where(columns.tenant == tenant, key.in_(chunk))
        ).rowcount
        for chunk in chunks(sorted(set(keys)))
    )


def _finding_columns(one: KnownFinding) -> dict[str, Any]:
    return {"change": one.change, "fingerprint": one.fingerprint, "seen_at": one.seen_at}


def _dismissal_columns(one: Dismissal) -> dict[str, Any]:
    fingerprint, scope, place = dismissal_key(one)
    return {
        "fingerprint": fingerprint,
        "scope": scope,
        "place": place,
        "expires_at": one.expires_at,
    }


def _finding_name(one: KnownFinding) -> str:
    return f"finding {one.fingerprint!r} of change {one.change!r}"


def _check(name: str, row: Row[Any], columns: Mapping[str, Any]) -> None:
    """See that the body of a row tells what its columns, between tenant and body, tell."""
    if tuple(columns.values()) != tuple(row)[1:-1]:
        raise StorageError(f"{name} is damaged: its columns and its body tell different things")
