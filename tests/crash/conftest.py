"""What tests of crashes stand on: servers, a nursery, and databases of both kinds."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash_nursery import nursery
from crash_schedule import Stand
from crash_servers import outside

from sql_databases import Server

_worlds = itertools.count(1)


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Run a model, a forge and a nursery."""
    place = tmp_path_factory.mktemp("lives")
    with outside() as servers, nursery(place) as born:
        yield Stand(born, servers, place)


@pytest.fixture
def world() -> str:
    """Name a world that nobody else uses."""
    return f"w{os.getpid()}-{next(_worlds)}"


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Server) -> Iterator[str]:
    """Give the URL of a database with our tables, which tests share by their worlds."""
    from sqlalchemy import create_engine

    from codeflow_engine.storage.sql.migrate import upgrade

    name = postgres.create()
    engine = create_engine(postgres.url(name, "psycopg2"))
    with engine.connect() as connection:
        upgrade(connection)
    engine.dispose()
    yield postgres.url(name, "psycopg")
    postgres.drop(name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.fault)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database; on PostgreSQL the same is held in the session of faults."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'runs.db'}"
    migrated: str = request.getfixturevalue("migrated_postgres")
    return migrated


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Give a database to each world: a file of its own, or its tenant in a server's one."""
    if request.param == "sqlite":
        return lambda world: f"sqlite:///{tmp_path / f'{world}.db'}"
    migrated: str = request.getfixturevalue("migrated_postgres")
    return lambda _: migrated
