"""Workflows of a plugin whose steps are noted in a file, and programs that execute them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli_runs import codeflow, environment, install_plugin

from codeflow_engine import Engine
from codeflow_engine.domain.run import RunRecord

PLUGIN = '''
"""An analyzer and workflows that note what they do, and wait for a file before they go on."""

import asyncio
from pathlib import Path

from codeflow_engine import hookimpl
from codeflow_engine.contracts import Analyzer, AnalyzerReport
from codeflow_engine.runs.workflow import workflow_of

PLACE = Path("{mark}").parent


async def do(name):
    with (PLACE / "notes").open("a") as file:
        file.write(f"{name}\\\\n")
    while not (PLACE / "go").exists():
        await asyncio.sleep(0.02)
    with (PLACE / "ends").open("a") as file:
        file.write(f"{name}\\\\n")
    return name


async def gated(run, given):
    """Work behind a gate, after a step that is quick."""
    await run.step("begin", note, f"begin {given['name']}")
    return await run.step("work", do, given["name"])


def note(name):
    with (PLACE / "notes").open("a") as file:
        file.write(f"{name}\\\\n")


async def approved(run, given):
    """Do something that somebody has to approve."""
    approval = await run.receive("approval", timeout=given.get("timeout"))
    await run.step("write", note, f"by {approval['by']}")
    return approval["by"]


async def broken(run, given):
    """Fail, until it was mended."""
    await run.step("begin", note, "begin")
    await run.step("break", mendable)


def mendable():
    note("break")
    if not (PLACE / "go").exists():
        raise ValueError("not mended \\\\x1b[31m yet")


class Gated(Analyzer):
    async def analyze(self, analysis, sandbox):
        await do("analyze")
        return AnalyzerReport(examined=analysis.units)


@hookimpl
def codeflow_register(registry):
    registry.add_analyzer("gated", Gated)
    for function in (gated, approved, broken):
        made = workflow_of(function, name=function.__name__, version=1)
        registry.add_workflow(function.__name__, made)
'''.replace("\\\\", "\\")


@dataclass(frozen=True)
class Stand:
    """A plugin, a database that its runs are in, and what their steps have noted."""

    place: Path
    site: Path

    @classmethod
    def make(cls, place: Path) -> Stand:
        """Install the plugin in a directory."""
        return cls(place, install_plugin(place, code=PLUGIN))

    @property
    def url(self) -> str:
        """URL of the database."""
        return f"sqlite:///{self.place / 'runs.db'}"

    @property
    def notes(self) -> list[str]:
        """What steps have noted, in order."""
        file = self.place / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def open_gate(self) -> None:
        """Let every step go on."""
        (self.place / "go").touch()

    def submit(self, workflow: str, given: Mapping[str, Any]) -> str:
        """Store a run that others execute."""
        with Engine(storage=self.url, executes="none") as engine:
            return engine.submit(workflow, given).id

    def record(self, run_id: str) -> RunRecord:
        """Read how a run stands."""
        with Engine(storage=self.url, executes="none", plugins_allow=[]) as engine:
            return engine.run(run_id).record

    def run(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run the program to its end."""
        told = [words[0], "--db", self.url, *words[1:]]
        return codeflow(*told, stdin=stdin, site=self.site, **VARIABLES)

    @contextmanager
    def started(self, *words: str, pipe: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """Start the program; it is killed in the end, if it is still there.

        What it writes can be read by `written`, or from a pipe, and what it says by `said`.
        """
        told = self.place / f"told-{time.monotonic_ns()}"
        with told.open("wb") as errors, told.with_suffix(".out").open("wb") as output:
            process = subprocess.Popen(
                [*PROGRAM, words[0], "--db", self.url, *words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else output,
                stderr=errors,
                env=environment(site=self.site, **VARIABLES),
            )
        process.told = told  # type: ignore[attr-defined] # read by `said` and `written`
        try:
            yield process
        finally:
            process.kill()
            process.wait(90)
            if process.stdout is not None:
                process.stdout.close()

    @contextmanager
    def worker(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a worker, and wait until it looks for runs."""
        with self.started("worker", *words) as process:
            until(lambda: "looking for runs" in said(process))
            yield process


PROGRAM = [sys.executable, "-m", "codeflow_engine.hosts.cli"]
VARIABLES = {"CODEFLOW_LEASE": "1.5", "CODEFLOW_POLL": "0.1", "CODEFLOW_LINGER": "0.05"}


def said(process: subprocess.Popen[bytes]) -> str:
    """Read what a program that was started has said on standard error so far."""
    told: Path = process.told  # type: ignore[attr-defined] # put there by `started`
    return told.read_text()


def written(process: subprocess.Popen[bytes]) -> str:
    """Read what a program that was started has written to standard output so far."""
    told: Path = process.told  # type: ignore[attr-defined] # put there by `started`
    return told.with_suffix(".out").read_text()


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """Send a signal, wait for the end, and give the status."""
    os.kill(process.pid, number)
    return process.wait(90)


def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait for a condition to hold."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)
