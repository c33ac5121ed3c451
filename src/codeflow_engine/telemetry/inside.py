"""Which run the code belongs to that runs now, for log lines and spans."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["INSIDE", "Inside", "ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A run that executes."""

    run_id: str
    workflow: str


INSIDE: ContextVar[Inside | None] = ContextVar("codeflow_inside_run", default=None)
"""The run; None outside of any."""


def ids() -> dict[str, str]:
    """Give what finds a log line again: nothing outside of a run, no trace where there is none."""
    inside = INSIDE.get()
    if inside is None:
        return {}
    # A run executes, so the engine has imported it.
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    found = {"run_id": inside.run_id}
    span = get_current_span().get_span_context()
    if span.is_valid:
        found["trace_id"] = format_trace_id(span.trace_id)
        found["span_id"] = format_span_id(span.span_id)
    return found
