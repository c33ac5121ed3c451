"""A database of revision 0001, which knew no journal, on its way up, and back."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from codeflow_engine.contracts import Storage
from codeflow_engine.domain.journal import RunState, RunWrite, Signal, Submission
from codeflow_engine.domain.run import RunFinished, RunRecord, RunStatus
from codeflow_engine.errors import SchemaVersionError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage, migrate
from codeflow_engine.storage.sql.tables import REVISION, TABLE_NAMES
from codeflow_engine.storage.sql.version import SchemaState
from codeflow_engine.testing.contracts.meter.values import book, cost, settled
from codeflow_engine.testing.values import dismissal, event, known, review, run
from sql_databases import Server, connected

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STATUSES = ("pending", "running", "succeeded", "failed", "cancelled")
OLD_TABLES = {
    *(f"codeflow_{name}" for name in ("runs", "events", "reviews", "findings", "dismissals")),
    *("codeflow_cache", "codeflow_version"),
}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'old.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("postgres_database"), "psycopg2")


def old_body(status: str, **fields: object) -> str:
    """Write a run as the version of revision 0001 did."""
    return json.dumps(
        {
            "run_id": f"r-{status}",
            "workflow": "review",
            "version": 1,
            "tenant": "a",
            "input": {"text": "é\x00\ud800"},
            "status": status,
            "created_at": "2026-01-01T12:00:00+00:00",
            "updated_at": "2026-01-01T12:00:00+00:00",
            "error": None,
            "summary": None,
            **fields,
        }
    )


def make_old(url: str) -> None:
    """Make a database as the version of revision 0001 leaves it, with one run of each status."""
    fields: dict[str, dict[str, object]] = {
        "succeeded": {"summary": {"findings": 3}},
        "failed": {"error": "SandboxError: no interpreter"},
    }
    at = (datetime(2026, 1, 1, 12, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    with connected(url) as connection:
        migrate.upgrade(connection)
        migrate.downgrade(connection, "0001")
        with connection.begin():
            for status in STATUSES:
                connection.execute(
                    text("INSERT INTO codeflow_runs VALUES ('a', :id, :status, :at, :at, :body)"),
                    {
                        "id": f"r-{status}",
                        "status": status,
                        "at": int(at * 1_000_000),
                        "body": old_body(status, **fields.get(status, {})),
                    },
                )


def on_loop(url: str) -> str:
    return url.replace("+psycopg2", "")


async def records(url: str) -> dict[str, RunRecord]:
    storage = SQLStorage(on_loop(url), SQLSettings(migrate=False))
    found = await storage.find_runs("a", limit=1000)
    await storage.aclose()
    return {one.run_id: one for one in found}


async def test_d41_runs_of_an_older_database_are_kept_and_none_goes_on(url: str) -> None:
    """Their results stay readable; what nobody can go on with has failed, and says why."""
    make_old(url)
    with connected(url) as connection:
        assert migrate.check(connection).state is SchemaState.OUTDATED
        assert set(inspect(connection).get_table_names()) == OLD_TABLES
        connection.rollback()
        migrate.upgrade(connection)

    found = await records(url)

    assert found["r-succeeded"].summary == {"findings": 3}
    assert found["r-failed"].error == "SandboxError: no interpreter"
    assert found["r-cancelled"].status is RunStatus.CANCELLED
    assert {one.input["text"] for one in found.values()} == {"é\x00\ud800"}
    for name in ("r-pending", "r-running"):
        assert found[name].status is RunStatus.FAILED
        assert "interrupted" in (found[name].error or "")


async def test_a_run_of_an_older_database_is_not_resumed(url: str) -> None:
    """Nobody knows what it has worked on; it stays as it is, and is due for nobody."""
    make_old(url)
    storage = SQLStorage(on_loop(url), SQLSettings(migrate=True))

    resumed = await storage.resume("a", ["r-running", "r-failed"], now=NOW, seconds=None)

    assert [one.status for one in resumed] == [RunStatus.FAILED, RunStatus.FAILED]
    assert await storage.find_due("a", now=NOW, limit=9) == ()
    await storage.aclose()


async def test_d41_down_and_up_again_keeps_what_both_revisions_know(url: str) -> None:
    """Runs as they stand, events, reviews, findings and dismissals."""
    storage = SQLStorage(on_loop(url), SQLSettings(migrate=True))
    await fill(storage)
    before = await whole(storage)
    await storage.aclose()

    with connected(url) as connection:
        migrate.downgrade(connection, "0001")
        assert migrate.check(connection).found == "0001"
        assert set(inspect(connection).get_table_names()) == OLD_TABLES
        rows = connection.execute(text("SELECT run_id, status, body FROM codeflow_runs")).all()
        connection.rollback()
        migrate.upgrade(connection)
    again = SQLStorage(on_loop(url), SQLSettings(migrate=False))
    after = await whole(again)
    await again.aclose()

    bodies = {row.run_id: json.loads(row.body) for row in rows}
    assert {one: body["status"] for one, body in bodies.items()} == {
        row.run_id: row.status for row in rows
    }
    assert {row.status for row in rows} <= set(STATUSES)
    assert all(set(body) == set(json.loads(old_body("failed"))) for body in bodies.values())
    assert bodies["done"]["summary"] == {"findings": 1}
    assert bodies["dead"]["error"] == "it ended five times"
    assert before[1:] == after[1:]
    statuses = {one.run_id: one.status for one in after[0]}
    assert statuses == {
        "done": RunStatus.SUCCEEDED,
        "dead": RunStatus.FAILED,
        "waits": RunStatus.FAILED,
        "new": RunStatus.FAILED,
    }


async def test_d41_what_is_open_in_an_older_database_is_told(url: str) -> None:
    """Revision 0003 booked it, and did not sum it up; names of any form find their accounts."""
    scopes = ("run:\x00\ud800é", "month:2026-01")
    limits = dict.fromkeys(scopes)
    storage = SQLStorage(on_loop(url), SQLSettings(migrate=True))
    for name in ("dead", "cancelled"):
        await book(storage, name, cost("0.5", 5), limits)
    await settled(storage, "done", cost("0.25", 3), limits)
    await book(storage, "another tenant's", cost("9", 9), limits, "b")
    before = await storage.read_balances("a", scopes)
    await storage.aclose()
    with connected(url) as connection:
        migrate.downgrade(connection, "0003")
        columns = {one["name"] for one in inspect(connection).get_columns("codeflow_accounts")}
        connection.rollback()
        migrate.upgrade(connection)

    again = SQLStorage(on_loop(url), SQLSettings(migrate=False))
    after = await again.read_balances("a", scopes)
    await again.aclose()

    assert not any(name.startswith("open") for name in columns)
    assert before == after
    assert [one.reserved for one in after] == [cost("1", 10)] * 2


async def fill(storage: SQLStorage) -> None:
    ids = ("done", "dead", "waits", "new")
    await storage.submit([Submission(record=run(one, wake_at=NOW), payload=b"{}") for one in ids])
    await storage.renew("w", lease=60)
    states = {
        "done": RunState(status=RunStatus.SUCCEEDED, at=NOW, summary={"findings": 1}),
        "dead": RunState(status=RunStatus.DEAD, at=NOW, error="it ended five times"),
        "waits": RunState(status=RunStatus.WAITING, at=NOW, waits_for=("go",)),
    }
    claims = await storage.claim("a", "w", run_ids=[*states], now=NOW)
    await storage.write(
        [
            RunWrite(
                tenant="a",
                run_id=one.record.run_id,
                fence=one.fence,
                events=(event(one.record.run_id, 1),),
                state=states[one.record.run_id],
            )
            for one in claims
        ]
    )
    end = RunFinished(run_id="done", sequence=2, at=NOW, status=RunStatus.SUCCEEDED)
    await storage.append_events("a", [end])
    await storage.put_reviews("a", [review("done")], [known("f1", run_id="done")])
    await storage.put_dismissals("a", [dismissal("f1", "c1")])
    await storage.send("a", [Signal(run_id="waits", signal_id="s", name="x", sent_at=NOW)])


async def whole(storage: Storage) -> tuple[Any, ...]:
    runs = await storage.find_runs("a")
    return (
        runs,
        [await storage.read_events("a", one) for one in ("done", "dead", "waits", "new")],
        await storage.get_reviews("a", ["done"]),
        await storage.find_findings("a"),
        await storage.find_dismissals("a"),
    )


async def test_d41_an_older_database_is_refused_where_it_is_not_to_be_migrated(url: str) -> None:
    """The error says what it has, what is needed, and which command to run; nothing changes."""
    make_old(url)
    storage = SQLStorage(on_loop(url), SQLSettings(migrate=False))

    with pytest.raises(SchemaVersionError, match=rf"'0001'.*{REVISION}.*codeflow db upgrade"):
        await storage.renew("w", lease=60)
    assert (await storage.version()).found == "0001"
    await storage.migrate()
    await storage.renew("w", lease=60)

    assert (await storage.version()).state is SchemaState.CURRENT
    await storage.aclose()


USER = """
import asyncio, sys
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

async def main():
    storage = SQLStorage(sys.argv[1], SQLSettings(migrate=True))
    print(len(await storage.find_runs("a")))
    await storage.renew(sys.argv[2], lease=60)
    await storage.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "url", ["sqlite", pytest.param("postgres", marks=pytest.mark.fault)], indirect=True
)
def test_d41_processes_that_start_at_once_upgrade_a_database_once(url: str) -> None:
    """One migrates, the others wait and go on with what it has made."""
    make_old(url)
    command = [sys.executable, "-c", USER, on_loop(url)]

    users = [
        subprocess.Popen([*command, f"w{number}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(3)
    ]
    told = [one.communicate(timeout=120) for one in users]

    assert told == [(b"5\n", b"")] * 3
    assert len(asyncio.run(records(url))) == 5


MIGRATOR = """
import sys, time
from alembic.operations import Operations
from sqlalchemy import create_engine
from codeflow_engine.storage.sql.migrate import upgrade

made = Operations.create_index
def slow(self, *given, **more):
    made(self, *given, **more)
    print("in the middle", flush=True)
    time.sleep(60)
Operations.create_index = slow
with create_engine(sys.argv[1]).connect() as connection:
    upgrade(connection)
"""


@pytest.mark.parametrize(
    "url", [pytest.param("sqlite", marks=pytest.mark.fault), "postgres"], indirect=True
)
def test_d41_an_upgrade_killed_in_the_middle_leaves_the_old_database(url: str) -> None:
    """Its columns, tables, runs and version; and the next one upgrades it."""
    make_old(url)
    migrator = subprocess.Popen(
        [sys.executable, "-c", MIGRATOR, url], stdout=subprocess.PIPE, text=True
    )
    assert migrator.stdout is not None
    assert migrator.stdout.readline() == "in the middle\n"
    migrator.send_signal(signal.SIGKILL)
    migrator.communicate()

    with connected(url) as connection:
        assert migrate.check(connection).found == "0001"
        tables = inspect(connection)
        assert set(tables.get_table_names()) == OLD_TABLES
        assert len(tables.get_columns("codeflow_runs")) == 6
        pending = text("SELECT count(*) FROM codeflow_runs WHERE status = 'pending'")
        assert connection.execute(pending).scalar() == 1
        connection.rollback()
        migrate.upgrade(connection)
        assert set(inspect(connection).get_table_names()) == TABLE_NAMES
    assert len(asyncio.run(records(url))) == 5


@pytest.mark.parametrize("schema", [None, "cf"])
def test_the_script_upgrades_an_older_database(
    postgres: Server, postgres_database: str, schema: str | None
) -> None:
    """Applied by hand, to a database with or without a schema for the tables."""
    url = postgres.url(postgres_database, "psycopg2")
    with connected(url) as connection:
        migrate.upgrade(connection, schema=schema)
        migrate.downgrade(connection, "0001", schema=schema)

    postgres.run(migrate.sql("postgresql", schema=schema, found="0001"), postgres_database)

    with connected(url) as connection:
        assert migrate.check(connection, schema=schema).state is SchemaState.CURRENT
