"""What every test stands on: an environment that knows nothing of the machine, and git."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from browsers import browser  # noqa: F401 - a fixture, one browser for all tests
from git_repository import GitRepository
from sql_databases import postgres, postgres_database  # noqa: F401 - fixtures, one server for all tests

# Machines are shared and slow at times; a deadline per example would measure them, not us.
settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

_FOREIGN = ("CODEFLOW_", "GIT_", "GITHUB_", "XDG_", "OTEL_", "PYENV_")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Keep what is collected out of the garbage collector's sight.

    Nothing of the thousands of tests and of the modules they import goes before the end.
    To look through it again and again is a third of the time of a collection, and most of
    a test's own `gc.collect()`.
    """
    gc.disable()
    try:
        collected = yield
    finally:
        gc.freeze()
        gc.enable()
    return collected


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give empty directories; the same one again where nobody has used it, as most do not."""
    place = tmp_path_factory.mktemp("homes")

    def empty() -> Iterator[Path]:
        for number in itertools.count():
            home = place / str(number)
            home.mkdir()
            while home.is_dir() and not any(home.iterdir()):
                yield home

    return empty()


@pytest.fixture(autouse=True)
def hermetic_environment(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home directory of its own, and no setting of the machine; return it."""
    home = next(homes)
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # A client of HTTP reads the certificates of the whole world when it is made, which takes
    # 70 ms; an empty directory of them takes none.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(home))
    return home


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    """Make an empty repository on branch `main`."""
    repository = GitRepository(tmp_path / "repository")
    repository.path.mkdir()
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository
