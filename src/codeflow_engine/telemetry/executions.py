"""What is told of one execution of a run, and how the next one finds this one's trace.

A run has one trace, that of where it was submitted, in whatever process it executes. Each
execution is a span of its own, linked to the one before, whose address is kept in the journal
as a record that no workflow asks for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, get_current_span

from codeflow_engine.domain.journal import Claim, StepKind, StepRecord, StepState
from codeflow_engine.telemetry.tracing import read_traceparent, write_traceparent

__all__ = ["Past", "is_trace"]

_NAME: Final = "trace"
_KEY: Final = "#0"
"""Steps of a workflow are numbered from 1."""


def is_trace(step: StepRecord) -> bool:
    """Say whether a record keeps the trace of an execution, and is no step of a workflow."""
    return (step.name, step.key, step.kind) == (_NAME, _KEY, StepKind.EMIT)


class Past:
    """Where an execution belongs, by what stands in its claim."""

    def __init__(self, claim: Claim) -> None:
        kept = [step.value for step in claim.steps if is_trace(step) and step.value]
        before = read_traceparent(kept[-1].decode("ascii", "replace") if kept else None)
        self.claim: Claim = claim
        if any(map(is_trace, claim.steps)):
            steps = tuple(step for step in claim.steps if not is_trace(step))
            self.claim = replace(claim, steps=steps)
        """With the steps of the workflow alone."""

        last = get_current_span(before)
        is_known = last.get_span_context().is_valid
        self.last: tuple[Span, ...] = (last,) if is_known else ()
        """The execution before, where one was traced."""

        submitted = read_traceparent(claim.record.traceparent)
        is_submitted = get_current_span(submitted).get_span_context().is_valid
        self.within: Context = submitted if is_submitted else before
        """Where the run was submitted; without that, the execution before."""

    def record(self, span: Span) -> StepRecord | None:
        """Make the record that keeps an execution's span; None where nobody traces."""
        mine = span.get_span_context()
        written = write_traceparent(span)
        if (
            written is None
            or mine.span_id == get_current_span(self.within).get_span_context().span_id
        ):
            return None
        now = self.claim.record.updated_at
        return StepRecord(
            run_id=self.claim.record.run_id,
            name=_NAME,
            key=_KEY,
            position=0,
            kind=StepKind.EMIT,
            # Not final: the next execution writes its own over it, and it counts as no progress.
            state=StepState.WAITING,
            started_at=now,
            finished_at=now,
            value=written.encode("ascii"),
        )
