"""Runs that are submitted within a transaction of the host, begun in every way there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from host_handles import ASYNCHRONOUS, SYNCHRONOUS, Host, execute, opened, submission

from codeflow_engine.errors import (
    ConfigurationError,
    SchemaVersionError,
    StorageError,
)
from codeflow_engine.testing.values import NOON
from sql_databases import Server

CASES = [
    f"{driver}-{kind}"
    for driver, kinds in {
        "sqlite": SYNCHRONOUS,
        "sqlite+aiosqlite": ASYNCHRONOUS,
        "postgresql+psycopg2": SYNCHRONOUS,
        "postgresql+psycopg": (*SYNCHRONOUS, *ASYNCHRONOUS),
        "postgresql+asyncpg": ASYNCHRONOUS,
    }.items()
    for kind in kinds
]


@pytest.fixture
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    """Give a host with one connection."""
    driver, kind = request.param.rsplit("-", 1)
    if driver.startswith("sqlite"):
        url = f"{driver}:///{tmp_path / 'host.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.url(request.getfixturevalue("postgres_database"), driver.split("+")[1])
    made = Host(url, kind)
    await made.prepare()
    yield made
    await made.aclose()


every_handle = pytest.mark.parametrize("host", CASES, indirect=True)


@every_handle
async def test_a_commit_means_exactly_one_run_and_a_rollback_none(host: Host) -> None:
    """The run is there with the host's own row, or neither is; one connection does for all."""
    async with asyncio.timeout(30):
        async with host.begin(commits=False) as handle:
            await execute(handle, "INSERT INTO host_orders VALUES (1)")
            (first,) = await host.storage.submit_within(handle, [submission("r1", key="k")])
        nothing = await host.runs(), await host.orders()
        async with host.begin() as handle:
            (again,) = await host.storage.submit_within(handle, [submission("r1", key="k")])
            (other,) = await host.storage.submit_within(handle, [submission("r2", key="k")])
            await execute(handle, "INSERT INTO host_orders VALUES (1)")

    assert nothing == ([], 0)
    assert first == again == other == submission("r1", key="k").record
    assert await host.runs() == ["r1"]
    assert await host.orders() == 1
    assert await host.storage.find_due("a", now=NOON, limit=9) == ("r1",)


@every_handle
async def test_what_is_known_is_given_and_stays_as_it_is(host: Host) -> None:
    """By id and by key, in the order given, beside a new one; and nothing is no error."""
    known = submission("r1", key="k", digest="first")
    await host.storage.submit([known])

    async with host.begin() as handle:
        given = [submission("r3"), submission("r2", key="k", digest="x"), submission("r1")]
        found = await host.storage.submit_within(handle, given)
        assert await host.storage.submit_within(handle, []) == ()

    assert found == (given[0].record, known.record, known.record)
    assert sorted(await host.runs()) == ["r1", "r3"]


@every_handle
async def test_a_run_that_cannot_be_stored_leaves_the_transaction_as_it_was(host: Host) -> None:
    """The host goes on in it, and commits what is its own; the other runs of the call are gone."""
    bad = [submission("good"), submission("bad", priority=2**70)]
    zoneless = submission("r3", wake_at=NOON.replace(tzinfo=None))
    async with host.begin() as handle:
        await execute(handle, "INSERT INTO host_orders VALUES (1)")
        with pytest.raises(StorageError):
            await host.storage.submit_within(handle, bad)
        with pytest.raises(StorageError, match="without a zone"):
            await host.storage.submit_within(handle, [zoneless])
        await host.storage.submit_within(handle, [submission("r4")])
        await execute(handle, "INSERT INTO host_orders VALUES (2)")

    assert await host.orders() == 2
    assert await host.runs() == ["r4"]


@every_handle
async def test_a_handle_without_a_transaction_is_refused(host: Host) -> None:
    """Nobody would know when the run is there."""
    async with opened(host.engine, host.kind) as handle:
        with pytest.raises(ConfigurationError, match=f"this {host.kind} is in none; begin"):
            await host.storage.submit_within(handle, [submission("r1")])

    assert await host.runs() == []


@every_handle
async def test_tables_of_another_version_are_refused_on_the_same_connection(host: Host) -> None:
    """And the host's transaction goes on."""
    await host.storage.aclose()
    async with host.begin() as handle:
        await execute(handle, "UPDATE codeflow_version SET version_num = '0001'")

    async with host.begin() as handle:
        with pytest.raises(SchemaVersionError, match="codeflow db upgrade"):
            await host.storage.submit_within(handle, [submission("r1")])
        await execute(handle, "INSERT INTO host_orders VALUES (1)")

    assert await host.orders() == 1
