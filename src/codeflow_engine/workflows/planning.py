"""What is needed to plan the publishing of a review, from its host."""

from __future__ import annotations

import asyncio
from functools import partial

from codeflow_engine.contracts import VCSCapability
from codeflow_engine.domain.effect import Plan
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.domain.review import Review
from codeflow_engine.publish.planning import head_of, plan
from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["plan_review"]


async def plan_review(
    tools: Toolbox, review: Review, *, target: str, policy: PublishPolicy | None
) -> Plan:
    """Plan what is written about a review, knowing what stands there already.

    Args:
        tools: Of the engine.
        review: Of a revision that the host knows.
        target: The change, by any of its names on the host.
        policy: What of it is published; None leaves it to the settings.

    Raises:
        ConfigurationError: The change stands on no host.
        ProviderError: The threads could not be read.
    """
    head_of(review)  # before a host is asked about what it cannot know
    vcs = tools.host()
    target = await vcs.canonical(target)
    talks = VCSCapability.DISCUSS in vcs.capabilities
    work = partial(
        plan,
        review,
        provider=tools.vcs,
        target=target,
        policy=policy or tools.settings.publish,
        threads=await vcs.read_threads(target) if talks else (),
    )
    # The report of a large review takes longer than a host's loop may stand still.
    return await asyncio.get_running_loop().run_in_executor(tools.threads, work)
