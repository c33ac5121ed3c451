"""Rows that somebody has damaged: each is named, and is in nobody's way."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from damaged_rows import Damage, cases
from journal_story import NOW, step, submission, writing

from codeflow_engine.domain.journal import RunLimits, RunState, Signal
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import StorageError
from codeflow_engine.storage.sql import SQLStorage
from codeflow_engine.storage.sql.cache import SQLCache
from codeflow_engine.testing.values import event

LATER = NOW + timedelta(days=1)

NAMED = r"^(run|the run) 'bad' is damaged|holds a text that cannot be read$"
"""SQLite's driver does not say in which row it has found such a text."""

ANYWHERE = (
    "created_at = 4611686018427387904",
    "started_at = 4611686018427387904",
    "deadline = -4611686018427387904",
    "waits_for = '5'",
    "waits_for = '{\"a\": 1}'",
    "waits_for = '[5]'",
    f"summary = '{'[' * 100_000}'",
    "error = '['",
    "body = '{'",
)
"""What any database keeps in the row of a run."""

ON_SQLITE = (
    "created_at = 'x'",
    "created_at = x'ff'",
    "started_at = 'x'",
    "wake_at = -1e300",
    "deadline = 2e300",
    "fence = 'x'",
    "recoveries = 'x'",
    "payload = 1000000000000",
    "payload = 'text'",
    "workflow = CAST(x'ff' AS TEXT)",
    "partition = CAST(x'ff' AS TEXT)",
    "body = CAST(x'ff' AS TEXT)",
)
"""What SQLite alone keeps, where every column takes every value."""

RUNS = cases(
    *(("sqlite", sets) for sets in (*ANYWHERE, *ON_SQLITE)),
    *(("sqlite+aiosqlite", sets) for sets in ON_SQLITE[-3:]),
    *(("psycopg", sets) for sets in ANYWHERE),
    ("asyncpg", ANYWHERE[0]),
    ("psycopg2", ANYWHERE[0]),
)


async def story(storage: SQLStorage) -> None:
    """Put in two runs that are due, and take a lease."""
    await storage.submit([submission("bad", seconds_left=9.0), submission("good", priority=-1)])
    await storage.renew("w", lease=600)


@RUNS
async def test_d37_a_damaged_run_hides_no_other_one_and_is_named_to_who_claims_it(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """Whoever looks for work finds both, or the other one; with limits, too."""
    await story(sql_storage)
    damage("runs", sets)
    limits = {"review": RunLimits(running=9, partition=9, starts=9, seconds=60)}

    async def due(**given: Any) -> list[str]:
        return sorted(await sql_storage.find_due("a", now=NOW, limit=9, **given))

    async def claim(*run_ids: str) -> list[str]:
        found = await sql_storage.claim("a", "w", run_ids=run_ids, now=NOW)
        return [one.record.run_id for one in found]

    assert await due() == await due(limits=limits) == ["bad", "good"]
    with pytest.raises(StorageError, match=NAMED) as caught:
        await claim("bad", "good")
    assert not caught.value.retryable
    assert await claim("good") == ["good"]
    assert [one.run_id for one in await sql_storage.notices("a", ["good"])] == ["good"]


@pytest.mark.fault
@RUNS
async def test_every_call_says_of_a_damaged_run_that_it_is(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """Or does not look at what is damaged; nothing else comes out of any, and no call hangs."""
    await story(sql_storage)
    damage("runs", sets)
    signal = Signal(run_id="bad", signal_id="s", name="go", sent_at=NOW)
    calls: list[Awaitable[Any]] = [
        sql_storage.get_runs("a", ["bad"]),
        sql_storage.find_runs("a"),
        sql_storage.submit([submission("bad")]),
        sql_storage.claim("a", "w", run_ids=["bad"], now=NOW),
        sql_storage.send("a", [signal]),
        sql_storage.notices("a", ["bad"]),
        sql_storage.cancel("a", ["bad"], now=NOW),
        sql_storage.resume("a", ["bad"], now=NOW, seconds=None),
        sql_storage.prune("a", before=LATER),
    ]

    told = []
    for call in calls:
        try:
            await call
        except StorageError as error:
            told.append(str(error))

    assert told
    assert [one for one in told if not re.search(NAMED, one)] == []


@cases(
    *(
        (one, "workflow = x'ff', partition = x'ff', owner = x'ff'")
        for one in ("sqlite", "sqlite+aiosqlite")
    )
)
async def test_a_column_that_is_not_needed_may_be_damaged(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """The body tells the same; a worker whose name cannot be read is gone."""
    await story(sql_storage)
    damage("runs", sets)
    limits = {"review": RunLimits(running=9, partition=1)}

    found = await sql_storage.find_due("a", now=NOW, limit=9, limits=limits)
    (claim,) = await sql_storage.claim("a", "w", run_ids=["bad"], now=NOW, limits=limits)
    damage("runs", sets)
    (again,) = await sql_storage.claim("a", "w", run_ids=["bad"], now=NOW, limits=limits)

    assert found == ("bad", "good")
    assert (claim.record.workflow, again.record.recoveries) == ("review", 1)


@cases(("sqlite", "run_id = x'ff'"), ("sqlite", "run_id = CAST(x'ff' AS TEXT)"))
async def test_a_run_without_a_name_hides_no_other_one(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """Nobody could ask for it; a list that has to hold it says so."""
    await story(sql_storage)
    damage("runs", sets)

    assert await sql_storage.find_due("a", now=NOW, limit=9) == ("good",)
    with pytest.raises(StorageError, match=r"damaged|cannot be read"):
        await sql_storage.find_runs("a")


@pytest.mark.parametrize("sql_storage", ["sqlite"], indirect=True)
async def test_pages_of_runs_that_are_due_go_past_damaged_ones(
    sql_storage: SQLStorage, damage: Damage
) -> None:
    """However many they are, where limits make it look at more than one page."""
    many = [submission(f"r{number:03}", workflow="full") for number in range(450)]
    await sql_storage.submit([*many, submission("last", priority=-1)])
    with sqlite3.connect(damage.file) as connection:
        connection.execute("UPDATE codeflow_runs SET created_at = 'x' WHERE run_id LIKE 'r0%'")
        connection.execute("UPDATE codeflow_runs SET started_at = 'x' WHERE run_id LIKE 'r1%'")
    connection.close()
    limits = {"full": RunLimits(running=1)}

    found = await sql_storage.find_due("a", now=NOW, limit=2, limits=limits)

    assert found == ("r100", "last")


STEPS = cases(
    *(("sqlite", f"{one} = 'x'") for one in ("position", "attempts", "started_at", "wake_at")),
    *(("sqlite", f"value = {one}") for one in ("1000000000000", "7", "'text'")),
    ("sqlite", "finished_at = -1e300"),
    ("sqlite", "error = x'ff'"),
    ("psycopg", "started_at = 4611686018427387904"),
    ("psycopg", "wake_at = -4611686018427387904"),
    ("psycopg", "kind = 'secret'"),
)


@STEPS
async def test_a_damaged_step_is_named(sql_storage: SQLStorage, damage: Damage, sets: str) -> None:
    """To who reads the steps of its run, and to who claims it; those of others are read."""
    await story(sql_storage)
    claims = await sql_storage.claim("a", "w", run_ids=["bad", "good"], now=NOW)
    for claim in claims:
        await sql_storage.write([writing(claim, steps=(step(claim.record.run_id, 1),))])
    damage("steps", sets)

    for call in (
        sql_storage.read_steps("a", "bad", values=True),
        sql_storage.claim("a", "w", run_ids=["bad"], now=NOW),
    ):
        with pytest.raises(StorageError, match=r"^step 's' of run 'bad' is damaged, or written"):
            await call
    assert len(await sql_storage.read_steps("a", "good")) == 1


@cases(("sqlite", "result = 1000000000000"), ("sqlite", "result = 7"), ("sqlite", "result = 'x'"))
async def test_a_damaged_result_is_named(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """A number is no such many zeros."""
    await story(sql_storage)
    damage("runs", sets)

    with pytest.raises(StorageError, match=r"^the result of run 'bad' is damaged, or written"):
        await sql_storage.read_results("a", ["good", "bad"])


@cases(
    ("sqlite", "waits_for = '5'"),
    ("sqlite", "created_at = 'x', fence = 'x', status = 'x'"),
    ("psycopg", "waits_for = '5'"),
)
async def test_d37_a_run_comes_to_its_end_whose_parent_is_damaged(
    sql_storage: SQLStorage, damage: Damage, sets: str
) -> None:
    """What it tells its parent is kept for when that is mended."""
    await story(sql_storage)
    child = submission("child", parent="bad")
    await sql_storage.submit([child, submission("other", parent="bad")])
    (claim,) = await sql_storage.claim("a", "w", run_ids=["child"], now=NOW)
    damage("runs", sets)
    word = Signal(run_id="bad", signal_id="child:child", name="child:child", sent_at=NOW)
    done = RunState(status=RunStatus.SUCCEEDED, at=NOW)

    assert await sql_storage.write([writing(claim, signals=(word,), state=done)]) == (True,)
    (cancelled,) = await sql_storage.cancel("a", ["other"], now=NOW)

    assert cancelled.status is RunStatus.CANCELLED
    heard = await sql_storage.read_signals("a", "bad")
    assert [one.name for one in heard] == ["child:child", "child:other"]


@pytest.mark.parametrize("sql_storage", ["sqlite"], indirect=True)
async def test_signals_come_beside_one_whose_number_is_damaged(
    sql_storage: SQLStorage, damage: Damage
) -> None:
    """In their order, and before it."""
    await story(sql_storage)
    signals = [
        Signal(run_id="bad", signal_id=f"s{number}", name="go", sent_at=NOW) for number in range(4)
    ]
    await sql_storage.send("a", signals[:2])
    damage("signals", "number = 'x'", "signal_id = 's0'")

    await sql_storage.send("a", signals[2:])

    found = await sql_storage.read_signals("a", "bad")
    assert [one.signal_id for one in found] == ["s1", "s2", "s3", "s0"]


@pytest.mark.parametrize("sql_storage", ["sqlite"], indirect=True)
async def test_a_damaged_event_is_named_to_who_claims_its_run(
    sql_storage: SQLStorage, damage: Damage
) -> None:
    """It counts on from the last one."""
    await story(sql_storage)
    await sql_storage.append_events("a", [event("bad", 1)])
    damage("events", "sequence = 'x'")

    with pytest.raises(StorageError, match=r"^an event of run 'bad' is damaged"):
        await sql_storage.claim("a", "w", run_ids=["bad"], now=NOW)
    with pytest.raises(StorageError, match="event x of run 'bad' of tenant 'a' is damaged"):
        await sql_storage.read_events("a", "bad")


async def test_a_damaged_value_is_not_in_the_cache(tmp_path: Path) -> None:
    """As if it had never been there."""
    file = tmp_path / "x.db"
    cache = SQLCache(f"sqlite:///{file}")
    await cache.put({"a": b"1"}, ttl=60)
    await cache.put({"b": b"2"}, ttl=60)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE codeflow_cache SET value = 1000000000000 WHERE value = x'31'")
    connection.close()

    assert await cache.get(["a", "b"]) == {"b": b"2"}
    assert cache.failure is None
    await cache.aclose()
