"""One run has one trace, in whatever process it executes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from telemetry_life import QUICK, continued
from telemetry_sight import Sight

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.storage.memory import MemoryStorage
from codeflow_engine.telemetry.executions import is_trace

LIFE = Path(__file__).with_name("telemetry_life.py")
RUN = "invoke_workflow continued"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(QUICK, "utf-8")
    return path


def killed_life(database: str, settings: Path) -> dict[str, Any]:
    """Let another process submit a run, and die in the middle of it."""
    ended = subprocess.run(
        [sys.executable, LIFE, database, settings],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {line["name"]: line for line in lines}


async def test_o2_a_run_that_was_killed_goes_on_in_its_trace(database: str, quick: Path) -> None:
    """The next process continues the trace, and links to the execution that was killed."""
    told = killed_life(database, quick)
    sight = Sight()

    async with AsyncEngine(storage=database, settings_file=quick, **sight.options) as engine:
        engine.workflow("continued")(continued)
        run = await engine.run(told["submitted"]["run_id"])
        assert await run.result() == "first second"
        steps = await run.steps()

    (execution,) = sight.named(RUN)
    (link,) = execution.links
    assert format(execution.context.trace_id, "032x") == told["request"]["trace_id"]
    assert execution.parent is not None
    assert format(execution.parent.span_id, "016x") == told["submit continued"]["span_id"]
    # The execution that was killed was never told itself, but for the step that it finished.
    assert format(link.context.span_id, "016x") == told["step first"]["parent_id"]
    assert [span.name for span in sight.spans] == ["step second", RUN]
    assert (execution.attributes or {})["codeflow.run.recoveries"] == 1
    assert not any(map(is_trace, steps))
    assert [step.name for step in steps] == ["first", "second"]


async def test_o2_a_run_that_nobody_traced_is_in_the_trace_of_its_first_execution(
    database: str, quick: Path
) -> None:
    """Where only the workers trace, the second execution joins the first one."""
    sight, other = Sight(), Sight()
    plain: dict[str, Any] = {"storage": database, "settings_file": quick}
    async with AsyncEngine(**plain, executes="none") as host:
        await host.migrate()
        host.workflow("continued")(continued)
        run_id = (await host.submit("continued", {"wait": True})).id
    async with asyncio.timeout(20), AsyncEngine(**plain, **sight.options) as first:
        first.workflow("continued")(continued)
        run = await first.run(run_id)
        while run.status is not RunStatus.WAITING:
            await asyncio.sleep(0.05)
            run = await first.run(run_id)
    async with asyncio.timeout(20), AsyncEngine(**plain, **other.options) as second:
        second.workflow("continued")(continued)
        run = await second.run(run_id)
        assert run.record.traceparent is None
        await run.send("go")
        await run.result()

    (before,), (after,) = sight.named(RUN), other.named(RUN)
    assert before.parent is None
    assert before.context.trace_id == after.context.trace_id
    assert [one.context.span_id for one in after.links] == [before.context.span_id]


async def test_a_damaged_address_begins_a_new_trace(quick: Path) -> None:
    """A stored address of a span that is none does no harm."""

    class Damaged(MemoryStorage):
        async def submit(self, runs: Any) -> Any:
            return await super().submit(
                [replace(one, record=replace(one.record, traceparent="00-x\n")) for one in runs]
            )

    sight = Sight()
    async with AsyncEngine(storage=Damaged(), settings_file=quick, **sight.options) as engine:
        engine.workflow("continued")(continued)
        await (await engine.submit("continued", {})).result()

    assert sight.named(RUN)[0].parent is None


async def test_without_tracing_nothing_of_it_is_stored(quick: Path) -> None:
    """A run that nobody traces has no address of a span, and no record of one."""
    storage = MemoryStorage()
    async with AsyncEngine(storage=storage, settings_file=quick) as engine:
        engine.workflow("continued")(continued)
        run = await engine.submit("continued", {})
        await run.result()
        kept = await storage.read_steps(run.record.tenant, run.id)

    assert run.record.traceparent is None
    assert [step.name for step in kept] == ["first", "second"]
