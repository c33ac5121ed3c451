"""What the pytest plugin gives to other projects, each of them in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeflow_engine.testing.fakes import FakeClock
from codeflow_engine.testing.values import NOON

pytest_plugins = ["pytester"]

BARE = (
    *("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error"),
    # pytest-asyncio asks every project to choose.
    *("-W", 'ignore:The configuration option "asyncio_default_fixture_loop_scope"'),
)

PROJECT = """
import sys

import pytest

PATCH = "--- a/a.txt\\n+++ b/a.txt\\n@@ -1 +1 @@\\n-one\\n+two\\n"


def test_sync(codeflow_sync_engine):
    review = codeflow_sync_engine.review(PATCH, analyzers=["hygiene"])
    assert review.outcome.value == "reviewed"
    assert {one.origin for one in codeflow_sync_engine.plugins.backends} == {"shipped"}
    assert codeflow_sync_engine.plugins.failures == ()


@pytest.mark.asyncio
async def test_async(codeflow_async_engine):
    review = await codeflow_async_engine.review(PATCH, analyzers=["hygiene"])
    assert review.outcome.value == "reviewed"
    (run,) = await codeflow_async_engine.runs()
    assert run.record.tenant == "default"


@pytest.mark.asyncio
async def test_sandbox(codeflow_sandbox):
    done = await codeflow_sandbox.run(["echo", "one"], isolate=False)
    assert done.stdout == b"one\\n"


class TestOwnOptions:
    @pytest.fixture
    def codeflow_engine_options(self, codeflow_engine_options, codeflow_clock):
        return codeflow_engine_options | {"clock": codeflow_clock, "tenant": "acme"}

    def test_sync(self, codeflow_sync_engine, codeflow_clock):
        codeflow_clock.advance(60)
        review = codeflow_sync_engine.review(PATCH, analyzers=["hygiene"])
        assert review.timing.started_at == codeflow_clock.now()
        (run,) = codeflow_sync_engine.runs()
        assert run.record.tenant == "acme"

    @pytest.mark.asyncio
    async def test_async(self, codeflow_async_engine, codeflow_clock):
        review = await codeflow_async_engine.review(PATCH, analyzers=["hygiene"])
        assert review.timing.started_at == codeflow_clock.now()
"""

UNRELATED = """
import os
import sys

import pytest


def test_what_is_loaded():
    print("LOADED", sorted(name for name in sys.modules if "codeflow" in name))
    print("HEAVY", sorted({"pydantic", "sqlalchemy", "structlog", "git"} & set(sys.modules)))
    print("ENVIRONMENT", os.environ["CODEFLOW_TENANT"])


def test_fails():
    assert 1 == 2


@pytest.mark.skip
def test_skips(): ...
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose settings and plugins would break every test that they reach."""
    for name, value in {"TENANT": "machine", "STORAGE": "nowhere", "isolation": "odd"}.items():
        monkeypatch.setenv(f"CODEFLOW_{name}", value)
    settings = tmp_path / "config" / "codeflow" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("this is no TOML")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    information = tmp_path / "site" / "codeflow_acme-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: codeflow-acme\nVersion: 1\n"
    )
    (information / "entry_points.txt").write_text("[codeflow_engine]\nacme = codeflow_acme\n")
    # The package under test may be another one than the installed one.
    path = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


@pytest.mark.usefixtures("machine")
def test_engines_know_nothing_of_the_machine(pytester: pytest.Pytester) -> None:
    """Neither its settings nor its plugins; and the strict mode of pytest-asyncio is enough."""
    pytester.makepyfile(PROJECT)

    told = pytester.runpytest_subprocess(*BARE, "-o", "asyncio_mode=strict")

    told.assert_outcomes(passed=5)


@pytest.mark.usefixtures("machine")
def test_a_suite_that_has_nothing_to_do_with_the_engine_is_left_alone(
    pytester: pytest.Pytester,
) -> None:
    """Nothing of the engine is imported but the plugin, and nothing changes."""
    pytester.makepyfile(UNRELATED)

    told = pytester.runpytest_subprocess(*BARE, "-s")
    without = pytester.runpytest_subprocess(*BARE, "-s", "-p", "no:codeflow")

    for result in (told, without):
        result.assert_outcomes(passed=1, failed=1, skipped=1)
        result.stdout.fnmatch_lines(["HEAVY []", "ENVIRONMENT machine"])
    package = "codeflow_engine"
    loaded = [package, f"{package}.testing"]
    loaded += [f"{package}.testing.{name}" for name in ("pytest_async", "pytest_plugin")]
    (line,) = [line for line in told.outlines if "LOADED" in line]
    assert line.endswith(f"LOADED {loaded}")
    (line,) = [line for line in without.outlines if "LOADED" in line]
    assert line.endswith("LOADED []")


def test_without_asyncio_a_fixture_says_what_to_install(pytester: pytest.Pytester) -> None:
    """Everything synchronous works all the same."""
    pytester.makepyfile(
        """
        def test_sync(codeflow_sync_engine, codeflow_clock): ...
        def test_engine(codeflow_async_engine): ...
        def test_sandbox(codeflow_sandbox): ...
        """
    )

    told = pytester.runpytest_subprocess(*BARE, "-p", "no:asyncio")

    told.assert_outcomes(passed=1, errors=2)
    told.stdout.fnmatch_lines(
        ["*codeflow_*needs pytest-asyncio*install codeflow-engine[[]testing[]]"]
    )


@pytest.mark.fault
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_a_project_can_use_the_suites(pytester: pytest.Pytester, mode: str) -> None:
    """In either mode of pytest-asyncio, with strict marks, and without anything of ours."""
    pytester.makepyfile(
        """
        import pytest
        from codeflow_engine.testing.contracts import ObserverContract
        from codeflow_engine.testing.fakes import FakeObserver

        class TestAcme(ObserverContract):
            @pytest.fixture
            def create(self):
                return FakeObserver

            @pytest.mark.codeflow_requires("singing")
            async def test_singing(self, backend): ...

        class TestForgotten(ObserverContract):
            pass
        """
    )

    told = pytester.runpytest_subprocess(
        *BARE, "--strict-markers", "-o", f"asyncio_mode={mode}", "-k", "TestAcme or unused"
    )

    told.assert_outcomes(passed=11, skipped=1, errors=1, deselected=10)
    told.stdout.fnmatch_lines(["TestForgotten has to define the fixture `create`*"])


def test_the_clock_is_the_fake_one(codeflow_clock: FakeClock) -> None:
    """It stands at noon."""
    assert codeflow_clock.now() == NOON
