"""The pooler that tests stand behind does what pgbouncer does in transaction mode."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import asyncpg
import psycopg
import psycopg2
import pytest
from sqlalchemy import make_url

from pooling_proxy import PoolingProxy, pooling_proxy
from sql_databases import Server

type Connect = Callable[..., Any]


@pytest.fixture
def proxy(postgres: Server) -> Iterator[PoolingProxy]:
    """Run a pooler with two connections."""
    with pooling_proxy(postgres, size=2) as running:
        yield running


@contextmanager
def client(proxy: PoolingProxy, database: str, **options: Any) -> Iterator[psycopg.Connection[Any]]:
    """Open a session that commits each statement, and prepares none."""
    url = proxy.url(database).replace("+psycopg", "")
    options = {"autocommit": True, "prepare_threshold": None, **options}
    with psycopg.connect(url, **options) as connection:
        yield connection


def value(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement).fetchone()  # type: ignore[call-overload] # a test's own text
    return row[0]


def test_a_transaction_keeps_its_connection_and_the_next_one_has_another(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """Between transactions a session has none."""
    ask = "SELECT pg_backend_pid()"
    with client(proxy, postgres_database) as one:
        outside = [value(one, ask) for _ in range(4)]
        with one.transaction():
            inside = [value(one, ask) for _ in range(4)]

    assert outside[0] != outside[1]
    assert outside[:2] == outside[2:]
    assert len(set(inside)) == 1


def test_what_is_set_is_lost_to_its_session_and_seen_by_others(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """It stays with the connection of the server."""
    with client(proxy, postgres_database) as one, client(proxy, postgres_database) as other:
        one.execute("SET lock_timeout = '7s'")
        own = value(one, "SHOW lock_timeout")
        others = value(other, "SHOW lock_timeout")

    assert (own, others) == ("0", "7s")


def test_what_is_set_locally_ends_with_its_transaction(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """Nobody finds it afterwards, on either connection."""
    with client(proxy, postgres_database) as one:
        with one.transaction():
            one.execute("SET LOCAL lock_timeout = '7s'")
            inside = value(one, "SHOW lock_timeout")
        after = [value(one, "SHOW lock_timeout") for _ in range(2)]

    assert (inside, after) == ("7s", ["0", "0"])


def test_a_prepared_statement_is_not_there_any_more(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """Its name is known on the connection on which it was prepared, just before."""
    with (
        client(proxy, postgres_database, prepare_threshold=0) as one,
        pytest.raises(psycopg.errors.InvalidSqlStatementName),
    ):
        one.execute("SELECT 1")


def test_a_prepared_statement_of_another_session_is_in_the_way(postgres: Server) -> None:
    """Two sessions use the same names."""
    with (
        pooling_proxy(postgres, size=1) as narrow,
        client(narrow, "postgres", prepare_threshold=0) as one,
        client(narrow, "postgres", prepare_threshold=0) as other,
    ):
        one.execute("SELECT 1")
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            other.execute("SELECT 2")


def test_an_advisory_lock_of_a_session_keeps_nobody_out(
    postgres: Server, postgres_database: str
) -> None:
    """Another session may have the same connection, and a session cannot let go its own."""
    with (
        pooling_proxy(postgres, size=1) as narrow,
        client(narrow, postgres_database) as one,
        client(narrow, postgres_database) as other,
    ):
        locked = [value(each, "SELECT pg_try_advisory_lock(7)") for each in (one, other)]

    assert locked == [True, True]


def test_an_advisory_lock_of_a_transaction_keeps_others_out(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """It ends with the transaction, on the connection that has it."""
    ask = "SELECT pg_try_advisory_xact_lock(7)"
    with client(proxy, postgres_database) as one, client(proxy, postgres_database) as other:
        with one.transaction():
            locked = [value(each, ask) for each in (one, other)]
        after = value(other, ask)

    assert (locked, after) == ([True, False], True)


def test_nobody_hears_a_notification(proxy: PoolingProxy, postgres_database: str) -> None:
    """Who listens has no connection over which it could come."""
    with client(proxy, postgres_database) as one, client(proxy, postgres_database) as other:
        one.execute("LISTEN news")
        for _ in range(2):
            other.execute("NOTIFY news")
        heard = list(one.notifies(timeout=0.2))

    assert heard == []


def test_a_temporary_table_is_not_there_any_more(
    proxy: PoolingProxy, postgres_database: str
) -> None:
    """It belongs to the connection of the server."""
    with client(proxy, postgres_database) as one:
        one.execute("CREATE TEMPORARY TABLE mine (a int)")
        with pytest.raises(psycopg.errors.UndefinedTable):
            one.execute("SELECT * FROM mine")


def test_some_parameters_follow_their_session(proxy: PoolingProxy, postgres_database: str) -> None:
    """Those that pgbouncer tracks, whoever had the connection before."""
    with (
        client(proxy, postgres_database, application_name="one") as one,
        client(proxy, postgres_database) as other,
    ):
        one.execute("SET TimeZone = 'Asia/Tokyo'")
        zones = [(value(one, "SHOW TimeZone"), value(other, "SHOW TimeZone")) for _ in range(2)]
        names = {value(one, "SHOW application_name") for _ in range(2)}

    assert {zone for zone, _ in zones} == {"Asia/Tokyo"}
    assert "Asia/Tokyo" not in {zone for _, zone in zones}
    assert names == {"one"}


def test_a_session_cannot_begin_with_options(proxy: PoolingProxy, postgres_database: str) -> None:
    """They would be those of a connection of the server, which others have too."""
    with (
        pytest.raises(psycopg.OperationalError, match="unsupported startup parameter: options"),
        client(proxy, postgres_database, options="-c lock_timeout=7s"),
    ):
        pass


def test_many_sessions_share_few_connections(
    proxy: PoolingProxy, postgres: Server, postgres_database: str
) -> None:
    """They wait for each other's transactions, and the server sees two."""
    postgres.run("CREATE TABLE counted (a int)", postgres_database)
    seen = []

    def work(_: int) -> None:
        with client(proxy, postgres_database, autocommit=False) as one:
            for _ in range(5):
                with one.transaction():
                    one.execute("INSERT INTO counted VALUES (1)")
                    one.execute("SELECT pg_sleep(0.001)")
        seen.append(len(postgres.clients(postgres_database)))

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(work, range(10)))

    assert postgres.run("SELECT count(*) FROM counted", postgres_database) == [(50,)]
    assert (proxy.served, proxy.opened) == (10, 2)
    assert set(seen) == {2}


def test_a_session_that_leaves_in_a_transaction_leaves_nothing_of_it(
    proxy: PoolingProxy, postgres: Server, postgres_database: str
) -> None:
    """Its connection is closed, and others get a new one."""
    postgres.run("CREATE TABLE counted (a int)", postgres_database)
    with client(proxy, postgres_database, autocommit=False) as one:
        one.execute("INSERT INTO counted VALUES (1)")
        one.pgconn.finish()

    with client(proxy, postgres_database) as other:
        counts = {value(other, "SELECT count(*) FROM counted") for _ in range(4)}

    assert counts == {0}
    assert proxy.opened == 3


def test_a_connection_that_the_server_ends_takes_its_session_along(
    proxy: PoolingProxy, postgres: Server, postgres_database: str
) -> None:
    """A new session goes on."""
    with client(proxy, postgres_database, autocommit=False) as one:
        pid = value(one, "SELECT pg_backend_pid()")
        postgres.run(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg.OperationalError):
            one.execute("SELECT 1")

    with client(proxy, postgres_database) as other:
        assert pid not in {value(other, "SELECT pg_backend_pid()") for _ in range(4)}


def test_a_statement_can_be_cancelled(proxy: PoolingProxy, postgres_database: str) -> None:
    """The request goes to the connection that the session has just now."""
    with client(proxy, postgres_database) as one:
        before = time.monotonic()
        # Not `cancel`: it waits without letting other threads of this process go on.
        threading.Timer(0.1, one.cancel_safe).start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            one.execute("SELECT pg_sleep(20)")
        again = value(one, "SELECT 1")

    assert again == 1
    assert time.monotonic() - before < 10


def test_a_database_that_is_not_there_is_an_error(proxy: PoolingProxy) -> None:
    """The client hears what the server says."""
    with pytest.raises(psycopg.OperationalError, match='"nowhere" does not exist'):
        psycopg.connect(proxy.url("nowhere").replace("+psycopg", ""))


def test_other_drivers_and_copies_go_through(proxy: PoolingProxy, postgres_database: str) -> None:
    """Whatever the protocol has is passed on as it is."""
    url = make_url(proxy.url(postgres_database))

    async def by_asyncpg() -> list[int]:
        where = {"host": url.host, "port": url.port, "user": url.username}
        connection = await asyncpg.connect(**where, database=url.database, statement_cache_size=0)
        await connection.execute("CREATE TABLE numbers (a int)")
        rows = [(number,) for number in range(1000)]
        await connection.copy_records_to_table("numbers", records=rows)
        found = await connection.fetch("SELECT a FROM numbers ORDER BY a LIMIT $1", 3)
        await connection.close()
        return [row["a"] for row in found]

    assert asyncio.run(by_asyncpg()) == [0, 1, 2]
    older = psycopg2.connect(url.set(drivername="postgresql").render_as_string())
    with older, older.cursor() as cursor:
        cursor.execute("SELECT count(*), %s FROM numbers", ("é",))
        assert cursor.fetchone() == (1000, "é")
    older.close()
