from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from telemetry_sight import Sight, parent_of, plain

from codeflow_engine import AsyncEngine, Retry, RunContext
from codeflow_engine.errors import ConfigurationError, ProviderUnavailableError
from codeflow_engine.telemetry import names
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeVCS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EXAMPLE = max(EXAMPLES, key=lambda one: len(one.diff.units))

RUN = "invoke_workflow review"
STEPS = ("fetch", "discuss", "policy", "analyze", "gather", "modify", "recall", "measure", "save")
COMPUTED = ("prepare", "partition", "anchor", "verify", "fuse", "identify", "judge", "settle")


@pytest.fixture
def sight() -> Sight:
    return Sight()


@pytest.fixture
async def engine(sight: Sight) -> AsyncIterator[AsyncEngine]:
    vcs = FakeVCS(FakeHost(EXAMPLE))
    async with AsyncEngine(vcs=vcs, analyzers=[FakeAnalyzer()], **sight.options) as engine:
        yield engine


def tree(sight: Sight) -> set[tuple[str, str, str | None]]:
    """Give name and kind of each span, and the name of the one around it."""
    return {(one.name, one.kind.name, parent_of(one, sight.spans)) for one in sight.spans}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Give the attributes of a span of a run, but for the id of the run."""
    told = plain(span)
    assert len(told.pop("gen_ai.conversation.id")) == 32
    return told


async def test_o3_a_review_has_exactly_these_spans(engine: AsyncEngine, sight: Sight) -> None:
    """Names, kinds and places of all spans of a review."""
    await engine.review(EXAMPLE.name)

    assert tree(sight) == {
        ("submit review", "PRODUCER", None),
        (RUN, "INTERNAL", "submit review"),
        *((f"step {name}", "INTERNAL", RUN) for name in (*STEPS, *COMPUTED)),
        ("execute_tool fakeanalyzer", "INTERNAL", "step analyze"),
    }
    scopes = {
        (one.instrumentation_scope.name, one.instrumentation_scope.schema_url)
        for one in sight.spans
        if one.instrumentation_scope
    }
    assert scopes == {("codeflow_engine", "https://opentelemetry.io/schemas/1.41.0")}


async def test_o3_the_spans_of_a_review_have_exactly_these_attributes(
    engine: AsyncEngine, sight: Sight
) -> None:
    """Names and values of all attributes."""
    review = await engine.review(EXAMPLE.name)

    (submitted,), (run,) = sight.named("submit review"), sight.named(RUN)
    (fetch,), (judge,) = sight.named("step fetch"), sight.named("step judge")
    (tool,) = sight.named("execute_tool fakeanalyzer")
    assert plain(submitted) == {"gen_ai.workflow.name": "review"}
    assert run.attributes
    assert run.attributes["gen_ai.conversation.id"] == review.run_id
    assert attributes(run) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "review",
        "codeflow.run.execution": 1,
        "codeflow.run.recoveries": 0,
        "codeflow.run.status": "succeeded",
        "codeflow.review.outcome": review.outcome.value,
        "codeflow.findings.count": len(review.findings),
    }
    assert attributes(fetch) == {"codeflow.step.name": "fetch", "codeflow.step.kind": "work"}
    assert attributes(judge) == {"codeflow.step.name": "judge", "codeflow.step.kind": "compute"}
    examined = attributes(tool).pop("codeflow.units.examined")
    assert examined > 0
    assert attributes(tool) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "fakeanalyzer",
        "codeflow.findings.count": len(review.findings),
        "codeflow.units.examined": examined,
    }


async def test_o3_an_effect_has_its_span(engine: AsyncEngine, sight: Sight) -> None:
    """Each delivered effect is one span, and one that stood there already says so."""
    plan = await engine.plan(await engine.review(EXAMPLE.name))
    await engine.apply(plan)

    kinds = {one.kind.value for one in plan.effects}
    spans = [one for one in sight.spans if one.name.startswith("publish ")]
    assert {(one.name, one.kind.name) for one in spans} == {
        (f"publish {kind}", "CLIENT") for kind in kinds
    }
    assert {parent_of(one, sight.spans) for one in spans} == {"invoke_workflow apply"}
    assert attributes(sight.named("publish check")[0]) == {
        "codeflow.effect.kind": "check",
        "codeflow.effect.found": False,
        "vcs.provider.name": plan.provider,
    }


async def test_a_run_belongs_to_the_trace_of_who_submits_it(
    engine: AsyncEngine, sight: Sight
) -> None:
    """The span of the host that submits a run is around all that the run does."""
    tracer = sight.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("request"):
        run = await engine.submit("review", {"change": EXAMPLE.name})
    await run.result()

    (request,) = sight.named("request")
    assert {one.context.trace_id for one in sight.spans} == {request.context.trace_id}
    assert run.record.traceparent is not None
    assert run.record.traceparent.split("-")[1] == format(request.context.trace_id, "032x")


async def test_a_run_is_in_no_trace_that_only_happens_to_be_there(
    engine: AsyncEngine, sight: Sight
) -> None:
    """A later run is not put under the span in which the engine was used first."""
    tracer = sight.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("first"):
        await engine.review(EXAMPLE.name)
    await engine.review(EXAMPLE.name)

    first, second = (one.context.trace_id for one in sight.named(RUN))
    assert first == sight.named("first")[0].context.trace_id != second


async def test_a_child_belongs_to_the_trace_of_its_parent(
    engine: AsyncEngine, sight: Sight
) -> None:
    """A run that a run starts is a part of what was submitted."""

    @engine.workflow("inner")
    async def inner(run: RunContext, given: dict[str, Any]) -> str:
        return "done"

    @engine.workflow("outer")
    async def outer(run: RunContext, given: dict[str, Any]) -> str:
        value: str = await run.child("inner", given)
        return value

    await (await engine.submit("outer", {})).result()

    assert len({one.context.trace_id for one in sight.spans}) == 1
    (submitted,) = sight.named("submit inner")
    assert parent_of(submitted, sight.spans) == "invoke_workflow outer"


async def test_o8_the_attempts_of_a_step_are_events_of_one_span(
    engine: AsyncEngine, sight: Sight
) -> None:
    """A step that was tried again is one span, and each attempt tells how it ended."""
    left = [ProviderUnavailableError("away"), ValueError("wrong")]

    async def work() -> str:
        if left:
            raise left.pop()
        return "done"

    @engine.workflow("tries")
    async def tries(run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("work", work, retry=Retry(on=(Exception,), first=0.0))

    await (await engine.submit("tries", {})).result()

    (step,) = sight.named("step work")
    assert step.status.status_code is StatusCode.UNSET
    assert [(one.name, dict(one.attributes or {})) for one in step.events] == [
        (names.ATTEMPT, {"codeflow.attempt.number": 1, "error.type": "ValueError"}),
        (names.ATTEMPT, {"codeflow.attempt.number": 2, "error.type": "unavailable"}),
        (names.ATTEMPT, {"codeflow.attempt.number": 3}),
    ]


async def test_what_fails_says_its_type_and_nothing_else(engine: AsyncEngine, sight: Sight) -> None:
    """The spans of a failed run are errors without a description or an exception."""

    class OddError(Exception):
        """Of some plugin."""

    async def work() -> str:
        raise OddError("quotes the change")

    @engine.workflow("fails")
    async def fails(run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("work", work)

    run = await engine.submit("fails", {})
    with pytest.raises(Exception, match="OddError"):
        await run.result()

    (step,), (whole,) = sight.named("step work"), sight.named("invoke_workflow fails")
    for span, kind in ((step, "StepError"), (whole, "StepError")):
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
        assert plain(span)["error.type"] == kind
        assert "exception" not in [event.name for event in span.events]
    assert plain(whole)["codeflow.run.status"] == "failed"


async def test_an_analyzer_that_fails_is_an_error(sight: Sight) -> None:
    """The review goes on, and the span of the analyzer says that it failed."""

    class Broken(FakeAnalyzer):
        async def analyze(self, *given: Any) -> Any:
            raise ValueError("quotes the change")

    vcs = FakeVCS(FakeHost(EXAMPLE))
    async with AsyncEngine(vcs=vcs, analyzers=[Broken()], **sight.options) as engine:
        await engine.review(EXAMPLE.name)

    (tool,) = [one for one in sight.spans if one.name.startswith("execute_tool")]
    assert tool.status.status_code is StatusCode.ERROR
    assert plain(tool)["error.type"] == "analyzer_failed"
    assert sight.named(RUN)[0].status.status_code is StatusCode.UNSET


async def test_a_step_that_is_stopped_has_not_failed(engine: AsyncEngine, sight: Sight) -> None:
    """A cancelled run leaves no error in what it was doing."""
    begun = asyncio.Event()

    async def work() -> str:
        begun.set()
        await asyncio.sleep(60)
        return "done"

    @engine.workflow("slow")
    async def slow(run: RunContext, given: dict[str, Any]) -> str:
        return await run.step("work", work)

    run = await engine.submit("slow", {})
    await begun.wait()
    await run.cancel()

    (step,), (whole,) = sight.named("step work"), sight.named("invoke_workflow slow")
    assert step.status.status_code is StatusCode.UNSET
    assert plain(step)["codeflow.stopped"] is True
    assert plain(whole)["codeflow.run.status"] == "cancelled"


async def test_o12_two_engines_tell_their_own_hosts(sight: Sight) -> None:
    """Each engine tells its own providers and logger alone, also where one asks the other."""
    other = Sight()
    vcs = FakeVCS(FakeHost(EXAMPLE))
    async with (
        AsyncEngine(vcs=vcs, analyzers=["hygiene"], **sight.options) as first,
        AsyncEngine(vcs=vcs, analyzers=["secrets"], **other.options) as second,
    ):

        @first.workflow("asks")
        async def asks(run: RunContext, given: dict[str, Any]) -> str:
            return (await second.review(EXAMPLE.name)).run_id

        asking = await first.submit("asks", {})
        asked, *_ = await asyncio.gather(
            asking.result(), first.review(EXAMPLE.name), second.review(EXAMPLE.name)
        )

    names_of = {one.name for one in sight.spans}, {one.name for one in other.spans}
    assert {"execute_tool hygiene", "invoke_workflow asks"} <= names_of[0]
    assert "execute_tool secrets" in names_of[1]
    assert "execute_tool secrets" not in names_of[0]
    assert not {"execute_tool hygiene", "invoke_workflow asks"} & names_of[1]
    assert asked not in sight.exported()
    assert asking.id not in other.exported()
    runs = sight.metrics()["codeflow.runs {run}"], other.metrics()["codeflow.runs {run}"]
    assert [sum(point.value for point in points) for points in runs] == [2, 2]


async def test_the_context_of_the_host_is_left_as_it_was(engine: AsyncEngine) -> None:
    """No span of an engine is current after a call of it."""
    await engine.review(EXAMPLE.name)

    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("name", ["tracer_provider", "meter_provider"])
def test_what_is_no_provider_is_refused(name: str) -> None:
    """A tracer, or anything else, is not taken for a provider."""
    given: dict[str, Any] = {name: "otlp://somewhere"}

    with pytest.raises(ConfigurationError, match=f"{name} is a str, not a"):
        AsyncEngine(**given)
