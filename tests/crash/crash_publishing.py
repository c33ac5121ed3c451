"""Lives that review a pull request and publish it, as two workers of one host do."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, Final, override

from crash_http import call
from crash_life import ANY, Life, Trace
from crash_world import HttpModel
from forge_changes import notes_of
from forge_faults import TIMEOUT

from codeflow_engine import AsyncEngine
from codeflow_engine.contracts import Analysis, Analyzer, AnalyzerReport
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import CodeflowError
from codeflow_engine.providers.vcs.github import posting
from codeflow_engine.providers.vcs.github.provider import GitHub
from codeflow_engine.providers.vcs.github.settings import GitHubSettings
from codeflow_engine.sandbox import Isolation, Sandbox

__all__ = ["DRAINED", "PairTrace", "publish"]

DRAINED: Final = 3
"""Exit code of a life that was told to end by SIGTERM, and has left the run to others."""

_GRACE: Final = 5.0


class PairTrace(Trace):
    """That of two lives which are told the same blows: each blow falls once, on who comes first.

    Which of two workers executes a run is nobody's choice, so both carry all blows.
    """

    @override
    def point(self, name: str) -> None:
        self._arrivals[name] += 1
        self._arrivals[ANY] += 1
        self.note("point", name, self._arrivals[name])
        for number, blow in enumerate(self._life.blows):
            if self._has_fallen(number):
                continue
            arrived = blow.point in {name, ANY} and self._arrivals[blow.point] == blow.time
            if arrived and self._claim(number):
                self.note("blow", name, self._arrivals[name])
                os.kill(os.getpid(), blow.signal)
            # The next one waits until this one has fallen.
            break

    def _mark(self, number: int) -> Path:
        return Path(f"{self._path}.blow-{number}")

    def _has_fallen(self, number: int) -> bool:
        return self._mark(number).exists()

    def _claim(self, number: int) -> bool:
        try:
            self._mark(number).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class Noter(Analyzer):
    """Finds every line that is noted, in this process."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @override
    async def analyze(self, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
        self._trace.note("body", "analyze")
        files = analysis.change.diff.files
        paths = list(dict.fromkeys(files[unit.file].path for unit in analysis.units))
        found = []
        for content in await analysis.read_files(paths, Side.NEW):
            text = (content.content or b"").decode()
            found += [
                RawFinding(
                    rule="rest",
                    severity=Severity.LOW,
                    category=Category.MAINTAINABILITY,
                    title=f"Something is left: {line.strip()}",
                    message="Take the rest, too.",
                    path=content.path,
                    line=number,
                    quote=line,
                )
                for number, line in notes_of(content.path, text)
            ]
        return AnalyzerReport(findings=tuple(found), examined=analysis.units)


class BlindPull(posting.Pull):
    """A pull request of which nobody sees what stands there."""

    @override
    async def list(self, path: str, **how: Any) -> list[Any]:
        return await super().list(path, **how) if path.endswith("/files") else []


class Blind(GitHub):
    """One who writes without having looked: what the checks have to find."""

    @override
    def _pull(self, name: str) -> posting.Pull:
        pull = super()._pull(name)
        return BlindPull(client=pull.client, target=pull.target, settings=pull.settings)


async def publish(life: Life, policy: dict[str, Any], *, resumes: bool = False) -> int:
    """Submit a review that is published, and see it to its end, whoever executes it.

    With `resumes`, one that has failed is resumed first.
    """
    trace = PairTrace(life)
    told = await call(life.forge, "/born", {"world": life.world, "pid": os.getpid()})
    settings = GitHubSettings(
        token=told["token"],
        base_url=told["base_url"],
        timeout=TIMEOUT,
        write_interval=0,
        concurrency=4,
    )
    forge = Blind(settings) if life.flaw == "blind" else GitHub(settings)
    engine = AsyncEngine(
        storage=life.url,
        workflows="local",
        executes="all",
        vcs=forge,
        llm=HttpModel(life, trace),
        analyzers=[Noter(trace)],
        tenant=life.world,
        isolation=Isolation.NONE,
        points=trace.point,
        **life.options,
    )
    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
    status = 0
    async with engine:
        seeing = asyncio.ensure_future(
            _see(engine, {"change": told["target"], "policy": policy}, trace, resumes=resumes)
        )
        ending = asyncio.ensure_future(terminated.wait())
        await asyncio.wait({seeing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not seeing.done():
            await engine.drain(grace=_GRACE)
            status = DRAINED
        for task in (seeing, ending):
            task.cancel()
        await asyncio.wait({seeing, ending})
    await forge.aclose()
    return status


async def _see(engine: AsyncEngine, given: dict[str, Any], trace: Trace, *, resumes: bool) -> None:
    """Submit the run, unless somebody has, and write down how it ended."""
    run = await engine.submit("publish", given, key="k")
    trace.note("run", run.id)
    if resumes:
        await run.resume()
    try:
        published = await run.result()
        trace.note("outcome", published.review.outcome.value)
    except CodeflowError as error:
        trace.note("error", f"{type(error).__name__}: {error}")
    trace.note("end", run.status.value)
