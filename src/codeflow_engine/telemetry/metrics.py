"""Metrics over the host's meter, with labels that have few values each.

A label that grows with the number of changes makes a time series for each of them. So no
label names a repository, a change or a person; those that plugins name are counted, and what
is one too many is told as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.telemetry import names

__all__ = ["Few", "Metrics"]

_SECONDS: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28),
    *(2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
_TOKENS: Final = tuple(4**power for power in range(14))
"""Limits of buckets, both as the conventions advise."""


class Few:
    """Lets the first values through, and tells all others as `other`.

    Args:
        most: How many.
        known: These alone, where it is given.
    """

    def __init__(self, most: int = 100, *, known: Iterable[str] | None = None) -> None:
        self._seen: set[str] = set(known or ())
        self._most = most if known is None else 0

    def __call__(self, value: str) -> str:
        """Give the value, or `other`."""
        if value not in self._seen:
            if len(self._seen) >= self._most:
                return names.OTHER
            self._seen.add(value)
        return value


class Metrics:
    """The instruments of one engine.

    Args:
        provider: The host's; None asks the API for the one of the process, which the host may
            set later than it makes the engine.
        version: Of this package.

    Raises:
        ConfigurationError: It is no provider.
    """

    def __init__(self, provider: object, version: str) -> None:
        if provider is None:
            provider = metrics.get_meter_provider()
        elif not isinstance(provider, MeterProvider):
            kind = type(provider).__name__
            raise ConfigurationError(
                f"meter_provider is a {kind}, not a MeterProvider of OpenTelemetry"
            )
        meter = provider.get_meter(names.SCOPE, version, schema_url=names.SCHEMA_URL)

        def seconds(name: str, told: str) -> metrics.Histogram:
            return meter.create_histogram(
                name, "s", told, explicit_bucket_boundaries_advisory=_SECONDS
            )

        self.operation: metrics.Histogram = seconds(
            names.OPERATION_DURATION, "Duration of a question to a model"
        )
        self.first_chunk: metrics.Histogram = seconds(
            names.FIRST_CHUNK, "Time until a model began to answer"
        )
        self.tokens: metrics.Histogram = meter.create_histogram(
            names.TOKEN_USAGE,
            "{token}",
            "Tokens of a question to a model, and of its answer",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.cost: metrics.Counter = meter.create_counter(
            names.LLM_COST, "{USD}", "Price of what models did"
        )
        self.runs: metrics.Counter = meter.create_counter(
            names.RUNS, "{run}", "Runs that have ended here"
        )
        self.run: metrics.Histogram = seconds(
            names.RUN_DURATION, "Time from the beginning of a run to its end"
        )
        self.active: metrics.UpDownCounter = meter.create_up_down_counter(
            names.RUNS_ACTIVE, "{run}", "Runs that execute here"
        )
        self.reviews: metrics.Counter = meter.create_counter(
            names.REVIEWS, "{review}", "Reviews, by outcome"
        )
        self.findings: metrics.Counter = meter.create_counter(
            names.FINDINGS, "{finding}", "Findings that reviews show, by severity"
        )
        self.step: metrics.Histogram = seconds(
            names.STEP_DURATION, "Duration of a step, all attempts together"
        )
        self.effects: metrics.Counter = meter.create_counter(
            names.EFFECTS, "{effect}", "Effects that now stand outside, or failed"
        )
