from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import codeflow_engine as codeflow
from codeflow_engine import AsyncEngine, Diff, Engine, Outcome, Review
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.run import RunFinished, RunStatus
from codeflow_engine.errors import (
    ChangeUnavailableError,
    ConfigurationError,
    DiffError,
    RunCancelledError,
    UnknownBackendError,
)
from codeflow_engine.sandbox import Isolation, Limits, Sandbox
from codeflow_engine.testing.examples import named
from codeflow_engine.testing.fakes import FakeHost, FakeVCS
from loop_holds import watching_loop

PATCH = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,3 @@
 a = 1
+import pdb; pdb.set_trace()
 b = 2
"""
SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"


class Quiet(Analyzer):
    """Examines everything and finds nothing."""

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        return AnalyzerReport(examined=analysis.units)


class Sleeping(Analyzer):
    """Waits in a subprocess, which tells that it is there by a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        script = "import os, pathlib, sys, time; "
        script += "pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
        argv: Sequence[str] = [sys.executable, "-I", "-c", script, str(self.mark)]
        await sandbox.run(argv, isolate=False, limits=Limits(timeout=60))
        return AnalyzerReport(examined=analysis.units)

    async def wait_for_start(self) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.mark.exists() and (text := self.mark.read_text()):
                return int(text)
            await asyncio.sleep(0.02)
        raise AssertionError("the subprocess never started")


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_every_form_of_a_patch_gives_the_same_review(tmp_path: Path) -> None:
    """Text, bytes, a parsed diff, a change and a file are the same patch."""
    file = tmp_path / "x.patch"
    file.write_text(PATCH)
    diff = Diff.parse(PATCH)
    forms = [PATCH, PATCH.encode(), diff, Change.from_diff(diff), file, str(file)]
    with Engine() as engine:
        reviews = [engine.review(form) for form in forms]
    assert [review.reason for review in reviews] == [None] * len(forms)
    assert len({review.findings for review in reviews}) == 1
    assert [finding.rule for finding in reviews[0].findings] == ["hygiene/debugger-breakpoint"]


def test_an_engine_without_arguments_reviews_with_the_shipped_analyzers() -> None:
    """No key, no server, no settings: secrets and hygiene look at every unit."""
    with Engine() as engine:
        review = engine.review(PATCH)
    assert review.coverage.entries[0].by == ("hygiene", "secrets")


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (PATCH, {"base": "main"}, ConfigurationError),
        (PATCH, {"analyzers": ["no-such"]}, UnknownBackendError),
        (PATCH, {"analyzers": "hygiene"}, ConfigurationError),
        (PATCH, {"analyzers": [object()]}, ConfigurationError),
        (PATCH, {"analyzers": 3}, ConfigurationError),
        ("acme/shop#42", {}, ChangeUnavailableError),
        (42, {}, ConfigurationError),
        ("not\na patch", {}, DiffError),
        ("@@ -1 +1 @@\n-x\n", {}, DiffError),
    ],
)
def test_a_wrong_argument_is_a_typed_error(
    change: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    """Nothing that cannot work becomes an empty review."""
    with Engine() as engine, pytest.raises(error):
        engine.review(change, **options)


def test_a_change_of_a_forge_is_asked_of_the_host_that_was_chosen() -> None:
    """What the id of a change looks like is for the VCS host to say."""
    host = FakeHost()
    host.push(named("edit"), target="acme/shop#42")

    with Engine(vcs=FakeVCS(host), analyzers=[Quiet()], plugins_allow=[]) as engine:
        review = engine.review("acme/shop#42")

    assert review.change.title == named("edit").title
    assert review.outcome is Outcome.REVIEWED


def test_an_option_that_does_not_exist_is_refused() -> None:
    """A misspelt option of the engine is no silent default."""
    with pytest.raises(ConfigurationError, match="analysers"):
        Engine(analysers=["secrets"])


async def test_the_synchronous_engine_works_inside_a_running_loop() -> None:
    """As in a notebook, whose cells run inside of a loop."""
    with Engine(analyzers=[Quiet()]) as engine:
        assert engine.review(PATCH).outcome is Outcome.REVIEWED


def test_the_synchronous_engine_serves_several_threads() -> None:
    """Reviews of many threads share one background loop."""
    reviews: list[Review] = []
    with Engine(analyzers=[Quiet()]) as engine:
        threads = [
            threading.Thread(target=lambda: reviews.append(engine.review(PATCH))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({review.run_id for review in reviews}) == 8


def test_a_run_is_followed_from_synchronous_code() -> None:
    """Events arrive as a plain iterator, the result afterwards."""
    with Engine(analyzers=[Quiet()]) as engine:
        run = engine.submit("review", {"change": PATCH})
        events = list(run.events())
        assert isinstance(events[-1], RunFinished)
        assert run.result().outcome is Outcome.REVIEWED
        assert engine.run(run.id).status is RunStatus.SUCCEEDED
        assert [one.id for one in engine.runs()] == [run.id]


def test_a_closed_engine_says_so() -> None:
    """Every verb of a closed engine is a clear error; closing again is none."""
    engine = Engine(analyzers=[Quiet()])
    engine.review(PATCH)
    engine.close()
    engine.close()
    with pytest.raises(ConfigurationError, match="closed"):
        engine.review(PATCH)


@pytest.mark.parametrize("was_used", [False, True])
async def test_a_closed_engine_asks_no_model(was_used: bool) -> None:  # noqa: FBT001
    """Whoever asks a model of a closed engine hears that it is closed, as from other verbs."""
    engine = AsyncEngine(llm="echo:echo")
    if was_used:
        await engine.try_models()
    await engine.aclose()

    for verb in (engine.try_models, lambda: engine.preview(PATCH)):
        with pytest.raises(ConfigurationError, match="closed"):
            await verb()


def test_d43_an_engine_that_nobody_closed_ends_quietly() -> None:
    """Collected or left to the end of the interpreter: no message, no hang, exit status 0."""
    script = f"""
        import gc, threading
        from codeflow_engine import Engine
        first = Engine()
        first.review({PATCH!r})
        del first
        gc.collect()
        for thread in threading.enumerate():
            if "codeflow" in thread.name:
                thread.join(90)  # told to end, it may need a moment on a busy machine
        assert not [t for t in threading.enumerate() if "codeflow" in t.name], "threads left"
        last = Engine()
        last.review({PATCH!r})
        run = last.submit("review", {{"change": {PATCH!r}}})
    """
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


async def test_cancelling_a_review_ends_its_subprocesses(tmp_path: Path) -> None:
    """The host gives up the call, and no process is left behind."""
    sleeping = Sleeping(tmp_path / "pid")
    async with AsyncEngine(analyzers=[sleeping]) as engine:
        task = asyncio.create_task(engine.review(PATCH))
        pid = await sleeping.wait_for_start()
        assert is_alive(pid)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_alive(pid)
        (run,) = await engine.runs()
        assert run.status is RunStatus.CANCELLED


async def test_closing_an_engine_ends_its_subprocesses(tmp_path: Path) -> None:
    """Nothing outlives the engine that started it."""
    sleeping = Sleeping(tmp_path / "pid")
    engine = AsyncEngine(analyzers=[sleeping])
    run = await engine.submit("review", {"change": PATCH})
    pid = await sleeping.wait_for_start()
    await engine.aclose()
    assert not is_alive(pid)
    with pytest.raises(RunCancelledError):
        await run.result()


async def test_s32_two_engines_in_one_process_never_mix(caplog: pytest.LogCaptureFixture) -> None:
    """Analyzers, secrets, loggers and runs of one engine are unknown to the other."""
    mine, yours = "correct-horse-battery", "staple-in-the-morning"
    told: dict[str, str] = {}

    class Telling(Analyzer):
        def __init__(self, name: str) -> None:
            self.name = name

        async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
            await asyncio.sleep(0.01)
            return AnalyzerReport(
                declined=tuple((unit, f"{self.name}: {mine} {yours}") for unit in analysis.units)
            )

    class Other(Telling):
        pass

    async with (
        AsyncEngine(analyzers=[Telling("a")], secrets=[mine], tenant="a") as first,
        AsyncEngine(analyzers=[Other("b")], secrets=[yours], tenant="b") as second,
    ):
        reviews = await asyncio.gather(
            *(engine.review(PATCH) for _ in range(10) for engine in (first, second))
        )
        told = {review.run_id: str(review.reason) for review in reviews}
        ours = {run.id for run in await first.runs()}
        assert len(ours) == 10
    for run_id, reason in told.items():
        assert (mine in reason) == (run_id not in ours)
        assert (yours in reason) == (run_id in ours)


def test_nothing_of_the_host_changes(caplog: pytest.LogCaptureFixture) -> None:
    """Levels and handlers of the host's loggers, and structlog's settings, stay as they are."""
    import structlog

    root = logging.getLogger()
    before = (root.level, list(root.handlers), structlog.is_configured())
    with Engine(analyzers=[Quiet()]) as engine:
        engine.review(PATCH)
    assert (root.level, list(root.handlers), structlog.is_configured()) == before


def test_settings_come_from_a_named_file(tmp_path: Path) -> None:
    """`settings_file` chooses the analyzers; a key that does not exist is refused."""
    file = tmp_path / "settings.toml"
    file.write_text('analyzers = ["hygiene"]\n')
    with Engine(settings_file=file) as engine:
        assert engine.review(PATCH).coverage.entries[0].by == ("hygiene",)
    file.write_text("analysers = []\n")
    with pytest.raises(ConfigurationError, match="analysers"):
        Engine(settings_file=file)


async def test_findings_can_be_modified_by_a_plugin() -> None:
    """A plugin that drops everything empties the list; one that fails changes nothing."""

    class Dropping:
        @codeflow.hookimpl
        def codeflow_modify_findings(self, findings: tuple[object, ...]) -> tuple[object, ...]:
            return ()

    class Failing:
        @codeflow.hookimpl
        def codeflow_modify_findings(self, findings: tuple[object, ...]) -> tuple[object, ...]:
            raise RuntimeError

    async with AsyncEngine(plugins=[Dropping()]) as engine:
        assert (await engine.review(PATCH)).findings == ()
    async with AsyncEngine(plugins=[Failing()]) as engine:
        assert len((await engine.review(PATCH)).findings) == 1


@pytest.mark.fault
async def test_a_large_change_never_holds_up_the_loop() -> None:
    """Reading, partitioning and judging 40,000 units leaves the host's loop responsive."""
    text = "".join(
        f"diff --git a/f{number} b/f{number}\n--- a/f{number}\n+++ b/f{number}\n"
        + "@@ -1 +1 @@\n-x\n+y\n@@ -9 +9 @@\n-x\n+y\n" * 1
        for number in range(20_000)
    )
    gc.collect()
    async with AsyncEngine(analyzers=[Quiet()], isolation=Isolation.NONE) as engine:
        began = time.process_time()
        async with watching_loop() as hold:
            review = await engine.review(text)
        took = time.process_time() - began
    assert review.coverage.units == 40_000
    # Run on the loop, the work would be one hold as long as itself.
    assert hold.seconds < took / 2


def test_a_shipped_analyzer_takes_its_settings(tmp_path: Path) -> None:
    """The section of its name in the settings file reaches the scan in its own process."""
    file = tmp_path / "settings.toml"
    file.write_text("[plugins.hygiene]\nleftovers = false\n")
    with Engine(settings_file=file) as engine:
        assert engine.review(PATCH).findings == ()
    file.write_text("[plugins.hygiene]\nleftover = false\n")
    with Engine(settings_file=file) as engine, pytest.raises(ConfigurationError, match="leftover"):
        engine.review(PATCH)
