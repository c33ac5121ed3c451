"""An engine on a database with damaged rows: all other runs go on, and errors are typed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from damaged_rows import Damage, cases

from codeflow_engine import AsyncEngine
from codeflow_engine.errors import SerializationError, StorageError


async def work(run: Any, given: Mapping[str, Any]) -> int:
    """Do what the input says."""
    if given["fails"]:
        raise ValueError("no")
    return 1


def made(url: str, executes: str) -> AsyncEngine:
    engine = AsyncEngine(storage=url, executes=executes, plugins_allow=[])
    engine.workflow("work")(work)
    return engine


@cases(
    ("sqlite", "created_at = 4611686018427387904"),
    ("sqlite", "started_at = 'x'"),
    ("sqlite", "workflow = CAST(x'ff' AS TEXT)"),
    ("sqlite", "fence = 'x'"),
    ("psycopg", "started_at = 4611686018427387904"),
    ("psycopg", "waits_for = '5'"),
)
async def test_d37_one_damaged_run_stalls_no_worker(damage: Damage, sets: str) -> None:
    """All others are executed, those that are claimed together with it and those that come."""
    async with made(damage.url, "none") as engine:
        bad = await engine.submit("work", {"fails": False})
        good = [await engine.submit("work", {"fails": False}) for _ in range(3)]
    damage("runs", sets, f"run_id = '{bad.id}'")

    async with made(damage.url, "all") as engine, asyncio.timeout(20):
        late = await engine.submit("work", {"fails": False})
        results = [await (await engine.run(one.id)).result() for one in (*good, late)]

    assert results == [1, 1, 1, 1]


@cases(
    *(("sqlite", f"result = {one}") for one in ("x'ff'", "x'7b'", "'text'", "1000000000000")),
    ("psycopg", "result = '\\xff'"),
)
@pytest.mark.parametrize("fails", [False, True])
async def test_a_damaged_end_of_a_run_is_a_typed_error(
    damage: Damage, sets: str, *, fails: bool
) -> None:
    """For one that has succeeded and for one that has failed."""
    async with made(damage.url, "all") as engine:
        run = await engine.submit("work", {"fails": fails})
        await asyncio.gather(run.result(), return_exceptions=True)
    damage("runs", sets, f"run_id = '{run.id}'")

    async with made(damage.url, "none") as engine:
        with pytest.raises((StorageError, SerializationError), match=r"run '|a stored value"):
            await (await engine.run(run.id)).result()
