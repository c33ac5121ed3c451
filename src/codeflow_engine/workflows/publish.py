"""From a pull request to what is written on it: review, plan, approval, and the writing.

All of it is one run, so that a host which hears of a change submits once and can forget it:
whatever becomes of its processes, the change is reviewed, and the review is published.
"""

from __future__ import annotations

from codeflow_engine.domain.effect import Plan, Receipt
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.publishing import Published, PublishPolicy
from codeflow_engine.domain.review import Review
from codeflow_engine.domain.run import RunNoted
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.fetching import AGAIN
from codeflow_engine.workflows.planning import plan_review
from codeflow_engine.workflows.publish_input import PublishInput

__all__ = ["PUBLISH", "publish"]


async def publish(run: RunContext, given: PublishInput) -> Published:
    """Review a change and write down what was found, step by step."""
    review: Review = await run.child("review", given.review.write())
    plan = await run.step("plan", _plan, run, review, given.target, given.policy, retry=AGAIN)
    await run.emit(
        RunNoted,
        message=f"planned {len(plan.effects)} effects",
        data={"plan": plan.key, "effects": [effect.kind.value for effect in plan.effects]},
    )
    if given.approval:
        await run.receive("approval", timeout=given.patience)
    receipts: tuple[Receipt, ...] = await run.child("apply", {"plan": plan.to_json()})
    return Published(review=review, plan=plan, receipts=receipts)


async def _plan(run: RunContext, review: Review, target: str, policy: PublishPolicy | None) -> Plan:
    return await plan_review(run.tools, review, target=target, policy=policy)


def _summarise(published: Published) -> dict[str, object]:
    review = published.review
    return {
        "title": review.change.title,
        "outcome": review.outcome.value,
        "effects": len(published.receipts),
        "usage": to_plain(review.usage),
    }


PUBLISH = Workflow(
    name="publish",
    version=1,
    run=publish,
    read_input=PublishInput.read,
    write_input=PublishInput.write,
    summarise=_summarise,
    partition=lambda given: given.review.repository(),
)
