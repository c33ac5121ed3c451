"""A program that we did not write receives what an engine tells, over a real connection."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from codeflow_engine import Engine

pytestmark = pytest.mark.fault

AGENT = os.environ.get("CODEFLOW_TEST_DDAGENT")
"""The program `ddapm-test-agent`. It needs an environment of its own."""

PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n a = 1\n+breakpoint()\n"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def read(url: str) -> Any:
    """Ask the agent for what it has received."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - of our own child
        return json.load(answer)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[str]:
    """Start the agent, and give the address where it takes OTLP."""
    if AGENT is None:
        pytest.skip("CODEFLOW_TEST_DDAGENT names no ddapm-test-agent")
    ports = [str(free_port()) for _ in range(3)]
    address = f"http://127.0.0.1:{ports[1]}"
    words = [AGENT, "--port", ports[0], "--otlp-http-port", ports[1], "--otlp-grpc-port", ports[2]]
    with (tmp_path / "log").open("wb") as log:
        agent = subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log)
        try:
            for _ in range(300):
                with suppress(OSError):
                    read(f"{address}/test/session/traces")
                    break
                time.sleep(0.1)
            yield address
        finally:
            agent.terminate()
            agent.wait(90)


def plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Give attributes in the form of OTLP as a mapping."""
    return {one["key"]: next(iter(one["value"].values())) for one in attributes}


def test_o3_an_agent_receives_spans_and_metrics(receiver: str) -> None:
    """Names, attributes and the version of the conventions arrive as they were told."""
    spans_to = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    metrics_to = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(
        SimpleSpanProcessor(spans_to.OTLPSpanExporter(f"{receiver}/v1/traces"))
    )
    reader = PeriodicExportingMetricReader(metrics_to.OTLPMetricExporter(f"{receiver}/v1/metrics"))
    meters = MeterProvider([reader], shutdown_on_exit=False)

    with Engine(analyzers=["hygiene"], tracer_provider=tracers, meter_provider=meters) as engine:
        review = engine.review(PATCH)
    tracers.shutdown()
    meters.shutdown()

    scopes = [
        scope
        for request in read(f"{receiver}/test/session/traces")
        for resource in request["resource_spans"]
        for scope in resource["scope_spans"]
    ]
    spans = {span["name"]: span for scope in scopes for span in scope["spans"]}
    run = plain(spans["invoke_workflow review"]["attributes"])
    assert {scope["schema_url"] for scope in scopes} == {"https://opentelemetry.io/schemas/1.41.0"}
    assert len({span["trace_id"] for span in spans.values()}) == 1
    assert run["gen_ai.conversation.id"] == review.run_id
    assert run["codeflow.review.outcome"] == review.outcome.value
    assert plain(spans["execute_tool hygiene"]["attributes"])["gen_ai.tool.name"] == "hygiene"
    metrics = {
        metric["name"]
        for request in read(f"{receiver}/test/session/metrics")
        for resource in request["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    assert {"codeflow.runs", "codeflow.reviews", "codeflow.step.duration"} <= metrics
