"""A small review with everything in it, that can be driven past a desk to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, override

from clean_desk import Desk, Point, WatchedRunner, watched

from codeflow_engine import AsyncEngine, AsyncRun, Review, hookimpl
from codeflow_engine.contracts import (
    VCS,
    Analysis,
    Analyzer,
    AnalyzerReport,
    Cache,
    Observer,
    Storage,
)
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import Category, Finding, RawFinding, Severity, Suggestion
from codeflow_engine.domain.run import RunEvent, RunRecord
from codeflow_engine.runs.context import DirectRunner
from codeflow_engine.runs.executor import DirectExecutor
from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.storage.memory import MemoryCache, MemoryStorage

PLANTED = "eval(input())"
PATCH = f"""\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,2 +1,3 @@
 a = 1
+{PLANTED}
 b = 2
@@ -20,2 +21,3 @@
 c = 3
+d = 4
 e = 5
diff --git a/vendor/lib.py b/vendor/lib.py
--- a/vendor/lib.py
+++ b/vendor/lib.py
@@ -1 +1,2 @@
 x = 1
+y = 2
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
"""
POLICY = b'exclude = ["vendor/"]\n'
LIMIT = 15.0
"""Seconds after which a review counts as one that never ends."""

PATIENCE = 1.0
"""Seconds that somebody who follows the events waits for them after the end."""


def raw(title: str, **fields: Any) -> RawFinding:
    """Make a finding in `app.py`."""
    given = {"path": "app.py", "rule": "planted", "severity": Severity.HIGH, **fields}
    return RawFinding(category=Category.SECURITY, title=title, message="message", **given)


class Shelf(VCS):
    """Holds one change and the files around it."""

    @override
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        return Change(
            provider=None,
            target="shelf",
            title="A change",
            base="1" * 40,
            head="2" * 40,
            key="shelf main",
            diff=Diff.parse(PATCH),
        )

    @override
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        files = {".codeflow.toml": POLICY, "app.py": b"a = 1\n"}
        return tuple(
            FileContent(path=path, content=files.get(path), exists=path in files) for path in paths
        )


class Planted(Analyzer):
    """Finds the planted line, and says things that have no place, to be dropped."""

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        found = (
            raw("A planted line", line=2, quote=PLANTED),
            raw("Nowhere", line=900),
            raw(
                "With a suggestion",
                quote="d = 4",
                suggestion=Suggestion(replacement="x", start_line=800, end_line=800),
            ),
        )
        return AnalyzerReport(findings=found, examined=analysis.units)


class Second(Analyzer):
    """Finds the planted line too, with the help of a file and of the cache."""

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        (file,) = await analysis.read_files(["app.py"], Side.NEW)
        assert file.content is not None
        await analysis.cache.get(["key"])
        await analysis.cache.put({"key": file.content}, ttl=60)
        found = (raw("A planted line", line=2), raw("A mode", path="run.sh"))
        return AnalyzerReport(findings=found, examined=analysis.units)


class Watcher(Observer):
    """Counts events."""

    @override
    async def on_event(self, event: RunEvent) -> None:
        return


class Modifier:
    """A plugin whose hook leaves the findings as they are, unless it is struck."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @hookimpl
    def codeflow_modify_findings(
        self, findings: tuple[Finding, ...], change: Change
    ) -> tuple[Finding, ...]:
        answer: tuple[Finding, ...] = self._desk.meet_now(
            Point("hook", "modify_findings"), findings
        )
        return answer


class StandEngine(AsyncEngine):
    """The engine, with its steps past the desk and with short deadlines."""

    def __init__(self, desk: Desk, limits: dict[str, float], **options: Any) -> None:
        super().__init__(**options)
        settings = replace(self._tools.settings, **limits)
        self._tools = replace(self._tools, settings=settings)
        self._tools.hooks._patience = settings.observer_timeout
        runner = DirectRunner(self._tools.threads)
        self._executor = DirectExecutor(self._tools, WatchedRunner(desk, runner))


@dataclass
class End:
    """How a review ended, seen from every side."""

    review: Review | None = None
    error: BaseException | None = None
    run: AsyncRun | None = None
    record: RunRecord | None = None
    """As the storage has it."""

    events: tuple[RunEvent, ...] = ()
    """As the storage has them."""

    followed: list[RunEvent] = field(default_factory=list)
    follow_error: BaseException | None = None
    follower_ended: bool = True
    later: Review | BaseException | None = None
    """What somebody gets who asks for the run afterwards."""

    stored: Review | None = None
    endless: bool = False


async def drive(
    desk: Desk,
    *,
    limits: dict[str, float] | None = None,
    interrupt: str = "cancel",
) -> End:
    """Drive one review to its end, with whatever the desk has in store for it."""
    real = MemoryStorage()
    limits = {"submit": LIMIT, **(limits or {})}
    submit = limits.pop("submit")
    engine = StandEngine(
        desk,
        limits,
        storage=watched(Storage, real, desk),
        cache=watched(Cache, MemoryCache(), desk),
        vcs=watched(VCS, Shelf(), desk),
        analyzers=[watched(Analyzer, Planted(), desk), watched(Analyzer, Second(), desk)],
        observers=[watched(Observer, Watcher(), desk)],
        plugins=[Modifier(desk)],
        plugins_allow=[],
        isolation=Isolation.NONE,
    )
    end = End()
    try:
        async with asyncio.timeout(LIMIT):
            await _drive(engine, desk, end, interrupt, submit)
            await engine.aclose()
    except TimeoutError:
        end.endless = True
    await _look_back(engine, real, end)
    await asyncio.gather(*desk.helpers, return_exceptions=True)
    return end


async def _drive(engine: AsyncEngine, desk: Desk, end: End, interrupt: str, seconds: float) -> None:
    started: asyncio.Future[AsyncRun] = asyncio.get_running_loop().create_future()

    async def cancel() -> None:
        await (await started).cancel()

    desk.interrupt = engine.aclose if interrupt == "close" else cancel
    try:
        # Whoever submits waits for the storage as long as they like.
        async with asyncio.timeout(seconds):
            end.run = await engine.submit("review", {"change": "."})
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
        end.error = error
        started.cancel()
        return
    started.set_result(end.run)
    follower = asyncio.create_task(_follow(end.run, end))
    try:
        end.review = await end.run.result()
    except BaseException as error:  # noqa: BLE001 - the same
        end.error = error
    await asyncio.wait([follower], timeout=PATIENCE)
    end.follower_ended = follower.done()
    if not end.follower_ended:
        follower.cancel()
        await asyncio.wait([follower])


async def _follow(run: AsyncRun, end: End) -> None:
    try:
        async for event in run.events():
            end.followed.append(event)
    except BaseException as error:  # noqa: BLE001 - the same
        end.follow_error = error


async def _look_back(engine: AsyncEngine, real: MemoryStorage, end: End) -> None:
    (end.record,) = await real.find_runs("default", limit=1) or (None,)
    if end.record is None:
        return
    end.events = await real.read_events("default", end.record.run_id)
    (end.stored,) = await real.get_reviews("default", [end.record.run_id]) or (None,)
    try:
        # The run is over, so that this is the handle of somebody who comes later.
        end.later = await AsyncRun(end.record, engine._executor, real).result()
    except Exception as error:  # noqa: BLE001 - the same
        end.later = error
