"""A call that fails in its middle leaves nothing, in the database itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from codeflow_engine import Category, Finding, Severity
from codeflow_engine.domain.coverage import Coverage
from codeflow_engine.domain.identity import KnownFinding, Traits
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import SchemaVersionError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from sql_databases import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
REVIEW = Review(
    run_id="r1",
    change=ChangeSummary(),
    coverage=Coverage(),
    isolation="none",
    timing=Timing(started_at=NOW, seconds=0),
)
KNOWN = KnownFinding(
    change="c1",
    finding=Finding(
        fingerprint="f1",
        path="a.py",
        severity=Severity.LOW,
        category=Category.STYLE,
        rule="x/y",
        title="T",
        message="M",
    ),
    traits=Traits(code=""),
    first_run="r1",
    last_run="r1",
    seen_at=NOW,
)
RUN = RunRecord(
    run_id="r1",
    workflow="w",
    version=1,
    tenant="a",
    input={},
    status=RunStatus.SUCCEEDED,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture(params=["sqlite", "aiosqlite", "psycopg", "asyncpg", "psycopg2"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SQLStorage]:
    """Give a storage whose tables nobody else uses."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/x.db"
    elif request.param == "aiosqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/x.db"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.url(request.getfixturevalue("postgres_database"), request.param)
    made = SQLStorage(url, SQLSettings(migrate=True))
    yield made
    await made.aclose()


async def lose(storage: SQLStorage, table: str) -> None:
    drop = text(f"DROP TABLE {table}")
    await storage._database.run(lambda by: by.execute(drop), write=True)


async def test_a_review_whose_findings_fail_is_not_kept(storage: SQLStorage) -> None:
    """The database refuses the second part, and takes the first one back."""
    await lose(storage, "codeflow_findings")

    with pytest.raises(SchemaVersionError, match="lacks a table"):
        await storage.put_reviews("a", [REVIEW], [KNOWN])

    assert await storage.get_reviews("a", ["r1"]) == ()


async def test_a_prune_that_fails_removes_nothing(storage: SQLStorage) -> None:
    """Neither the run nor its events, whichever part fails."""
    await storage.put_runs([RUN])
    await storage.append_events("a", [RunEvent(run_id="r1", sequence=1, at=NOW)])
    await lose(storage, "codeflow_dismissals")

    with pytest.raises(SchemaVersionError):
        await storage.prune("a", before=LATER)

    assert await storage.find_runs("a") == (RUN,)
    assert len(await storage.read_events("a", "r1")) == 1
