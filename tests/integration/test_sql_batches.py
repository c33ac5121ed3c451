"""A call that fails in its middle leaves nothing, in the database itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from codeflow_engine import Category, Finding, Severity
from codeflow_engine.domain.coverage import Coverage
from codeflow_engine.domain.identity import KnownFinding, Traits
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.errors import SchemaVersionError, StorageError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent(RunEvent):
    """An event of a kind that no storage can name."""


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"input": {"number": float("nan")}}, "run 'bad' cannot be stored"),
        ({"input": {"nested": [{1: "one"}]}}, "a key that is no text has no JSON form"),
        ({"created_at": NOW.replace(tzinfo=None)}, "without a zone"),
        # In JSON the two halves would be one character.
        ({"error": "\ud800\udc00"}, "two halves of a character have no JSON form"),
    ],
    ids=["number", "key", "zone", "halves"],
)
async def test_d40_the_error_names_the_run_that_cannot_be_stored(
    storage: SQLStorage, fields: dict[str, Any], told: str
) -> None:
    """Or says at least what is wrong with it; and the rest of the batch is not kept."""
    with pytest.raises(StorageError, match=told):
        await storage.put_runs([RUN, replace(RUN, run_id="bad", **fields)])

    assert await storage.find_runs("a") == ()


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_d40_the_error_names_the_event_that_cannot_be_stored(storage: SQLStorage) -> None:
    """By its run and its number."""
    known = RunEvent(run_id="r1", sequence=1, at=NOW)

    with pytest.raises(StorageError, match="event 2 of run 'r1' cannot be stored"):
        await storage.append_events("a", [known, ForeignEvent(run_id="r1", sequence=2, at=NOW)])

    assert await storage.read_events("a", "r1") == ()
