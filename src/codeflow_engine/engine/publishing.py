"""The verbs of an engine that write to the host of a change, after saying what they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from codeflow_engine.domain.effect import Plan, Receipt
    from codeflow_engine.domain.patch import Patch
    from codeflow_engine.domain.publishing import PublishPolicy
    from codeflow_engine.domain.review import Review
    from codeflow_engine.engine.verbs import AsyncEngine
    from codeflow_engine.runs.executor import Executor
    from codeflow_engine.runs.toolbox import Toolbox

__all__ = ["PublishingVerbs"]


class PublishingVerbs:
    """Plans of effects, and their application."""

    _executor: Executor
    _tools: Toolbox

    async def plan(
        self,
        result: Review | Patch,
        *,
        change: str | None = None,
        policy: PublishPolicy | None = None,
        branch: str | None = None,
    ) -> Plan:
        """Say what publishing a review or a patch would write to the host; nothing is.

        The threads that stand there are read, where the host has any: what is told in one
        of them is not told again, and those are resolved whose finding is mended.

        Args:
            result: A review, or a patch, which becomes a commit on a branch of its own.
            change: The change that it belongs to, in the words of the host. None: what its run
                was asked about, which the storage has to know.
            policy: What of a review is published, in place of the engine's.
            branch: Where the commit of a patch goes; None makes a name from its content.

        Raises:
            ConfigurationError: The change belongs to no host, as a bare patch or a working
                tree, or the arguments do not fit together.
            RunNotFoundError: Its run is not in the storage.
            ProviderError: The threads could not be read.
        """
        from codeflow_engine.engine.planning import plan

        return await plan(
            self._tools, self._executor, result, change=change, policy=policy, branch=branch
        )

    async def apply(self, plan: Plan) -> tuple[Receipt, ...]:
        """Write the effects of a plan, each once, and return their receipts in its order.

        The plan is bound to the revision that was reviewed. Applied again, in whatever
        process, it is the same run, and gives the same receipts. One that has ended without
        success is resumed, and tries what is left. A plan of another review is another run,
        also where it says the same: it finds what still stands, and writes the rest.

        Raises:
            PublishError: The change has moved on since.
            ConfigurationError: Its host takes no effects.
            CodeflowError: Whatever else ended the run.
        """
        from codeflow_engine.engine.applying import apply

        return await apply(cast("AsyncEngine", self), plan)
