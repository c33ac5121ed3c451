"""Engines on databases: by URL, by the host's own handles, several at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from codeflow_engine import AsyncEngine, Engine, hookimpl
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import (
    ConfigurationError,
    RunNotFoundError,
    SchemaVersionError,
    UnknownBackendError,
)
from codeflow_engine.plugins.registry import PluginRegistry
from codeflow_engine.storage.memory import MemoryStorage
from git_repository import GitRepository

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
PATCH = f'--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n import os\n+KEY = "{TOKEN}"\n'


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'codeflow.db'}"


@pytest.fixture
def leaking(git_repository: GitRepository) -> GitRepository:
    """Give a repository whose branch `work` adds a key."""
    git_repository.commit({"a.py": "import os\n"})
    git_repository.git("switch", "--quiet", "--create", "work")
    git_repository.commit({"a.py": f'import os\nKEY = "{TOKEN}"\n'})
    return git_repository


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """Give an engine on a SQLite file."""
    async with AsyncEngine(storage=url, cache=url, analyzers=["secrets"]) as made:
        yield made


async def test_a_later_engine_finds_what_an_earlier_one_stored(url: str) -> None:
    """Runs, events and reviews outlive the engine that made them."""
    async with AsyncEngine(storage=url, analyzers=["secrets"]) as first:
        review = await first.review(PATCH)

    async with AsyncEngine(storage=url) as second:
        run = await second.run(review.run_id)
        assert run.status is RunStatus.SUCCEEDED
        assert await run.result() == review
        assert [event.sequence async for event in run.events()] == list(
            range(1, 1 + len([event async for event in run.events()]))
        )


async def test_a_tenant_sees_nothing_of_another_one(url: str) -> None:
    """The same database serves many, and none reads what is not its own."""
    async with AsyncEngine(storage=url, tenant="a", analyzers=["secrets"]) as one:
        review = await one.review(PATCH)

    async with AsyncEngine(storage=url, tenant="b") as other:
        assert await other.runs() == ()
        with pytest.raises(RunNotFoundError):
            await other.run(review.run_id)


async def test_findings_keep_their_identity_between_versions(
    engine: AsyncEngine, leaking: GitRepository
) -> None:
    """A branch is one change: its findings are new, open, resolved, and then gone."""
    at = str(leaking.path)
    states = []
    for text in (None, f'# x\nimport os\nKEY = "{TOKEN}"\n', "import os\n", "import sys\n"):
        if text is not None:
            leaking.commit({"a.py": text})
        review = await engine.review(at, base="main")
        states.append([finding.state for finding in review.findings])

    assert states == [[FindingState.NEW], [FindingState.OPEN], [FindingState.RESOLVED], []]


async def test_a_dismissal_holds_in_the_repository_until_it_expires(
    url: str, leaking: GitRepository
) -> None:
    """Dismissed findings stay listed as such, and come back when the time is over."""
    at = str(leaking.path)
    async with AsyncEngine(storage=url, analyzers=["secrets"]) as engine:
        (finding,) = (await engine.review(at, base="main")).findings
        until = datetime.now(UTC) + timedelta(seconds=3)
        made = await engine.dismiss(
            finding.fingerprint[:10], reason="test key", author="Ada", expires_at=until
        )
        assert made.fingerprint == finding.fingerprint
        assert (made.scope, made.where) == (DismissalScope.REPOSITORY, at)

        (dismissed,) = (await engine.review(at, base="main")).findings
        assert dismissed.state is FindingState.DISMISSED
        # The same code in another change of the repository is the same finding.
        (elsewhere,) = (await engine.review(at, head="HEAD")).findings
        assert elsewhere.state is FindingState.DISMISSED

        await engine.import_dismissals([_expired(made)])
        (back,) = (await engine.review(at, base="main")).findings
        assert back.state is FindingState.OPEN
        assert await engine.restore(finding.fingerprint) == (_expired(made),)
        assert await engine.dismissals() == ()


def _expired(one: Dismissal) -> Dismissal:
    return replace(one, expires_at=datetime(2026, 1, 1, tzinfo=UTC))


async def test_a_secret_in_a_reason_is_not_stored(engine: AsyncEngine) -> None:
    """People paste values where they should not."""
    made = await engine.dismiss(
        "f" * 32, reason=f"it is {TOKEN} only", author="Ada", scope="tenant"
    )

    assert TOKEN not in made.reason
    assert await engine.dismissals() == (made,)


async def test_prune_removes_ended_runs_and_says_how_many(engine: AsyncEngine) -> None:
    """What ended before the moment goes, with its review."""
    review = await engine.review(PATCH)
    assert not await engine.prune(before=datetime.now(UTC) - timedelta(days=1))

    gone = await engine.prune(before=datetime.now(UTC) + timedelta(days=1))

    assert gone.runs == 1
    with pytest.raises(RunNotFoundError):
        await engine.run(review.run_id)
    with pytest.raises(ConfigurationError, match="time zone"):
        await engine.prune(before=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


async def test_a_host_lends_its_own_engine(tmp_path: Path) -> None:
    """It is migrated on purpose, used, and left open; the host's tables stay its own."""
    handle = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'host.db'}")
    async with AsyncEngine(storage=handle, analyzers=["secrets"]) as engine:
        with pytest.raises(SchemaVersionError, match=r"codeflow db upgrade"):
            await engine.runs()
        await engine.migrate()
        await engine.review(PATCH)

    async with handle.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert "codeflow_runs" in tables
    await handle.dispose()


def test_the_synchronous_engine_takes_a_synchronous_handle(tmp_path: Path) -> None:
    """Its calls run in threads, and the host's engine stays usable."""
    handle = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with Engine(storage=handle, analyzers=["secrets"]) as engine:
        engine.migrate()
        review = engine.review(PATCH)
        assert engine.run(review.run_id).result() == review

    with handle.connect() as connection:
        assert inspect(connection).has_table("codeflow_reviews")
    handle.dispose()


def test_the_synchronous_engine_refuses_a_handle_of_an_event_loop(tmp_path: Path) -> None:
    """Such a handle works on one loop alone, and that engine has a loop of its own."""
    handle = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'host.db'}")

    with pytest.raises(ConfigurationError, match="AsyncEngine belongs to an event loop"):
        Engine(storage=handle)


@pytest.mark.parametrize("option", ["storage", "cache"])
def test_a_url_of_nobody_is_refused_without_its_password(option: str) -> None:
    """The schemes that are known are told; the URL is not."""
    with pytest.raises(ConfigurationError, match=r"'mysql'; known: postgresql, sqlite") as raised:
        Engine(**{option: "mysql+x://user:hunter22222@host/db"})
    assert "hunter22222" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        (object(), ConfigurationError, "a object is no storage"),
        ("sql", ConfigurationError, "needs a URL"),
        ("nosuch", UnknownBackendError, "no storage is named 'nosuch'"),
    ],
    ids=["object", "name-without-url", "unknown-name"],
)
def test_what_is_no_storage_is_refused(given: object, kind: type[Exception], told: str) -> None:
    """A wrong thing is said at once, when the engine is made."""
    with pytest.raises(kind, match=told):
        Engine(storage=given)


def test_a_password_of_a_url_is_a_secret_of_the_engine() -> None:
    """Whatever repeats it, a plugin or a driver, it is not shown."""
    url = "postgresql://u:p%40ssw0rd-1234@127.0.0.1:1/db"
    with Engine(storage=url, executes="none") as engine:
        redact = engine._engine._tools.redactor.redact
        assert "p@ssw0rd-1234" not in redact("login p@ssw0rd-1234 failed")
        assert "p%40ssw0rd-1234" not in redact("url p%40ssw0rd-1234 failed")


class Handle:
    """A class of a host."""


async def test_a_plugin_says_which_handles_it_works_with() -> None:
    """A class is found by its qualified name, also through a class that derives from it."""
    taken: list[object] = []

    class Derived(Handle):
        pass

    class Plugin:
        @hookimpl
        def codeflow_register(self, registry: PluginRegistry) -> None:
            def make(handle: object) -> MemoryStorage:
                taken.append(handle)
                return MemoryStorage()

            name = f"{Handle.__module__}.{Handle.__qualname__}"
            registry.add_storage("kept", make, handles=(name,))

    handle = Derived()
    async with AsyncEngine(storage=handle, plugins=[Plugin()]) as engine:
        await engine.runs()

    assert taken == [handle]
