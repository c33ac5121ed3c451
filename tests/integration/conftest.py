"""What several tests of databases, of the git backend and of hostile changes stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cli_runs import use_plugin
from cli_work import Stand
from damaged_rows import Damage, damaging
from fix_desk import SHOP, USERS
from git_trees import Tree
from hostile_repository import Hostile, build
from hostile_runs import Listener

from codeflow_engine.storage.sql import SQLSettings, SQLStorage
from git_repository import GitRepository
from sql_databases import Server


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """Wait where every address of the repository leads."""
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Hostile]:
    """Build the repository, which no review changes."""
    made = build(tmp_path_factory.mktemp("hostile"), port=listener.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with two commits."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.commit({"a.py": "a = 1\n", "dir/f.txt": "f\n", "dir/g.txt": "g\n"}, "First")
    tree.commit({"a.py": "a = 2\n"}, "Second")
    return tree


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Give the URL of one empty database for each driver."""

    def url(driver: str) -> str:
        if driver.startswith("sqlite"):
            return f"{driver}:///{tmp_path / 'x.db'}"
        server: Server = request.getfixturevalue("postgres")
        return server.url(request.getfixturevalue("postgres_database"), driver)

    return url


@pytest.fixture(params=["sqlite", "sqlite+aiosqlite", "psycopg", "asyncpg", "psycopg2"])
async def sql_storage(
    request: pytest.FixtureRequest, url_of: Callable[[str], str]
) -> AsyncIterator[SQLStorage]:
    """Give a storage with tables, by each driver."""
    made = SQLStorage(url_of(request.param), SQLSettings(migrate=True))
    await made.migrate()
    yield made
    await made.aclose()


@pytest.fixture
def damage(sql_storage: SQLStorage, url_of: Callable[[str], str]) -> Iterator[Damage]:
    """Give what changes rows in the back of the storage."""
    is_sqlite = sql_storage._database.place.dialect == "sqlite"
    with damaging(url_of("sqlite" if is_sqlite else "psycopg")) as damage:
        yield damage


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Install the plugin for the programs, and for this process."""
    made = Stand.make(tmp_path)
    use_plugin(monkeypatch, made.site)
    return made


@pytest.fixture
def shop(git_repository: GitRepository) -> GitRepository:
    """Make a repository whose last commit adds two files with a defect each."""
    git_repository.commit({"README": "shop\n"})
    git_repository.commit({"shop.py": SHOP, "users.py": USERS})
    return git_repository
