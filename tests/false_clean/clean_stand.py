"""A small review with everything in it, that can be driven past a desk to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Unpack, override

from clean_desk import Desk, Point, WatchedRunner, watched

from codeflow_engine import AsyncEngine, AsyncRun, Review, hookimpl
from codeflow_engine.contracts import (
    VCS,
    Analysis,
    Analyzer,
    AnalyzerReport,
    Cache,
    Journal,
    Meter,
    Observer,
    Storage,
    StorageCapability,
    WorkflowBackend,
)
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import Category, Finding, RawFinding, Severity, Suggestion
from codeflow_engine.domain.run import RunEvent, RunRecord, RunStatus
from codeflow_engine.engine.options import EngineOptions
from codeflow_engine.errors import StorageError
from codeflow_engine.providers.workflow.local import LocalBackend
from codeflow_engine.runs.executor import Executor
from codeflow_engine.runs.work import DirectRunner
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
"""Seconds that somebody asks again for a result."""

FOLLOWING = 3.0
"""Seconds after which who follows the events counts as one that waits for ever."""

HASTE = {"poll": 0.02, "linger": 0.02, "finish_timeout": 10.0}
"""Settings with which nothing waits for long."""


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
    """Can be struck."""

    @override
    async def on_event(self, event: RunEvent) -> None:
        return


class Listener(Observer):
    """Hears of events, after the other one."""

    def __init__(self) -> None:
        self.heard: list[RunEvent] = []

    @override
    async def on_event(self, event: RunEvent) -> None:
        self.heard.append(event)


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


class DurableStorage(MemoryStorage):
    """Says that it outlives the process, and does so: as long as the test holds it."""

    capabilities = MemoryStorage.capabilities | {StorageCapability.DURABLE}


class BareStorage(MemoryStorage):
    """Says that it keeps no journal: the engine has one beside it."""

    capabilities = MemoryStorage.capabilities - {
        StorageCapability.JOURNAL,
        StorageCapability.METER,
    }


class StandEngine(AsyncEngine):
    """The engine, with all its work past the desk and with short deadlines.

    Args:
        desk: What it passes.
        real: Where everything is kept.
        limits: Settings that differ from those of the stand.
        **brought: Options that differ from those of the stand.
    """

    def __init__(
        self,
        desk: Desk,
        real: MemoryStorage,
        limits: Mapping[str, float],
        **brought: Unpack[EngineOptions],
    ) -> None:
        self.listener = Listener()
        if StorageCapability.JOURNAL in real.capabilities:
            storage = watched(real, desk, Storage, Journal, Meter)
        else:
            storage = watched(real, desk, Storage, kind="bare")
        options: EngineOptions = {
            "storage": storage,
            "cache": watched(MemoryCache(), desk, Cache),
            "vcs": watched(Shelf(), desk, VCS),
            "analyzers": [watched(Planted(), desk, Analyzer), watched(Second(), desk, Analyzer)],
            "observers": [watched(Watcher(), desk, Observer), self.listener],
            "plugins": [Modifier(desk)],
            "plugins_allow": [],
            "isolation": Isolation.NONE,
        }
        super().__init__(**{**options, **brought})
        settings = replace(self._tools.settings, **{**HASTE, **limits})
        self._tools = replace(self._tools, settings=settings)
        self._tools.hooks._patience = settings.observer_timeout
        backend = self._backends.get(WorkflowBackend, settings.workflows)
        runner = WatchedRunner(desk, DirectRunner(self._tools.threads))
        self._executor = Executor(self._tools, backend, runner)


@dataclass
class End:
    """How a review ended, seen from every side."""

    review: Review | None = None
    error: BaseException | None = None
    again: Review | BaseException | None = None
    """What the same handle gives who asks again until the storage is back; None where that
    was not asked."""

    run: AsyncRun | None = None
    handle: RunRecord | None = None
    """As the handle has it after all that, before its engine is closed."""

    record: RunRecord | None = None
    """As the storage has it."""

    events: tuple[RunEvent, ...] = ()
    """As the storage has them."""

    followed: list[RunEvent] = field(default_factory=list)
    """As somebody sees them who follows the run."""

    reread: list[RunEvent] = field(default_factory=list)
    """As the same one reads them afterwards."""

    observed: tuple[RunEvent, ...] = ()
    """As observers have heard them in the process of the review."""

    follow_error: BaseException | None = None
    follower_ended: bool = True
    interrupted: list[tuple[str, BaseException | None]] = field(default_factory=list)
    """How somebody has ended it from outside, and what they were told where that failed."""

    later: Review | BaseException | None = None
    """What comes of the run in another process, which goes on with it where it has to."""

    repeated: list[str] = field(default_factory=list)
    """Steps that were executed although their values stood in the storage."""

    stored: Review | None = None
    endless: bool = False

    @property
    def status(self) -> RunStatus | None:
        """Where the run stands as the handle has it."""
        return None if self.handle is None else self.handle.status


async def drive(
    desk: Desk,
    *,
    limits: Mapping[str, float] | None = None,
    durable: bool = False,
    bare: bool = False,
    **brought: Unpack[EngineOptions],
) -> End:
    """Drive one review to its end, with whatever the desk has in store for it.

    Args:
        desk: What it passes.
        limits: Settings that differ from those of the stand.
        durable: Whether the storage is said to outlive the process; then whoever was told of
            its failure asks again.
        bare: Whether the storage keeps no journal.
        **brought: Options of the engine that differ from those of the stand.
    """
    real = DurableStorage() if durable else BareStorage() if bare else MemoryStorage()
    engine = StandEngine(desk, real, limits or {}, **brought)
    end = End()
    try:
        async with asyncio.timeout(LIMIT):
            await _drive(engine, desk, end, durable=durable)
            await engine.aclose()
            await asyncio.gather(*desk.helpers)
            await _look_back(engine, desk, real, end)
    except TimeoutError:
        end.endless = True
    return end


async def _drive(engine: AsyncEngine, desk: Desk, end: End, *, durable: bool) -> None:
    started: asyncio.Future[AsyncRun] = asyncio.get_running_loop().create_future()

    async def interrupt(how: str) -> None:
        told: BaseException | None = None
        try:
            if how == "close":
                await engine.aclose()
            else:
                await (await started).cancel()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
            told = error
        end.interrupted.append((how, told))

    desk.interrupt = interrupt
    try:
        end.run = await engine.submit("review", {"change": "."})
    except BaseException as error:  # noqa: BLE001 - the same
        end.error = error
        started.cancel()
        return
    started.set_result(end.run)
    follower = asyncio.create_task(_follow(end.run, end))
    try:
        end.review = await end.run.result()
    except BaseException as error:  # noqa: BLE001 - the same
        end.error = error
    if durable and not (end.run.status.is_terminal or end.interrupted):
        end.again = await _ask_again(end.run)
    end.handle = end.run.record
    await _wait_for(follower, end)


async def _ask_again(run: AsyncRun) -> Review | BaseException:
    """Ask until the storage is back."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    review: Review = await run.result()
                except StorageError:
                    await asyncio.sleep(HASTE["poll"])
                else:
                    return review
    except BaseException as error:  # noqa: BLE001 - the same
        return error


async def _follow(run: AsyncRun, end: End) -> None:
    try:
        async for event in run.events():
            end.followed.append(event)
        end.reread = [event async for event in run.events()]
    except BaseException as error:  # noqa: BLE001 - the same
        end.follow_error = error


async def _wait_for(follower: asyncio.Task[None], end: End) -> None:
    await asyncio.wait([follower], timeout=FOLLOWING)
    end.follower_ended = follower.done()
    while not follower.done():
        # Once may not be enough for one that reads with the help of the deaf.
        follower.cancel()
        await asyncio.wait([follower], timeout=PATIENCE / 10)


async def _look_back(engine: StandEngine, desk: Desk, real: MemoryStorage, end: End) -> None:
    """Look at the storage, and then at what comes of the run with another worker."""
    (end.record,) = await real.find_runs("default", limit=1) or (None,)
    if end.record is None:
        return
    run_id = end.record.run_id
    end.events = await real.read_events("default", run_id)
    (end.stored,) = await real.get_reviews("default", [run_id]) or (None,)
    end.observed = tuple(engine.listener.heard)
    desk.rest()
    threads = ThreadPoolExecutor(1)
    # Beside a storage without a journal runs end with their process, which has the results.
    is_bare = StorageCapability.JOURNAL not in real.capabilities
    journal = engine._tools.journal if is_bare else real
    tools = replace(engine._tools, storage=real, journal=journal, threads=threads)
    other = Executor(tools, LocalBackend(), WatchedRunner(desk, DirectRunner(threads)))
    try:
        if not end.record.status.is_terminal and not is_bare:
            await other.open()
        if end.record.status.is_terminal or not is_bare:
            end.later = await AsyncRun(await other.known.look(run_id), other, tools).result()
    except Exception as error:  # noqa: BLE001 - the same
        end.later = error
    await other.drain(grace=0)
    threads.shutdown()
    end.repeated = desk.repeated
