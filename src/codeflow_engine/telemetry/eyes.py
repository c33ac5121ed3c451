"""Sees what an engine does, and tells it in spans and metrics.

Nothing of a change is told, nor what is said to a model, nor the text of an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final

from opentelemetry.trace import Span, SpanKind

from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.journal import Claim, StepRecord
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunRecord
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import escape
from codeflow_engine.telemetry import names
from codeflow_engine.telemetry.calls import ModelCall, asked, server
from codeflow_engine.telemetry.executions import Past
from codeflow_engine.telemetry.inside import INSIDE, Inside
from codeflow_engine.telemetry.metrics import Few, Metrics
from codeflow_engine.telemetry.tracing import (
    Attributes,
    Tracing,
    error_type,
    fail,
    is_stop,
    write_traceparent,
)

__all__ = ["AnalyzerSpan", "EffectSpan", "Eyes", "RunSpan", "StepSpan"]

_ALIVE: Final = frozenset({FindingState.NEW, FindingState.OPEN})
_ANALYZER_FAILED: Final = "analyzer_failed"


class RunSpan:
    """One execution of a run."""

    def __init__(self, span: Span, past: Past) -> None:
        self._span = span
        self.claim: Claim = past.claim
        """What the execution works with: the claim without records of traces."""

        self.record: StepRecord | None = past.record(span)
        """Tells the next execution of this one; None where nobody traces."""

        self.ended: tuple[RunRecord, Any, BaseException | None] | None = None

    def end(self, record: RunRecord, value: Any = None, error: BaseException | None = None) -> None:
        """Tell how the run stands, and what came of it here."""
        self.ended = (record, value, error)
        self._span.set_attribute(names.RUN_STATUS, record.status.value)
        if isinstance(value, Review):
            self._span.set_attribute(names.OUTCOME, value.outcome.value)
            self._span.set_attribute(names.FINDINGS_COUNT, len(_alive(value)))
        if error is not None and record.status.is_terminal:
            fail(self._span, error_type(error))


class StepSpan:
    """A step of a run, all its attempts together."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def attempt(self, number: int, error: BaseException | None) -> None:
        """Tell of an attempt that has ended, unless it is the first and only one."""
        if error is None and number == 1:
            return
        told: dict[str, str | int] = {names.ATTEMPT_NUMBER: number}
        if error is not None:
            told[names.ERROR_TYPE] = error_type(error)
        self._span.add_event(names.ATTEMPT, told)


class AnalyzerSpan:
    """An analyzer that looks at a change."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def report(self, report: SourceReport) -> None:
        """Tell how much it has found, and whether it has looked at everything."""
        self._span.set_attribute(names.FINDINGS_COUNT, len(report.findings))
        self._span.set_attribute(names.UNITS_EXAMINED, len(report.examined))
        if report.failure is not None:
            fail(self._span, _ANALYZER_FAILED)


class EffectSpan:
    """An effect on its way to the outside."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.is_found: bool = False

    def stands(self, *, found: bool) -> None:
        """Tell that it stands there now, and whether it did so before."""
        self.is_found = found
        self._span.set_attribute(names.EFFECT_FOUND, found)


class Eyes:
    """Spans and metrics of one engine.

    Without providers those of the process are asked, and without any of these nothing
    happens, at next to no cost. Providers are never set, flushed, or shut down.

    Args:
        tracer_provider: The host's, or None.
        meter_provider: The host's, or None.
        redactor: Looks through what a provider says of its answers.
        monotonic: Tells seconds that never go back.
        models: Models by whose names metrics may be told apart, as providers take them; None
            takes the first ones that come.

    Raises:
        ConfigurationError: A provider is none.
    """

    def __init__(
        self,
        tracer_provider: object = None,
        meter_provider: object = None,
        *,
        redactor: Redactor,
        monotonic: Callable[[], float],
        models: Iterable[str] | None = None,
    ) -> None:
        release = version("codeflow-engine")
        self._tracing = Tracing(tracer_provider, release)
        self._metrics = Metrics(meter_provider, release)
        self._redactor = redactor
        self._monotonic = monotonic
        self._models = Few(20, known=models)
        self._providers, self._workflows, self._steps, self._errors = Few(20), Few(), Few(), Few()

    @contextmanager
    def submission(self, workflow: str) -> Iterator[str | None]:
        """Store a new run; gives the trace that its executions go on with, if there is one."""
        named: Attributes = {names.WORKFLOW: workflow}
        title = f"{names.SUBMIT} {workflow}"
        with self._tracing.span(title, SpanKind.PRODUCER, named) as span:
            yield write_traceparent(span)

    @contextmanager
    def execution(self, claim: Claim) -> Iterator[RunSpan]:
        """Execute a run, whose log lines carry its ids meanwhile."""
        record, past = claim.record, Past(claim)
        named: Attributes = {
            names.OPERATION: names.INVOKE_WORKFLOW,
            names.WORKFLOW: record.workflow,
            names.CONVERSATION: record.run_id,
            names.RUN_FENCE: claim.fence,
            names.RUN_RECOVERIES: record.recoveries,
        }
        title = f"{names.INVOKE_WORKFLOW} {record.workflow}"
        workflow = {names.WORKFLOW: self._workflows(record.workflow)}
        token = INSIDE.set(Inside(run_id=record.run_id, workflow=record.workflow))
        self._metrics.active.add(1, workflow)
        try:
            with self._tracing.span(
                title, attributes=named, within=past.within, after=past.last
            ) as span:
                seen = RunSpan(span, past)
                yield seen
                self._count_run(seen, workflow)
        finally:
            self._metrics.active.add(-1, workflow)
            INSIDE.reset(token)

    @contextmanager
    def step(self, name: str, kind: str) -> Iterator[StepSpan]:
        """Execute a step of a run, or compute something in it."""
        named = {names.STEP_NAME: name, names.STEP_KIND: kind, **_within_run()}
        with (
            self._timed_step(name),
            self._tracing.span(f"{names.STEP} {name}", attributes=named) as span,
        ):
            yield StepSpan(span)

    @contextmanager
    def analyzer(self, name: str) -> Iterator[AnalyzerSpan]:
        """Let an analyzer look at a change."""
        named: Attributes = {names.OPERATION: names.EXECUTE_TOOL, names.TOOL: name, **_within_run()}
        title = f"{names.EXECUTE_TOOL} {name}"
        with self._tracing.span(title, attributes=named) as span:
            yield AnalyzerSpan(span)

    @contextmanager
    def effect(self, kind: str, vcs: str) -> Iterator[EffectSpan]:
        """Write an effect to the outside."""
        named: Attributes = {names.EFFECT_KIND: kind, names.VCS_PROVIDER: vcs, **_within_run()}
        labels = {names.EFFECT_KIND: kind}
        try:
            title = f"{names.PUBLISH} {kind}"
            with self._tracing.span(title, SpanKind.CLIENT, named) as span:
                seen = EffectSpan(span)
                yield seen
        except Exception as error:
            self._metrics.effects.add(1, {**labels, **self._failed(error)})
            raise
        self._metrics.effects.add(1, {**labels, names.EFFECT_FOUND: seen.is_found})

    @contextmanager
    def llm_call(
        self,
        request: ChatRequest,
        *,
        provider: str,
        model: str,
        endpoint: str | None = None,
        stream: bool = False,
    ) -> Iterator[ModelCall]:
        """Ask a model; one span and one measurement, however often it is sent.

        ```python
        with eyes.llm_call(request, provider=llm.provider, model=llm.model) as call:
            for number in range(attempts):
                with call.attempt():
                    answer = await llm.complete(request)
            call.answered(replace(answer, usage=priced))
        ```

        What is raised inside of it becomes `error.type`: for a `ProviderError` its `kind`. An
        answer that cannot be used is told by `answered`, too, before its error is raised.

        Args:
            request: None of its content is told.
            provider: `LLM.provider`.
            model: `LLM.model`.
            endpoint: `LLM.endpoint`.
            stream: Whether the answer comes in pieces.
        """
        named: Attributes = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: provider,
            names.REQUEST_MODEL: model,
            **asked(request, stream=stream),
            **server(endpoint),
            **_within_run(),
        }
        labels = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: self._providers(provider),
            names.REQUEST_MODEL: self._models(model),
        }
        with self._tracing.span(f"{names.CHAT} {model}", SpanKind.CLIENT, named) as span:
            call = ModelCall(span, self._monotonic, self._shown)
            ended: dict[str, str] = {}
            try:
                yield call
            except BaseException as error:
                ended = self._failed(error)
                # Whoever gives it up may be asked for money all the same.
                fail(span, error_type(error))
                raise
            finally:
                self._measure(call, labels, ended)

    def _measure(self, call: ModelCall, labels: dict[str, str], ended: dict[str, str]) -> None:
        seconds = self._monotonic() - call.began
        self._metrics.operation.record(seconds, {**labels, **ended})
        if call.waited is not None:
            self._metrics.first_chunk.record(call.waited, labels)
        if call.usage is None:
            return
        counted: dict[str, str | bool] = {**labels}
        if call.is_estimated:
            counted[names.IS_ESTIMATED] = True
        for kind, count in (
            ("input", call.usage.input_tokens),
            ("output", call.usage.output_tokens),
        ):
            self._metrics.tokens.record(count, {**counted, names.TOKEN_TYPE: kind})
        if call.usage.cost_usd is not None:
            self._metrics.cost.add(float(call.usage.cost_usd), counted)

    def _count_run(self, seen: RunSpan, workflow: dict[str, str]) -> None:
        if seen.ended is None or not seen.ended[0].status.is_terminal:
            return
        record, value, error = seen.ended
        ended = {**workflow, names.RUN_STATUS: record.status.value}
        if error is not None:
            ended |= self._failed(error)
        self._metrics.runs.add(1, ended)
        if record.started_at is not None:
            seconds = (record.updated_at - record.started_at).total_seconds()
            self._metrics.run.record(max(0.0, seconds), ended)
        if isinstance(value, Review):
            self._metrics.reviews.add(1, {names.OUTCOME: value.outcome.value})
            for finding in _alive(value):
                self._metrics.findings.add(1, {names.SEVERITY: finding.severity.value})

    @contextmanager
    def _timed_step(self, name: str) -> Iterator[None]:
        inside = INSIDE.get()
        workflow = "" if inside is None else inside.workflow
        labels = {names.WORKFLOW: self._workflows(workflow), names.STEP_NAME: self._steps(name)}
        began = self._monotonic()
        try:
            yield
        except BaseException as error:
            if not is_stop(error):
                seconds = self._monotonic() - began
                self._metrics.step.record(seconds, {**labels, **self._failed(error)})
            raise
        self._metrics.step.record(self._monotonic() - began, labels)

    def _failed(self, error: BaseException) -> dict[str, str]:
        return {names.ERROR_TYPE: self._errors(error_type(error))}

    def _shown(self, text: str) -> str:
        return escape(self._redactor.redact(text))


def _alive(review: Review) -> list[Any]:
    return [finding for finding in review.findings if finding.state in _ALIVE]


def _within_run() -> Attributes:
    inside = INSIDE.get()
    return {} if inside is None else {names.CONVERSATION: inside.run_id}
