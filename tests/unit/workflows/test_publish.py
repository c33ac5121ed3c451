from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.effect import EffectKind
from codeflow_engine.domain.publishing import Published, PublishPolicy
from codeflow_engine.domain.run import RunNoted, RunStatus
from codeflow_engine.errors import ConfigurationError, PublishError, StepTimeoutError
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeHost, FakeVCS

EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])
OTHER = next(one for one in EXAMPLES if one.revisions[1] not in {None, EXAMPLE.revisions[1]})
GIVEN = {"change": EXAMPLE.name, "analyzers": ["secrets"]}


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(EXAMPLE)


@pytest.fixture
async def engine(host: FakeHost) -> AsyncIterator[AsyncEngine]:
    async with AsyncEngine(vcs=FakeVCS(host)) as engine:
        await engine.open()
        yield engine


def kinds(host: FakeHost) -> list[EffectKind]:
    return [post.effect.kind for post in host.posts if post.effect is not None]


async def test_one_run_reviews_and_publishes(engine: AsyncEngine, host: FakeHost) -> None:
    """It gives the review, what was planned, and one receipt for each effect; once per key."""
    run = await engine.submit("publish", GIVEN, key="delivery-1")
    published: Published = await run.result()
    again = await engine.submit("publish", GIVEN, key="delivery-1")

    assert published.review.outcome is Outcome.REVIEWED
    assert [one.key for one in published.receipts] == [one.key for one in published.plan.effects]
    assert kinds(host) == [effect.kind for effect in published.plan.effects]
    assert (await again.result()) == published
    assert again.id == run.id


async def test_the_policy_of_the_caller_says_what_is_published(
    engine: AsyncEngine, host: FakeHost
) -> None:
    """As a value or by its fields; a wrong one is an error of configuration."""
    for policy in (PublishPolicy(summary=False), {"summary": False}):
        run = await engine.submit("publish", {**GIVEN, "policy": policy})
        await run.result()
    assert EffectKind.SUMMARY not in kinds(host)
    assert EffectKind.CHECK in kinds(host)
    for wrong in ({"summary": False, "check": False}, {"colour": 1}, 7):
        with pytest.raises(ConfigurationError):
            await engine.submit("publish", {**GIVEN, "policy": wrong})


async def test_a_plan_that_is_not_approved_is_not_written(
    engine: AsyncEngine, host: FakeHost
) -> None:
    """Who approves knows what is planned; where nobody does in time, the run ends so."""
    given = {**GIVEN, "approval": True}
    late = await engine.submit("publish", {**given, "patience": 0.05})
    with pytest.raises(StepTimeoutError):
        await late.result()
    assert host.posts == []

    run = await engine.submit("publish", given)
    noted = [one async for one in until_noted(run)]
    await run.approve(by="ada")
    published = await run.result()

    assert noted[0].data["plan"] == published.plan.key
    assert len(host.posts) == len(published.receipts) == len(noted[0].data["effects"])


async def until_noted(run: Any) -> AsyncIterator[RunNoted]:
    async for event in run.events():
        if isinstance(event, RunNoted):
            yield event
            return


async def test_d29_a_push_between_review_and_publishing_ends_the_run(
    engine: AsyncEngine, host: FakeHost
) -> None:
    """Nothing is published for a head that is no more."""
    run = await engine.submit("publish", {**GIVEN, "approval": True})
    _ = [one async for one in until_noted(run)]
    host.push(OTHER, target=EXAMPLE.name)
    await run.approve(by="ada")

    with pytest.raises(PublishError, match="moved on"):
        await run.result()
    assert (await run.refresh()).status is RunStatus.FAILED
    assert host.posts == []


async def test_what_stands_on_no_host_is_refused(engine: AsyncEngine) -> None:
    """A patch, wrong words, and what is no number of seconds."""
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n"
    for wrong in ({"change": patch}, {**GIVEN, "colour": 1}, {**GIVEN, "patience": -1}):
        with pytest.raises(ConfigurationError):
            await engine.submit("publish", wrong)
