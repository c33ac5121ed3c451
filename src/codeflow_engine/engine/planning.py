"""Planning: what is needed for it, from the storage and from the host."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from codeflow_engine.domain.patch import Patch
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.publish.commits import plan_patch
from codeflow_engine.workflows.planning import plan_review

if TYPE_CHECKING:
    from codeflow_engine.domain.effect import Plan
    from codeflow_engine.domain.publishing import PublishPolicy
    from codeflow_engine.domain.review import Review
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["plan"]


async def plan(
    tools: Toolbox,
    executor: Executor,
    result: Review | Patch,
    *,
    change: str | None,
    policy: PublishPolicy | None,
    branch: str | None,
) -> Plan:
    """Do what `AsyncEngine.plan` says."""
    patched = isinstance(result, Patch)
    if patched and policy is not None:
        raise ConfigurationError("a policy says what of a review is published; this is a patch")
    if not patched and branch is not None:
        raise ConfigurationError("a branch is for the commit of a patch; this is a review")
    if change is None:
        change = str((await executor.known.look(result.run_id)).record.input.get("change"))
    if isinstance(result, Patch):
        change = await tools.host().canonical(change)
        work = partial(plan_patch, result, provider=tools.vcs, target=change, branch=branch)
        return await asyncio.get_running_loop().run_in_executor(tools.threads, work)
    return await plan_review(tools, result, target=change, policy=policy)
