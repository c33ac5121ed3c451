"""A process that submits a run inside of a span of its own, and kills itself in the second step."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from codeflow_engine import AsyncEngine, RunContext

__all__ = ["QUICK", "continued"]

QUICK = "lease = 0.6\npoll = 0.1\nlinger = 0.05\n"

_DOOMED = False


async def first() -> str:
    """Do the first half."""
    return "first"


async def second() -> str:
    """Do the second half, in any process but the first one."""
    if _DOOMED:
        os.kill(os.getpid(), signal.SIGKILL)
    return "second"


async def continued(run: RunContext, given: dict[str, Any]) -> str:
    """Do two steps, and wait for a word between them if somebody wants that."""
    one = await run.step("first", first)
    if given.get("wait"):
        await run.receive("go")
    return f"{one} {await run.step('second', second)}"


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)  # noqa: T201 - for whoever started it


class _Told(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            _say(
                name=span.name,
                trace_id=format(span.context.trace_id, "032x"),
                span_id=format(span.context.span_id, "016x"),
                parent_id=span.parent and format(span.parent.span_id, "016x"),
            )
        return SpanExportResult.SUCCESS


async def _live(database: str, settings: str) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(_Told()))
    engine = AsyncEngine(
        storage=database, settings_file=settings, tracer_provider=provider, executes="none"
    )
    worker = AsyncEngine(storage=database, settings_file=settings, tracer_provider=provider)
    for one in (engine, worker):
        one.workflow("continued")(continued)
    await engine.migrate()
    with provider.get_tracer("host").start_as_current_span("request"):
        run = await engine.submit("continued", {})
    _say(name="submitted", run_id=run.id)
    await worker.open()
    await asyncio.sleep(60)


if __name__ == "__main__":
    _DOOMED = True
    asyncio.run(_live(*sys.argv[1:]))
