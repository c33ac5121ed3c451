from __future__ import annotations

import json
from typing import Any

import pytest
from telemetry_sight import Sight

from codeflow_engine import AsyncEngine, RunContext
from codeflow_engine.redaction import Redactor
from codeflow_engine.telemetry.logging import EngineLog

HOSTILE = [
    '", "level": "fatal", "x": "',
    "a\nb\r\n{}",
    "\x1b[2J\x00\x07",
    "\u202e\u2028\ufeff",
    "\udce9\ud800",
    "%s %(name)s {0}",
    "}" * 1000,
]


async def lines_of(given: dict[str, Any], **options: Any) -> tuple[list[dict[str, Any]], str]:
    """Run a workflow that logs what it is given from inside of a step; give lines and run id."""
    sight = Sight()
    async with AsyncEngine(**{**sight.options, **options}) as engine:

        @engine.workflow("logs")
        async def logs(run: RunContext, given: dict[str, Any]) -> str:
            def work() -> str:
                run.tools.log.info("at work", text=given["text"])
                return "done"

            run.tools.log.info("begun", run_id="somebody else's")
            return await run.step("work", work)

        run = await engine.submit("logs", given)
        await run.result()
        engine._tools.log.info("outside")
    lines = [json.loads(line) for line in sight.logs.lines]
    assert [line["event"] for line in lines] == ["begun", "at work", "outside"]
    if not options:
        (execution,), (step,) = sight.named("invoke_workflow logs"), sight.named("step work")
        for line, span in ((lines[0], execution), (lines[1], step)):
            assert line["trace_id"] == format(span.context.trace_id, "032x")
            assert line["span_id"] == format(span.context.span_id, "016x")
    return lines, run.id


async def test_o14_a_line_of_a_run_carries_its_ids() -> None:
    """Run, trace and span stand on each line of a run, in a worker thread too, and on no other."""
    (begun, work, outside), run_id = await lines_of({"text": "plain"})

    assert begun["run_id"] == work["run_id"] == run_id
    assert outside == {"event": "outside"}


async def test_o14_without_tracing_a_line_carries_the_run_alone() -> None:
    """Where nobody traces there is no trace to name."""
    (begun, work, _), run_id = await lines_of(
        {"text": "plain"}, tracer_provider=None, meter_provider=None
    )

    assert begun == {"event": "begun", "run_id": run_id}
    assert work == {"event": "at work", "text": "plain", "run_id": run_id}


@pytest.mark.parametrize("text", HOSTILE)
async def test_o14_hostile_text_stays_one_field_of_one_line(text: str) -> None:
    """Each line is one JSON object with the fields that it was given, whatever is in them."""
    sight = Sight()

    EngineLog(sight.logger, Redactor()).warning("failed", error=text)

    (line,) = sight.logs.lines
    told = json.loads(line.encode("utf-8"))
    assert told.keys() == {"event", "error"}
    assert "\n" not in line
    assert told["error"].isprintable()


async def test_o14_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """A run with a logger of the host writes to no stream by itself."""
    await lines_of({"text": "plain"})

    assert capfd.readouterr() == ("", "")
