"""The tables of a database, their history, and the history of a host beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, create_engine, inspect
from sqlalchemy import text as sql_text

from codeflow_engine.domain.run import RunRecord
from codeflow_engine.errors import ConfigurationError, SchemaVersionError
from codeflow_engine.storage.sql import SQLSettings, SQLStorage, migrate
from codeflow_engine.storage.sql.tables import REVISION, REVISIONS, TABLE_NAMES, metadata_for
from codeflow_engine.storage.sql.version import SchemaState, create
from sql_databases import Server, connected

MIGRATIONS = Path(migrate.__file__).parent / "migrations"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'host.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.url(request.getfixturevalue("postgres_database"), "psycopg2")


def run(run_id: str = "r1") -> RunRecord:
    from datetime import UTC, datetime

    at = datetime(2026, 1, 1, tzinfo=UTC)
    return RunRecord(
        run_id=run_id,
        workflow="review",
        version=1,
        tenant="a",
        input={"x": "é"},
        created_at=at,
        updated_at=at,
    )


def only_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in TABLE_NAMES


def differences(connection: Connection, metadata: MetaData, **options: object) -> list[object]:
    """Say what Alembic would propose to change, so that the tables are those of the metadata."""
    given = {"compare_type": True, "version_table": "host_version", **options}
    context = MigrationContext.configure(connection, opts=given)
    return list(compare_metadata(context, metadata))


def test_the_migrations_make_the_tables_that_are_read_and_written(url: str) -> None:
    """Tables, columns, types, keys and indexes are the same; also where made without Alembic."""
    options = {"include_name": only_ours, "version_table": "codeflow_version"}
    with connected(url) as connection:
        migrate.upgrade(connection)
        assert differences(connection, metadata_for(connection.dialect.name), **options) == []
        connection.rollback()
        migrate.downgrade(connection, "base")
        assert set(inspect(connection).get_table_names()) == {"codeflow_version"}
        connection.rollback()
        with connection.begin():
            create(connection)
        assert differences(connection, metadata_for(connection.dialect.name), **options) == []
        assert migrate.check(connection).state is SchemaState.CURRENT


def test_a_missing_index_would_be_seen(url: str) -> None:
    """The comparison above can fail: on a column, and on an index."""
    options = {"include_name": only_ours, "version_table": "codeflow_version"}
    with connected(url) as connection:
        migrate.upgrade(connection)
        with connection.begin():
            connection.execute(sql_text("DROP INDEX codeflow_runs_status"))
            connection.execute(sql_text("ALTER TABLE codeflow_runs ADD COLUMN more INTEGER"))

        found = [
            one[0]
            for one in differences(connection, metadata_for(connection.dialect.name), **options)
        ]

    assert sorted(found) == ["add_index", "remove_column"]


def test_the_constant_is_the_head_of_the_history() -> None:
    """What is compared without Alembic is what Alembic would say."""
    script = ScriptDirectory(str(MIGRATIONS))

    walked = [one.revision for one in script.walk_revisions()]

    assert script.get_heads() == [REVISION]
    assert tuple(reversed(walked)) == REVISIONS


def test_keys_are_compared_by_code_point(postgres: Server, postgres_database: str) -> None:
    """Each text of a key has the collation C, whatever the language of the database."""
    with connected(postgres.url(postgres_database)) as connection:
        migrate.upgrade(connection)

    rows = postgres.run(
        "SELECT DISTINCT a.attrelid::regclass::text, a.attname, c.collname FROM pg_index i "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
        "JOIN pg_collation c ON c.oid = a.attcollation "
        "WHERE a.attrelid::regclass::text LIKE 'codeflow%'",
        postgres_database,
    )

    plain = {("codeflow_runs", "status"), ("codeflow_cache", "digest")}
    others = {(table, name) for table, name, collation in rows if collation != "C"}
    assert others == plain | {("codeflow_version", "version_num")}


async def test_d41_a_database_of_another_version_is_refused(url: str) -> None:
    """Older and newer both, with what to do; and neither is changed."""
    with connected(url) as connection:
        migrate.upgrade(connection)
    for found, advice in (("0000", "update the package"), ("9999", "update the package")):
        _set_version(url, found)
        storage = SQLStorage(_async(url), SQLSettings(migrate=True))
        with pytest.raises(SchemaVersionError, match=rf"'{found}'.*{advice}"):
            await storage.find_runs("a")
        with pytest.raises(SchemaVersionError, match=advice):
            await storage.migrate()
        assert (await storage.version()).state is SchemaState.NEWER
        await storage.aclose()


async def test_an_empty_database_is_not_made_use_of_unasked(
    postgres: Server, postgres_database: str
) -> None:
    """PostgreSQL is migrated on purpose, by the method or by the setting."""
    url = postgres.url(postgres_database)
    first = SQLStorage(url)
    with pytest.raises(SchemaVersionError, match="no tables yet"):
        await first.put_runs([run()])
    assert (await first.version()).state is SchemaState.ABSENT

    second = SQLStorage(url, SQLSettings(migrate=True))
    await second.put_runs([run()])

    assert await first.get_runs("a", ["r1"]) == (run(),)
    await first.aclose()
    await second.aclose()


async def test_a_schema_of_its_own_holds_everything(
    postgres: Server, postgres_database: str
) -> None:
    """Tables and version table are in it, and nothing is in the default one."""
    url = postgres.url(postgres_database)
    storage = SQLStorage(url, SQLSettings(schema="codeflow"))
    with pytest.raises(SchemaVersionError):
        await storage.find_runs("a")
    await storage.migrate()
    await storage.put_runs([run()])
    found = await storage.get_runs("a", ["r1"])
    await storage.aclose()

    rows = postgres.run(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_name LIKE 'codeflow%'",
        postgres_database,
    )
    assert found == (run(),)
    assert {(schema, name) for schema, name in rows} == {("codeflow", n) for n in TABLE_NAMES}


async def test_d41_down_and_up_again_leaves_a_database_that_works(url: str) -> None:
    """The way down to nothing removes our tables alone, and the way up makes them anew."""
    with connected(url) as connection:
        connection.execute(sql_text("CREATE TABLE host_things (id INTEGER)"))
        connection.commit()
        migrate.upgrade(connection)
        migrate.downgrade(connection, "base")
        assert "host_things" in inspect(connection).get_table_names()
        connection.rollback()
        migrate.upgrade(connection)
        migrate.upgrade(connection)
    storage = SQLStorage(_async(url))

    await storage.put_runs([run()])

    assert await storage.find_runs("a") == (run(),)
    await storage.aclose()


def test_a_host_history_and_ours_leave_each_other_alone(url: str) -> None:
    """Each one's autogenerate proposes nothing for the other's tables, and would without."""
    host = MetaData()
    Table("host_things", host, Column("id", Integer, primary_key=True))
    with connected(url) as connection:
        host.create_all(connection)
        connection.commit()
        migrate.upgrade(connection)

        unfiltered = differences(connection, host)
        filtered = differences(connection, host, include_name=migrate.include_name)

    assert {one[0] for one in unfiltered if isinstance(one, tuple)} >= {"remove_table"}
    assert filtered == []


@pytest.mark.parametrize("schema", [None, "cf"])
def test_the_script_makes_what_the_migration_makes(
    postgres: Server, postgres_database: str, schema: str | None
) -> None:
    """Applied by hand, as a whole, it leaves a current database."""
    script = migrate.sql("postgresql", schema=schema)

    postgres.run(script, postgres_database)

    with connected(postgres.url(postgres_database)) as connection:
        assert migrate.check(connection, schema=schema).state is SchemaState.CURRENT


def test_the_script_for_sqlite_is_applied_by_its_shell(tmp_path: Path) -> None:
    """The same for a file; other databases are refused, and from the head there is no way."""
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.executescript(migrate.sql("sqlite"))
    with engine.connect() as connection:
        assert migrate.check(connection).state is SchemaState.CURRENT
    engine.dispose()

    assert "CREATE" not in migrate.sql("sqlite", found=REVISION)
    with pytest.raises(ConfigurationError, match="known are postgresql and sqlite"):
        migrate.sql("oracle")


def test_d41_a_migration_that_fails_leaves_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither tables nor a version; the next try begins anew."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("in the middle")

    with connected(url) as connection:
        with monkeypatch.context() as patched:
            patched.setattr("alembic.operations.Operations.create_index", fail)
            with pytest.raises(RuntimeError, match="in the middle"):
                migrate.upgrade(connection)
        assert inspect(connection).get_table_names() == []
        connection.rollback()
        migrate.upgrade(connection)
        assert migrate.check(connection).state is SchemaState.CURRENT


def test_a_host_migrates_us_in_its_own_transaction(url: str) -> None:
    """Its rollback takes our tables back with its own."""
    engine: Engine = create_engine(url)
    with engine.connect() as connection:
        with connection.begin() as transaction:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            migrate.upgrade(connection)
            transaction.rollback()
        assert inspect(connection).get_table_names() == []
    engine.dispose()


def test_the_use_of_a_current_database_never_imports_alembic(tmp_path: Path) -> None:
    """Nor the ORM: creating, checking, writing and reading a file go without both."""
    code = (
        "import asyncio, sys\n"
        "from codeflow_engine.storage.sql import SQLStorage\n"
        "from codeflow_engine.domain.run import RunEvent\n"
        "from datetime import datetime, UTC\n"
        "async def main():\n"
        "    for _ in range(2):\n"
        f"        storage = SQLStorage('sqlite:///{tmp_path}/x.db')\n"
        "        event = RunEvent(run_id='r', sequence=1, at=datetime.now(UTC))\n"
        "        await storage.append_events('a', [event])\n"
        "        assert len(await storage.read_events('a', 'r')) == 1\n"
        "        await storage.aclose()\n"
        "asyncio.run(main())\n"
        "heavy = {'alembic', 'mako', 'sqlalchemy.orm', 'aiosqlite', 'psycopg', 'asyncpg'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout

    assert told == "[]\n"


def _async(url: str) -> str:
    return url.replace("+psycopg2", "")


def _set_version(url: str, version: str) -> None:
    with connected(url) as connection, connection.begin():
        connection.execute(sql_text("UPDATE codeflow_version SET version_num = :v"), {"v": version})
