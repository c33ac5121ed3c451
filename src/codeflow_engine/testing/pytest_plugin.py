"""What pytest learns from the kit; loaded wherever the engine is installed beside pytest.

It runs in test suites that have nothing to do with the engine, so it imports nothing heavy
and changes nothing that it does not own. Whatever a fixture needs is imported when a test
asks for it. The asynchronous fixtures are those of `pytest_async`, where pytest-asyncio is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from codeflow_engine import Engine
    from codeflow_engine.engine import EngineOptions
    from codeflow_engine.testing.fakes import FakeClock

__all__ = [
    "codeflow_async_engine",
    "codeflow_clock",
    "codeflow_engine_options",
    "codeflow_sandbox",
    "codeflow_sync_engine",
    "pytest_configure",
]

pytest.register_assert_rewrite("codeflow_engine.testing.contracts")

_ASYNCIO = ("asyncio", "pytest_asyncio", "pytest_asyncio.plugin")
"""Names under which pytest-asyncio may be loaded."""

_OPTION_PREFIX = "CODEFLOW_"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that choose the tests of a suite, and the asynchronous fixtures."""
    config.addinivalue_line(
        "markers",
        "codeflow_requires(*capabilities): run only where the backend declares all of them",
    )
    config.addinivalue_line(
        "markers",
        "codeflow_lacks(*capabilities): run only where the backend declares none of them",
    )
    if any(config.pluginmanager.has_plugin(name) for name in _ASYNCIO):
        from codeflow_engine.testing import pytest_async

        # Fixtures of a later plugin take the place of those below.
        config.pluginmanager.register(pytest_async, "codeflow_async")


@pytest.fixture
def codeflow_engine_options(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> EngineOptions:
    """Options of an engine that knows nothing of the machine; define it anew to add some.

    Memory storage, no installed plugin, an empty settings file, and no `CODEFLOW_*` in the
    environment for as long as the test runs.
    """
    import os

    for name in [name for name in os.environ if name.upper().startswith(_OPTION_PREFIX)]:
        monkeypatch.delenv(name)
    settings = tmp_path_factory.mktemp("codeflow") / "settings.toml"
    settings.touch()
    return {"storage": "memory", "plugins_allow": [], "settings_file": settings}


@pytest.fixture
def codeflow_sync_engine(codeflow_engine_options: EngineOptions) -> Iterator[Engine]:
    """An `Engine` with the options of `codeflow_engine_options`, closed after the test."""
    from codeflow_engine import Engine

    with Engine(**codeflow_engine_options) as engine:
        yield engine


@pytest.fixture
def codeflow_async_engine() -> NoReturn:
    """An `AsyncEngine` with the options of `codeflow_engine_options`, closed after the test."""
    _fail_without_asyncio("codeflow_async_engine")


@pytest.fixture
def codeflow_sandbox() -> NoReturn:
    """A `Sandbox` to hand to an analyzer or a VCS host, closed after the test."""
    _fail_without_asyncio("codeflow_sandbox")


@pytest.fixture
def codeflow_clock() -> FakeClock:
    """A clock that stands until the test sets it; give it to an engine as its `clock`."""
    from codeflow_engine.testing.fakes import FakeClock

    return FakeClock()


def _fail_without_asyncio(fixture: str) -> NoReturn:
    pytest.fail(
        f"the fixture {fixture} needs pytest-asyncio, which is not installed or not loaded; "
        f"install codeflow-engine[testing]",
        pytrace=False,
    )
