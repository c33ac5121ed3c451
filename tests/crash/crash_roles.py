"""What a life can be told to do; each role opens an engine of its own."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crash_life import Life, Trace
from crash_publishing import publish
from crash_waiting import until
from crash_workflows import Author, Keeping
from crash_world import HttpForge, HttpModel, Reader
from sqlalchemy import create_engine, event

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.errors import CodeflowError
from codeflow_engine.runs.handle import AsyncRun
from codeflow_engine.sandbox import Isolation, Limits, Sandbox

__all__ = ["make_engine", "play", "warm"]


def make_engine(life: Life, trace: Trace, **options: Any) -> AsyncEngine:
    """Make the engine of a life, with all workflows."""
    author = Author(life, trace)
    given: dict[str, Any] = {
        "storage": life.url,
        "workflows": "local",
        "executes": "all",
        "vcs": HttpForge(life, trace),
        "analyzers": [Reader(trace)],
        "tenant": life.world,
        "isolation": Isolation.NONE,
        "points": trace.point,
        "plugins": [Keeping(author)],
    }
    if life.reads:
        given["llm"] = HttpModel(life, trace)
    engine = AsyncEngine(**{**given, **life.options, **options})
    author.register(engine)
    return engine


async def drive(
    life: Life,
    workflow: str,
    given: Mapping[str, Any],
    key: str = "k",
    at: float | None = None,
) -> int:
    """Submit a run, unless an earlier life has; see it to its end.

    With `at`, submit it in any case, at this moment of the monotonic clock.
    """
    trace = Trace(life)
    async with make_engine(life, trace) as engine:
        found = await engine.runs(limit=1) if at is None else ()
        if at is not None:
            await asyncio.sleep(at - time.monotonic())
        run = found[0] if found else await engine.submit(workflow, given, key=key)
        await see(run, trace)
    return 0


async def finish(life: Life) -> int:
    """See to its end a run that an earlier life has submitted; resume it if it has failed."""
    trace = Trace(life)
    async with make_engine(life, trace) as engine:
        try:
            await engine.open()
        except CodeflowError as error:
            trace.note("error", type(error).__name__)
            return 0
        (run,) = await engine.runs(limit=1)
        if run.status.is_terminal and run.status is not RunStatus.SUCCEEDED:
            await run.resume()
        await see(run, trace)
    return 0


async def see(run: AsyncRun, trace: Trace) -> None:
    """Wait for a run, and write down how it ended."""
    trace.note("run", run.id)
    result: Any = None
    try:
        result = await run.result()
    except CodeflowError as error:
        trace.note("error", type(error).__name__)
    trace.note("end", run.status.value)
    if isinstance(result, dict):
        trace.note("outcome", str(result.get("outcome")))
        trace.note("findings", str(result.get("findings")))


async def die_at_commit(life: Life, workflow: str, given: Mapping[str, Any]) -> int:
    """Submit a run, and die when its row is about to be committed."""
    trace = Trace(life)
    host = create_engine(life.url)
    async with make_engine(life, trace, storage=host, executes="none") as engine:
        await engine.migrate()
        event.listen(host, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        await engine.submit(workflow, given, key="k")
    return 0


class Sleeper(Analyzer):
    """An analyzer that works for a while in a process of its own."""

    def __init__(self, mark: Path, seconds: float) -> None:
        self._mark = mark
        self._seconds = seconds

    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        script = "import os, pathlib, sys, time; "
        script += "pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); "
        script += "time.sleep(float(sys.argv[2]))"
        words = [sys.executable, "-I", "-c", script, str(self._mark), str(self._seconds)]
        await sandbox.run(words, isolate=False, limits=Limits(timeout=60))
        return AnalyzerReport(examined=analysis.units)


async def scan(life: Life, mark: str, temporary: str, pause: float = 60.0) -> int:
    """Review with an analyzer that has a process, whose directories lie in a place of ours."""
    trace = Trace(life)
    tempfile.tempdir = temporary
    sleeper = Sleeper(Path(mark), pause)
    async with make_engine(life, trace, analyzers=[sleeper]) as engine:
        found = await engine.runs(limit=1)
        run = found[0] if found else await engine.submit("inspect", {}, key="k")
        await see(run, trace)
    return 0


async def submit(
    life: Life,
    workflow: str,
    inputs: Sequence[Mapping[str, Any]],
    priorities: Sequence[int] = (),
) -> int:
    """Submit runs, and execute none."""
    trace = Trace(life)
    async with make_engine(life, trace, executes="none") as engine:
        for number, given in enumerate(inputs):
            priority = priorities[number] if priorities else 0
            run = await engine.submit(workflow, given, priority=priority)
            trace.note("submitted", run.id)
    return 0


async def tidy(life: Life, times: int, signal: str | None = None) -> int:
    """Remove what has ended, again and again; with a signal, send it to all runs first."""
    async with make_engine(life, Trace(life), executes="none") as engine:
        for run in await engine.runs() if signal is not None else ():
            await run.send(str(signal), "told")
        for _ in range(times):
            await engine.prune(before=datetime.now(UTC))
            await asyncio.sleep(0.02)
    return 0


async def fork(life: Life) -> int:
    """Fork with an open engine; the copy uses it, then makes one of its own."""
    trace = Trace(life)
    async with make_engine(life, trace) as engine:
        run = await engine.submit("ask_often", {"count": 1, "of": "first"})
        await run.result()
        copy = os.fork()
        if copy == 0:
            os._exit(_forked(life, trace, engine))
        _, status = await asyncio.to_thread(os.waitpid, copy, 0)
        trace.note("told", str(len(await run.steps())))
    return os.waitstatus_to_exitcode(status)


def _forked(life: Life, trace: Trace, engine: AsyncEngine) -> int:
    """Be the copy: no loop runs in it, though asyncio thinks so."""

    async def use() -> None:
        try:
            await engine.submit("ask_often", {"count": 1, "of": "lost"})
        except CodeflowError as error:
            trace.note("told", type(error).__name__)

    async def make() -> None:
        async with make_engine(life, trace) as own:
            run = await own.submit("ask_often", {"count": 1, "of": "second"})
            trace.note("told", str(len(await run.result())))

    asyncio._set_running_loop(None)
    asyncio.run(use())
    asyncio.run(make())
    return 0


async def resume(life: Life) -> int:
    """Resume all runs that have ended without success, and see to their end."""
    async with make_engine(life, Trace(life)) as engine:
        for run in await engine.runs():
            if run.status is not RunStatus.SUCCEEDED:
                await run.resume()
                await run.result()
    return 0


async def work(life: Life, seconds: float = 60.0, grace: float = 5.0) -> int:
    """Execute whatever there is, until all runs have ended, or until SIGTERM asks for a drain."""
    trace = Trace(life)
    engine = make_engine(life, trace)
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    async with engine:
        await engine.open()
        trace.note("open", life.name)
        # As often as it looks for work itself: fifty workers ask one database.
        look = engine._tools.settings.poll
        await until(lambda: terminated.is_set() or _is_done(engine), seconds, look=look)
        if terminated.is_set():
            await engine.drain(grace=grace)
            trace.note("drained", life.name)
    return 0


async def _is_done(engine: AsyncEngine) -> bool:
    going_on = [status for status in RunStatus if not status.is_terminal]
    return not any([await engine.runs(status=status, limit=1) for status in going_on])


ROLES: Mapping[str, Callable[..., Awaitable[int]]] = MappingProxyType(
    {
        role.__name__: role
        for role in (
            *(die_at_commit, drive, finish, fork, publish),
            *(resume, scan, submit, tidy, work),
        )
    }
)


def play(role: str, given: dict[str, Any]) -> int:
    """Live a life; give its exit code."""
    logging.basicConfig(level=logging.WARNING)
    life = Life.read(given.pop("life"))
    return asyncio.run(ROLES[role](life, **given))


LATE = (
    *("codeflow_engine.engine.wiring", "codeflow_engine.providers.workflow.local"),
    *("codeflow_engine.runs.mirroring", "codeflow_engine.settings.checking"),
    *("codeflow_engine.storage.sql", "concurrent.futures.thread", "platformdirs", "tenacity"),
    *("psycopg", "pydantic_settings", "sqlalchemy.dialects.postgresql.psycopg"),
    *("github", "requests", "urllib3", "aiohttp", "jwt"),
    *("sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.dialects.sqlite.pysqlite", "structlog"),
)
"""What a life imports besides, when it needs it; one that is missing here only costs time."""


def warm() -> None:
    """Import what lives import."""
    for name in LATE:
        importlib.import_module(name)
