"""Spans over the host's tracer; nothing that an error says ever goes into one.

The API's own way to make a span current records the text and the trace of whatever is raised
inside of it, and both quote the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from codeflow_engine.errors import CodeflowError, ConfigurationError, ProviderError
from codeflow_engine.telemetry import names

__all__ = [
    "Attributes",
    "Tracing",
    "error_type",
    "fail",
    "is_stop",
    "read_traceparent",
    "write_traceparent",
]

type Value = str | int | float | bool | Sequence[str]
type Attributes = dict[str, Value]

_W3C: Final = TraceContextTextMapPropagator()
_FIELD: Final = "traceparent"


def error_type(error: BaseException) -> str:
    """Name what was raised in one of few words: the `error.type` of spans and metrics."""
    if isinstance(error, ProviderError):
        return error.kind
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    kind = type(error)
    is_plain = isinstance(error, CodeflowError) or kind.__module__ == "builtins"
    return kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"


def is_stop(error: BaseException) -> bool:
    """Say whether it ends work from outside, and is no failure of the work."""
    return not isinstance(error, Exception)


def fail(span: Span, kind: str) -> None:
    """Mark the span of something that has failed; of the failure its type alone is told."""
    span.set_attribute(names.ERROR_TYPE, kind)
    span.set_status(StatusCode.ERROR)


def write_traceparent(span: Span) -> str | None:
    """Write which span it is, in the form of W3C Trace Context; None for one that is none."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get(_FIELD)


def read_traceparent(text: str | None) -> Context:
    """Read a context in which that span is the current one; an empty one where it is none."""
    return _W3C.extract({} if text is None else {_FIELD: text}, Context())


class Tracing:
    """Makes the spans of one engine.

    Args:
        provider: The host's; None asks the API for the one of the process at each span, which
            the host may set later than it makes the engine.
        version: Of this package.

    Raises:
        ConfigurationError: It is no provider.
    """

    def __init__(self, provider: object, version: str) -> None:
        if provider is None:
            provider = trace.get_tracer_provider()
        elif not isinstance(provider, TracerProvider):
            kind = type(provider).__name__
            raise ConfigurationError(
                f"tracer_provider is a {kind}, not a TracerProvider of OpenTelemetry"
            )
        self._tracer: Tracer = provider.get_tracer(
            names.SCOPE, version, schema_url=names.SCHEMA_URL
        )

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Value] | None = None,
        *,
        within: Context | None = None,
        after: Sequence[Span] = (),
    ) -> Iterator[Span]:
        """Do something in a span, which is the current one meanwhile.

        Args:
            name: Of few.
            kind: Where the work is done.
            attributes: What a sampler may look at.
            within: Where it belongs; None is under the current span.
            after: Spans that it is linked to.
        """
        span = self._tracer.start_span(
            name,
            within,
            kind,
            attributes,
            [Link(one.get_span_context()) for one in after],
        )
        token = contexts.attach(trace.set_span_in_context(span, within))
        try:
            yield span
        except BaseException as error:
            if is_stop(error):
                span.set_attribute(names.IS_STOPPED, True)  # noqa: FBT003 - its value
            else:
                fail(span, error_type(error))
            raise
        finally:
            contexts.detach(token)
            span.end()
