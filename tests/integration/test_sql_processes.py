"""Several processes use one database at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from sql_databases import Server

WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.storage.sql import SQLSettings, SQLStorage

url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
NOW = datetime(2026, 1, 1, tzinfo=UTC)

def run(run_id, status):
    return RunRecord(run_id=run_id, workflow="w", version=1, tenant="a", input={},
                     status=status, created_at=NOW, updated_at=NOW)

async def main():
    storage = SQLStorage(url, SQLSettings(migrate=True))
    for number in range(count):
        both = [f"{name}-{number}", "shared"]
        await storage.put_runs([run(one, RunStatus.RUNNING) for one in both])
        await storage.append_events("a", [RunEvent(run_id="shared", sequence=number + 1, at=NOW)])
        # What this process has been told is kept, it finds again at once.
        assert await storage.get_runs("a", [f"{name}-{number}"])
        await storage.put_runs([run(f"{name}-{number}", RunStatus.SUCCEEDED)])
        print(number, flush=True)
    await storage.aclose()

asyncio.run(main())
"""
COUNT = 15


@pytest.mark.parametrize(
    "database",
    [
        "postgresql+psycopg",
        pytest.param("sqlite", marks=pytest.mark.fault),
        pytest.param("sqlite+aiosqlite", marks=pytest.mark.fault),
        pytest.param("postgresql+psycopg2", marks=pytest.mark.fault),
    ],
)
def test_d41_processes_that_start_at_once_share_a_new_database(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    """One of them makes the tables, the others wait; nobody loses a write or sees an error."""
    if database.startswith("sqlite"):
        url = f"{database}:///{tmp_path / 'deep' / 'x.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        name = request.getfixturevalue("postgres_database")
        url = server.url(name, database.split("+")[1])
    command = [sys.executable, "-c", WRITER, url]

    writers = [
        subprocess.Popen(
            [*command, f"p{number}", str(COUNT)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for number in range(3)
    ]
    told = [writer.communicate(timeout=120)[1].decode() for writer in writers]

    assert told == ["", "", ""]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    runs, events = _read(url)
    assert sorted(runs) == sorted(
        ["shared", *(f"p{number}-{k}" for number in range(3) for k in range(COUNT))]
    )
    assert events == COUNT
    assert sum(status is RunStatus.SUCCEEDED for status in runs.values()) == 3 * COUNT


def _read(url: str) -> tuple[dict[str, RunStatus], int]:
    import asyncio

    async def read() -> tuple[dict[str, RunStatus], int]:
        storage = SQLStorage(url, SQLSettings(migrate=False))
        runs = await storage.find_runs("a", limit=1000)
        events = await storage.read_events("a", "shared")
        await storage.aclose()
        return {one.run_id: one.status for one in runs}, len(events)

    return asyncio.run(read())
