from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from telemetry_sight import Sight

from codeflow_engine import AsyncEngine, RunContext
from codeflow_engine.domain.finding import FindingState
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeAnalyzer, FakeHost, FakeVCS

EXAMPLE = max(EXAMPLES, key=lambda one: len(one.diff.units))


def line(number: int) -> str:
    """Make a patch of a file of its own, in a repository of its own."""
    name = f"services/s{number}/app.py"
    return f"--- a/{name}\n+++ b/{name}\n@@ -1 +1,2 @@\n a = {number}\n+breakpoint()\n"


async def test_o3_a_review_is_counted() -> None:
    """Names, units, labels and sums of all metrics of a review and its publication."""
    sight = Sight()
    vcs = FakeVCS(FakeHost(EXAMPLE))
    analyzers = ["hygiene", FakeAnalyzer()]
    async with AsyncEngine(vcs=vcs, analyzers=analyzers, **sight.options) as engine:
        review, other = await engine.review(EXAMPLE.name), await engine.review(line(1))
        plan = await engine.plan(review)
        await engine.apply(plan)

    metrics = sight.metrics()
    review_run = {"gen_ai.workflow.name": "review"}
    ended = {"codeflow.run.status": "succeeded"}
    alive = (FindingState.NEW, FindingState.OPEN)
    findings = [one for one in (*review.findings, *other.findings) if one.state in alive]
    outcomes = Counter((review.outcome.value, other.outcome.value))
    kinds = Counter(one.kind.value for one in plan.effects)
    told = {
        name: [(point.labels, point.value) for point in points] for name, points in metrics.items()
    }
    steps = {point.labels["codeflow.step.name"] for point in metrics["codeflow.step.duration s"]}
    assert metrics.keys() == {
        "codeflow.runs {run}",
        "codeflow.runs.active {run}",
        "codeflow.run.duration s",
        "codeflow.reviews {review}",
        "codeflow.findings {finding}",
        "codeflow.step.duration s",
        "codeflow.effects {effect}",
    }
    assert ({**review_run, **ended}, 2) in told["codeflow.runs {run}"]
    assert (review_run, 0) in told["codeflow.runs.active {run}"]
    assert {
        labels["codeflow.review.outcome"]: value
        for labels, value in told["codeflow.reviews {review}"]
    } == outcomes
    assert {
        labels["codeflow.finding.severity"]: value
        for labels, value in told["codeflow.findings {finding}"]
    } == Counter(one.severity.value for one in findings)
    assert findings
    assert {
        labels["codeflow.effect.kind"]: value for labels, value in told["codeflow.effects {effect}"]
    } == kinds
    assert {"fetch", "analyze", "judge", "save"} <= steps
    assert all(0 <= point.value < 60 for point in metrics["codeflow.run.duration s"])


async def test_a_run_that_fails_is_counted_with_its_type() -> None:
    """The label says what kind of error it was, and the step that raised it has the same."""
    sight = Sight()
    async with AsyncEngine(**sight.options) as engine:

        @engine.workflow("fails")
        async def fails(run: RunContext, given: dict[str, Any]) -> str:
            return await run.step("work", work)

        async def work() -> str:
            raise ValueError("quotes the change")

        run = await engine.submit("fails", {})
        with pytest.raises(ValueError, match="quotes"):
            await run.result()

    metrics = sight.metrics()
    (runs,), (step,) = metrics["codeflow.runs {run}"], metrics["codeflow.step.duration s"]
    assert runs.labels == {
        "gen_ai.workflow.name": "fails",
        "codeflow.run.status": "failed",
        "error.type": "ValueError",
    }
    assert step.labels == {
        "gen_ai.workflow.name": "fails",
        "codeflow.step.name": "work",
        "error.type": "ValueError",
    }


async def test_o9_changes_make_no_new_series() -> None:
    """Whatever is reviewed, the number of time series stays what it was."""
    sight = Sight()
    async with AsyncEngine(analyzers=["hygiene"], **sight.options) as engine:
        await engine.review(line(0))
        before = sight.series()
        for number in range(1, 15):
            await engine.review(line(number))

    assert sight.series() == before
    (reviews,) = sight.metrics()["codeflow.reviews {review}"]
    assert reviews.value == 15


@pytest.mark.fault
async def test_o9_ten_thousand_changes_make_no_new_series() -> None:
    """The same, for 10,000 runs of another repository each."""
    sight = Sight()
    async with AsyncEngine(**sight.options) as engine:

        @engine.workflow("triage")
        async def triage(run: RunContext, given: dict[str, Any]) -> str:
            return await run.step("look", look, str(given["repository"]), key=given["repository"])

        async def look(repository: str) -> str:
            return repository

        before = 0
        for number in range(10_000):
            await (await engine.submit("triage", {"repository": f"acme/r{number}"})).result()
            before = before or sight.series()

    assert sight.series() == before
    assert sight.metrics()["codeflow.runs {run}"][0].value == 10_000


async def test_o9_all_models_of_an_engine_are_told_apart() -> None:
    """However many are configured: their number is the host's, and does not grow."""
    sight = Sight()
    names = [f"m{number}" for number in range(25)]
    async with AsyncEngine(llm=[f"echo:{name}" for name in names], **sight.options) as engine:
        await engine.try_models()

    points = sight.metrics()["gen_ai.client.operation.duration s"]
    assert [point.labels["gen_ai.request.model"] for point in points] == names


async def test_o9_names_that_a_workflow_makes_up_end_in_other() -> None:
    """A workflow that names steps by what it works on cannot make series without end."""
    sight = Sight()
    async with AsyncEngine(**sight.options) as engine:

        @engine.workflow("names")
        async def names(run: RunContext, given: dict[str, Any]) -> str:
            for number in range(150):
                await run.compute(f"file-{number}", str)
            return "done"

        await (await engine.submit("names", {})).result()

    points = sight.metrics()["codeflow.step.duration s"]
    told = {point.labels["codeflow.step.name"]: point.count for point in points}
    assert len(told) == 101
    assert told["other"] == 50
