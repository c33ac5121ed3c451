"""A host's own providers, whose exporters keep in memory what an engine tells."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ["Lines", "Point", "Sight", "parent_of", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One time series of a metric."""

    labels: dict[str, Any]
    value: float
    """The sum of what was counted or measured."""

    count: int
    """How often something was measured; 0 for a counter."""


class Lines(logging.Handler):
    """Writes each record as a line of JSON, with all that it carries."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        usual = vars(logging.makeLogRecord({})).keys()
        more = {name: value for name, value in vars(record).items() if name not in usual}
        self.lines.append(json.dumps({"event": record.getMessage(), **more}))


class Sight:
    """What a host sees of one engine."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.logs = Lines()
        self.logger = logging.Logger("codeflow_tests.host", logging.DEBUG)  # noqa: LOG001 - nobody else's
        self.logger.addHandler(self.logs)

    @property
    def options(self) -> dict[str, Any]:
        """What the engine is handed."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger": self.logger,
        }

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended, in that order."""
        return self._spans.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Find the spans of a name."""
        return [span for span in self.spans if span.name == name]

    def metrics(self) -> dict[str, list[Point]]:
        """Give all time series by the name of the metric, its unit after a blank."""
        return {f"{one['name']} {one['unit']}": [*_points(one)] for one in self._metrics()}

    def series(self) -> int:
        """Count the time series."""
        return sum(map(len, self.metrics().values()))

    def exported(self) -> str:
        """Give everything that was told, in all signals, as text."""
        spans = [span.to_json() for span in self.spans]
        return "\n".join([*spans, json.dumps([*self._metrics()]), *self.logs.lines])

    def _metrics(self) -> Iterator[dict[str, Any]]:
        data = self._reader.get_metrics_data()
        told = {"resource_metrics": []} if data is None else json.loads(data.to_json())
        for resource in told["resource_metrics"]:
            for scope in resource["scope_metrics"]:
                yield from scope["metrics"]


def _points(metric: dict[str, Any]) -> Iterator[Point]:
    for point in metric["data"]["data_points"]:
        value = point["value"] if "value" in point else point["sum"]
        yield Point(labels=point["attributes"], value=value, count=point.get("count", 0))


def parent_of(span: ReadableSpan, spans: tuple[ReadableSpan, ...]) -> str | None:
    """Name the span around another one."""
    parent = span.parent
    names = {one.context.span_id: one.name for one in spans}
    return None if parent is None else names.get(parent.span_id, "elsewhere")


def plain(span: ReadableSpan) -> dict[str, Any]:
    """Give the attributes of a span."""
    return dict(span.attributes or {})
